"""A database that is throttled is asked again, and then answered for; no socket.

botocore's own tries are part of it: answers come to the client as bytes, below its retries.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from moto.core.models import botocore_stubber

from lambdas.management.composition import AWS_CLIENT_CONFIG
from model.settings import Settings
from tests.management.local_api import LocalApi, local_api
from tests.management.signing import event, signed_headers

ATTEMPTS = 4
CONNECTOR = {"Name": "vc", "RequireEncryption": False}
THROTTLED = (
    "ProvisionedThroughputExceededException",
    "ThrottlingException",
    "RequestLimitExceeded",
)


class _Bytes:
    """The body of an answer, as botocore reads it."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self, **_: object) -> Iterator[bytes]:
        yield self._content


class Throttle:
    """Answers the next requests of one operation for the database."""

    def __init__(self, api: LocalApi) -> None:
        self.code = THROTTLED[0]
        self.left = 0
        events: Any = api.dynamodb.meta.events  # its stubs know no handler that answers
        # What moto hears it does, whoever answers: so it hears only what is not refused.
        events.unregister("before-send", botocore_stubber)
        events.register("before-send.dynamodb", self._answer)

    def next(self, count: int, code: str = THROTTLED[0]) -> None:
        """Refuse the next `count` requests."""
        self.left, self.code = count, code

    def _answer(self, event_name: str, request: Any, **more: Any) -> AWSResponse:
        if self.left == 0:
            passed = botocore_stubber(event_name, request, **more)
            assert passed is not None, "moto answers all that goes to the database"
            return passed
        self.left -= 1
        document = {"__type": f"com.amazonaws.dynamodb.v20120810#{self.code}", "message": "slow"}
        raw: Any = _Bytes(json.dumps(document).encode())
        headers: Any = {}
        return AWSResponse(request.url, 400, headers, raw)


@pytest.fixture(scope="module")
def api() -> Iterator[LocalApi]:
    with local_api(Settings(), AWS_CLIENT_CONFIG) as running:
        running.made("GET", "/settings")  # the key's use is noted
        yield running


@pytest.fixture(scope="module")
def throttle(api: LocalApi) -> Throttle:
    return Throttle(api)


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long botocore would have slept between its tries."""
    taken: list[float] = []
    monkeypatch.setattr("botocore.endpoint.time.sleep", taken.append)
    return taken


def error_of(api: LocalApi, method: str, target: str, document: object = None) -> tuple[Any, ...]:
    """Return status, type and code of a refusal."""
    body = b"" if document is None else json.dumps(document).encode()
    headers = signed_headers(method, target, body, moment=api.now)
    answer = api.handle(event(method, target, body, headers=headers))
    given: Any = answer["headers"]
    said = json.loads(str(answer["body"]))
    return answer["statusCode"], given["x-amzn-ErrorType"], said["Code"]


Act = Callable[[LocalApi], object]
ACTS: dict[str, Act] = {
    "read": lambda api: api.made("GET", "/settings"),
    "list": lambda api: api.made("GET", "/voice-connectors"),
    "transaction": lambda api: api.made("POST", "/voice-connectors", CONNECTOR),
}


@pytest.mark.parametrize("code", THROTTLED)
@pytest.mark.parametrize("act", ACTS.values(), ids=list(ACTS))
def test_throttling_is_retried(
    api: LocalApi, throttle: Throttle, pauses: list[float], act: Act, code: str
) -> None:
    # API E3, ARCHITECTURE A4
    throttle.next(ATTEMPTS - 1, code)
    act(api)
    assert throttle.left == 0
    assert len(pauses) == ATTEMPTS - 1
    assert all(0 <= pause <= 20 for pause in pauses)


@pytest.mark.parametrize("code", THROTTLED)
@pytest.mark.parametrize(
    ("method", "target", "document"),
    [
        ("GET", "/settings", None),
        ("GET", "/voice-connectors/abc", None),
        ("GET", "/voice-connectors", None),
        ("POST", "/voice-connectors", CONNECTOR),
        ("DELETE", "/voice-connectors/abc/origination", None),
        ("PUT", "/settings", {"VoiceConnector": {"CdrBucket": "bucket"}}),
    ],
)
def test_throttling_that_stays_is_unavailable(
    api: LocalApi,
    throttle: Throttle,
    pauses: list[float],
    method: str,
    target: str,
    document: object,
    code: str,
) -> None:
    # API E3 E6: 503, which every SDK tries again
    throttle.next(ATTEMPTS, code)
    refused = error_of(api, method, target, document)
    assert refused == (503, "ServiceUnavailableException", "ServiceUnavailable")
    assert throttle.left == 0 and len(pauses) == ATTEMPTS - 1


def test_the_tries_end_before_the_clients_patience() -> None:
    # The SDKs wait 60 s for an answer
    retries: Any = AWS_CLIENT_CONFIG.retries  # type: ignore[attr-defined]  # set by name at run time
    assert retries["total_max_attempts"] == ATTEMPTS
    waits: Any = AWS_CLIENT_CONFIG
    longest = waits.connect_timeout + waits.read_timeout
    assert ATTEMPTS * longest + sum(2**attempt for attempt in range(ATTEMPTS - 1)) < 60


def test_a_deletion_that_loses_to_an_association_is_a_conflict(api: LocalApi) -> None:
    # API VC7, ARCHITECTURE A4: the number comes between the reading and the conditional write
    path = api.new_connector()
    (number,) = api.new_numbers(1)

    def associate(operation: str) -> None:
        if operation == "TransactWriteItems":
            api.before_call = lambda _: None
            target = f"{path}?operation=associate-phone-numbers"
            api.made("POST", target, {"E164PhoneNumbers": [number]})

    api.before_call = associate
    refused = error_of(api, "DELETE", path)
    assert refused == (409, "ConflictException", "PhoneNumberAssociationsExist")
    assert api.made("GET", path)


def test_getting_a_connector_is_one_read(api: LocalApi) -> None:
    # ARCHITECTURE A4: cost and speed of the commonest request
    path = api.new_connector()
    asked: list[str] = []
    api.before_call = asked.append
    api.made("GET", path)
    assert asked == ["GetItem"]
