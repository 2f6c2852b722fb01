"""Any bytes at all: an answer below 500 that shows no stack, and a refusal changes nothing.

10,000 requests in one process, without a socket; hypothesis chooses them.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lambdas.management.operations import CHANGES, READS
from lambdas.management.service_model import Kind, Operation, load
from model.settings import ApiSettings, Quotas, Settings
from tests.management.local_api import WRITES, LocalApi, local_api
from tests.management.signing import balancer_event, event, signed_headers

MODEL = load()
OPERATIONS = [MODEL.operations[name] for name in sorted(READS.keys() | CHANGES.keys())]
ARN = "arn:aws:chime:us-east-1:000000000000:vc/"
SHAPED, HOSTILE, UNSIGNED = 2_000, 2_250, 1_500
"""Examples of each kind; the signed ones are sent twice, through both kinds of front door."""
FRONTS = (event, balancer_event)


def examples(count: int) -> settings:
    """Return how hypothesis is to go about it."""
    return settings(
        max_examples=count,
        deadline=None,
        suppress_health_check=[
            HealthCheck.function_scoped_fixture,
            HealthCheck.too_slow,
            HealthCheck.data_too_large,
        ],
    )


class Fuzzed:
    """An API, and what it has written into its tables."""

    def __init__(self, api: LocalApi) -> None:
        self.api = api
        self.written: list[str] = []
        api.dynamodb.meta.events.register("after-call.dynamodb", self._note)
        # An existing connector and group, so that what is put on them is looked at.
        self.connector_id = api.new_connector().rsplit("/", 1)[1]
        group = api.made("POST", "/voice-connector-groups", {"Name": "g"})["VoiceConnectorGroup"]
        self.group_id = str(group["VoiceConnectorGroupId"])

    def answer(self, request: Mapping[str, object]) -> tuple[int, Mapping[str, str], str]:
        """Return status, headers and body; what every answer has to be is checked."""
        self.written.clear()
        answer: Any = self.api.handle(request)
        status, body = answer["statusCode"], answer["body"]
        headers = answer.get("headers") or {
            name: values[0] for name, values in answer["multiValueHeaders"].items()
        }
        assert status < 500, (request, answer)
        assert "Traceback" not in body and 'File "' not in body, (request, answer)
        if status >= 400:
            assert self.written == [], (request, answer)
        return status, headers, body

    def _note(self, http_response: Any, model: Any, **_: object) -> None:
        if model.name in WRITES and http_response.status_code == 200:
            self.written.append(model.name)


@pytest.fixture(scope="module")
def fuzzed() -> Iterator[Fuzzed]:
    # A quota that is soon used up: refusals for it are tried too, and moto is slow with much.
    with local_api(Settings(api=ApiSettings(quotas=Quotas(connectors=20, numbers=20)))) as api:
        yield Fuzzed(api)


SCALARS: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=30),
    st.sampled_from(
        [
            "US",
            "vc",
            "206",
            ARN + "a" * 22,
            "WA",
            "98109",
            "+12065552001",
            "10.0.0.0/8",
            "pbx.example.com",
            "Local",
        ]
    ),
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


def shaped(name: str) -> st.SearchStrategy[Any]:
    """Return values that have the form of a shape, or nearly."""
    shape = MODEL.shapes[name]
    match shape.kind:
        case Kind.STRUCTURE:
            members = {key: shaped(member.shape) for key, member in shape.members.items()}
            right: st.SearchStrategy[Any] = st.fixed_dictionaries({}, optional=members)
        case Kind.LIST:
            assert shape.element is not None
            right = st.lists(shaped(shape.element), max_size=3)
        case Kind.INTEGER:
            right = st.integers(-1, 200)
        case Kind.BOOLEAN:
            right = st.booleans()
        case _ if shape.choices:
            right = st.sampled_from(sorted(shape.choices))
        case _:
            right = SCALARS
    return right | JSON


def bodies(operation: Operation) -> st.SearchStrategy[bytes]:
    documents = shaped(operation.input) if operation.input is not None else JSON
    return documents.map(lambda it: json.dumps(it).encode()) | st.binary(max_size=200)


SEGMENT = st.text(st.characters(), max_size=12).map(
    lambda text: quote(text.encode("utf-8", "surrogatepass"), safe="%")
)


def check(fuzzed: Fuzzed, operation: Operation, request: Mapping[str, object]) -> None:
    status, headers, body = fuzzed.answer(request)
    if status >= 400:
        shape = headers["x-amzn-ErrorType"]
        if shape == "InvalidSignatureException":
            # botocore signs a query with a lone percent sign as it is; no client sends one.
            return
        assert shape in operation.errors, (operation.name, request, body)
        assert json.loads(body)["Code"] in MODEL.shapes["ErrorCode"].choices


@examples(SHAPED)
@given(data=st.data())
def test_no_input_of_any_operation_is_answered_with_a_failure(
    fuzzed: Fuzzed, data: st.DataObject
) -> None:
    # API V1 E1 E4 E6
    operation = data.draw(st.sampled_from(OPERATIONS))
    known = st.sampled_from([fuzzed.connector_id, fuzzed.group_id])
    path = operation.path
    while "{" in path:
        start, end = path.index("{"), path.index("}")
        path = path[:start] + data.draw(known | SEGMENT) + path[end + 1 :]
    pairs = [f"{key}={value}" for key, value in operation.constant_query.items()]
    names = st.sampled_from(
        ["max-results", "next-token", "status", "area-code", "country", "arn", "x"]
    )
    arn = st.just(quote(f"{ARN}{fuzzed.connector_id}", safe=""))
    pairs += [
        f"{data.draw(names)}={data.draw(SEGMENT | arn)}"
        for _ in range(data.draw(st.integers(0, 2)))
    ]
    target, body = f"{path}?{'&'.join(pairs)}", data.draw(bodies(operation))
    headers = signed_headers(operation.method, target, body, moment=fuzzed.api.now)
    for carried in FRONTS:
        check(fuzzed, operation, carried(operation.method, target, body, headers=headers))


DEPTHS = (10, 900, 1_100, 100_000)
SIZES = (100, 100_000, 1_000_000)
MONSTERS = [
    *(b"[" * depth for depth in DEPTHS),
    *(b'{"Name":' * depth for depth in DEPTHS),
    *(b"[" * depth + b"]" * depth for depth in DEPTHS),
    *(b'{"Name":"' + b"x" * size + b'","RequireEncryption":true}' for size in SIZES),
    *(b'{"Name":' + b"9" * size + b"}" for size in SIZES),
    *(b'{"Credentials":[' + b"{}," * size + b"{}]}" for size in SIZES),
    *(b" " * size for size in SIZES),
    b'{"Name":1e999999}',
    b'{"Name":NaN,"RequireEncryption":Infinity}',
    b'{"Name":"\\ud800","RequireEncryption":true}',
    b'{"Name":"\\u0000","RequireEncryption":true}',
    b'{"Name":"a","Name":{},"RequireEncryption":[]}',
    b'\xef\xbb\xbf{"Name":"bom"}',
    '{"Name":"vc"}'.encode("utf-16"),
    b'{"Name":"\xff\xfe"}',
    b'{"Name":"\xed\xa0\x80"}',
    b"\x1f\x8b\x08\x00",
    b"Action=GetCallerIdentity&Version=2011-06-15",
    b"&".join([b"a=b"] * 1_000),
]
TARGETS = [
    *("/", "//", "/voice-connectors", "/voice-connectors/", "/voice-connectors//origination"),
    *("/settings", "/search?type=phone-numbers&area-code=206", "/phone-number-orders"),
    *("/voice-connectors/%00", "/voice-connectors/%ff%fe", "/voice-connectors/%25252B1"),
    *("/voice-connectors/..%2f..%2fsettings", "/voice-connectors/%F0%9F%93%9E/termination"),
    *("/phone-numbers/%252B12065552001", "/phone-numbers/%2B1?operation=restore&operation="),
    *("/voice-connectors?max-results=" + "9" * 5_000, "/voice-connectors?" + "a=b&" * 1_000),
    *("/voice-connectors/" + "a" * 5_000, "/a" * 2_000, "/ext/calls", "/ext/"),
]
METHODS = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "BREW"]


@examples(HOSTILE)
@given(
    method=st.sampled_from(METHODS),
    target=st.sampled_from(TARGETS)
    | st.lists(SEGMENT, max_size=4).map(lambda segments: "/" + "/".join(segments))
    | st.sampled_from(OPERATIONS).map(lambda it: it.path.replace("{", "").replace("}", "")),
    body=st.sampled_from(MONSTERS) | st.binary(max_size=200),
    content_type=st.sampled_from(["", "application/json", "text/xml; charset=utf-16", "\x00"]),
)
def test_a_key_holder_breaks_nothing(
    fuzzed: Fuzzed,
    method: str,
    target: str,
    body: bytes,
    content_type: str,
) -> None:
    # API W1 V1 E8: whatever can be signed may be sent
    service = "sts" if target == "/" and method == "POST" else "chime"
    headers = signed_headers(method, target, body, moment=fuzzed.api.now, service=service)
    headers["content-type"] = content_type
    for carried in FRONTS:
        fuzzed.answer(carried(method, target, body, headers=headers))


HEADER = st.text(st.characters(exclude_categories=()), max_size=60)
HEADERS = st.dictionaries(
    st.sampled_from(["authorization", "x-amz-date", "host", "x-amz-content-sha256", "x"]),
    HEADER
    | st.sampled_from(
        [
            "AWS4-HMAC-SHA256 Credential=test/20260102/r/chime/aws4_request, "
            "SignedHeaders=host;x-amz-date, Signature=" + "0" * 64,
            "20260102T030405Z",
        ]
    ),
)


@examples(UNSIGNED)
@given(
    method=st.text(max_size=8),
    path=st.text(max_size=30),
    query=st.text(max_size=30),
    headers=HEADERS,
    body=st.text(max_size=30),
    of_balancer=st.booleans(),
)
def test_no_event_without_a_valid_signature_gets_past(
    fuzzed: Fuzzed,
    method: str,
    path: str,
    query: str,
    headers: dict[str, str],
    body: str,
    of_balancer: bool,
) -> None:
    # API S5
    common = {"headers": headers, "body": body, "isBase64Encoded": False}
    unsigned: dict[str, object] = {
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": query,
        "requestContext": {"http": {"method": method}},
    }
    if of_balancer:
        unsigned = {
            "requestContext": {"elb": {}},
            "httpMethod": method,
            "path": path,
            "queryStringParameters": {query: query},
        }
    assert fuzzed.answer(unsigned | common)[0] == 403


def test_that_makes_ten_thousand_requests() -> None:
    assert len(FRONTS) * (SHAPED + HOSTILE) + UNSIGNED == 10_000
