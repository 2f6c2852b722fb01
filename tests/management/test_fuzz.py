"""Any bytes at all: an answer below 500, and no exception; no socket."""

import json
from datetime import datetime
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lambdas.management.composition import Handler
from lambdas.management.operations import CHANGES, READS
from lambdas.management.service_model import Kind, Operation, load
from tests.management.signing import event, signed_headers

MODEL = load()
OPERATIONS = [MODEL.operations[name] for name in sorted(READS.keys() | CHANGES.keys())]
ARN = "arn:aws:chime:us-east-1:000000000000:vc/"
QUIET = settings(
    max_examples=250,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

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


def check(
    handler: Handler, clock: datetime, operation: Operation, target: str, body: bytes
) -> None:
    headers = signed_headers(operation.method, target, body, moment=clock)
    answer = handler(event(operation.method, target, body, headers=headers), None)
    status, answer_headers = answer["statusCode"], answer["headers"]
    assert isinstance(status, int) and status < 500, (operation.name, target, body, answer)
    assert isinstance(answer_headers, dict)
    if status >= 400:
        shape = answer_headers["x-amzn-ErrorType"]
        if shape == "InvalidSignatureException":
            # botocore signs a query with a lone percent sign as it is; no client sends one.
            return
        assert shape in operation.errors, (operation.name, target, body, answer)
        assert json.loads(str(answer["body"]))["Code"] in MODEL.shapes["ErrorCode"].choices


@pytest.fixture(scope="module")
def connector_id(handler: Handler, clock: datetime) -> str:
    """An existing connector, so that what is put on it is looked at."""
    body = b'{"Name":"vc","RequireEncryption":false}'
    headers = signed_headers("POST", "/voice-connectors", body, moment=clock)
    answer = handler(event("POST", "/voice-connectors", body, headers=headers), None)
    return str(json.loads(str(answer["body"]))["VoiceConnector"]["VoiceConnectorId"])


@pytest.fixture(scope="module")
def group_id(handler: Handler, clock: datetime) -> str:
    """An existing group."""
    headers = signed_headers("POST", "/voice-connector-groups", b'{"Name":"g"}', moment=clock)
    target = "/voice-connector-groups"
    answer = handler(event("POST", target, b'{"Name":"g"}', headers=headers), None)
    return str(json.loads(str(answer["body"]))["VoiceConnectorGroup"]["VoiceConnectorGroupId"])


@QUIET
@given(data=st.data())
def test_no_input_of_any_operation_is_answered_with_a_failure(
    handler: Handler, clock: datetime, connector_id: str, group_id: str, data: st.DataObject
) -> None:
    # API V1 E1 E4 E6
    operation = data.draw(st.sampled_from(OPERATIONS))
    known = st.sampled_from([connector_id, group_id])
    path = operation.path
    while "{" in path:
        start, end = path.index("{"), path.index("}")
        path = path[:start] + data.draw(known | SEGMENT) + path[end + 1 :]
    pairs = [f"{key}={value}" for key, value in operation.constant_query.items()]
    names = st.sampled_from(
        ["max-results", "next-token", "status", "area-code", "country", "arn", "x"]
    )
    arn = st.just(quote(f"{ARN}{connector_id}", safe=""))
    pairs += [
        f"{data.draw(names)}={data.draw(SEGMENT | arn)}"
        for _ in range(data.draw(st.integers(0, 2)))
    ]
    body = data.draw(bodies(operation))
    check(handler, clock, operation, f"{path}?{'&'.join(pairs)}", body)


HEADER = st.text(st.characters(exclude_categories=()), max_size=60)


@QUIET
@given(
    method=st.text(max_size=8),
    path=st.text(max_size=30),
    query=st.text(max_size=30),
    headers=st.dictionaries(
        st.sampled_from(["authorization", "x-amz-date", "host", "x-amz-content-sha256", "x"]),
        HEADER
        | st.sampled_from(
            [
                "AWS4-HMAC-SHA256 Credential=test/20260102/r/chime/aws4_request, "
                "SignedHeaders=host;x-amz-date, Signature=" + "0" * 64,
                "20260102T030405Z",
            ]
        ),
    ),
    body=st.text(max_size=30),
)
def test_no_event_without_a_valid_signature_gets_past(
    handler: Handler, method: str, path: str, query: str, headers: dict[str, str], body: str
) -> None:
    # API S5
    unsigned = {
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": query,
        "headers": headers,
        "requestContext": {"http": {"method": method}},
        "body": body,
        "isBase64Encoded": False,
    }
    assert handler(unsigned, None)["statusCode"] == 403
