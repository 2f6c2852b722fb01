"""Requests that no SDK sends in this form, or only one of them, over a real connection."""

import http.client
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.management.signing import signed_headers
from tests.management.stand import Stand

pytestmark = pytest.mark.sockets

CREATE = b'{"Name":"raw","RequireEncryption":false}'
EMPTY_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


class Answer:
    """Status, headers and body as they came."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()
        assert len(self.headers["x-amzn-RequestId"]) == 36, "API W7"

    @property
    def document(self) -> Any:
        """The JSON of the body."""
        return json.loads(self.body)


def send(
    stand: Stand,
    method: str,
    target: str,
    body: bytes = b"",
    *,
    signed: Mapping[str, str] | None = None,
    extra: Mapping[str, str] | None = None,
    moment: datetime | None = None,
    chunked: bool = False,
) -> Answer:
    """Send one signed request; `signed` headers are signed, `extra` ones are not."""
    moment = moment or datetime.now(UTC)
    headers = signed_by(stand, method, target, body, moment, signed or {}) | dict(extra or {})
    return exchange(stand, method, target, headers, body, chunked)


def signed_by(
    stand: Stand,
    method: str,
    target: str,
    body: bytes,
    moment: datetime,
    headers: Mapping[str, str],
) -> dict[str, str]:
    """Return headers with a signature of the stand's key."""
    key_id, secret = stand.key
    given = {"Host": stand.host, **headers}
    return signed_headers(
        method, target, body, moment=moment, key_id=key_id, secret=secret, headers=given
    )


def exchange(
    stand: Stand,
    method: str,
    target: str,
    headers: dict[str, str],
    body: bytes,
    chunked: bool = False,
) -> Answer:
    """Send one request and read its answer."""
    headers.pop("content-length", None)
    connection = http.client.HTTPConnection(stand.gateway or stand.host, timeout=10)
    try:
        sent: bytes | Iterator[bytes] = iter([body[:7], body[7:]]) if chunked else body
        connection.request(method, target, sent, headers, encode_chunked=chunked)
        return Answer(connection.getresponse())
    finally:
        connection.close()


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "application/json; charset=utf-8",
        "application/x-amz-json-1.1",
        "application/x-www-form-urlencoded",
        "text/plain",
        None,
    ],
)
def test_what_is_json_is_read_as_json_whatever_its_label(
    stand: Stand, content_type: str | None
) -> None:
    # API W1
    signed = {} if content_type is None else {"Content-Type": content_type}
    answer = send(stand, "POST", "/voice-connectors", CREATE, signed=signed)
    assert answer.status == 201
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.document["VoiceConnector"]["Name"] == "raw"


def test_a_body_in_chunks_is_the_same_body(stand: Stand) -> None:
    # API W1
    assert send(stand, "POST", "/voice-connectors", CREATE, chunked=True).status == 201


def test_a_body_where_none_belongs_is_ignored(stand: Stand) -> None:
    # API W1 W4
    assert send(stand, "GET", "/voice-connectors?max-results=1", b"not json").status == 200


def test_no_body_is_an_empty_object(stand: Stand) -> None:
    # API W1
    assert send(stand, "PUT", "/settings").status == 204
    refused = send(stand, "POST", "/voice-connectors")
    assert (refused.status, refused.document["Code"]) == (400, "BadRequest")


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "PATCH", "TRACE"])
def test_a_method_that_no_operation_has_is_an_unknown_operation(stand: Stand, method: str) -> None:
    # API E8 W2: and without a signature it is what any unsigned request is
    answer = send(stand, method, "/voice-connectors")
    assert answer.status == 404
    assert answer.headers["x-amzn-ErrorType"] == "UnknownOperationException"
    assert bool(answer.body) == (method != "HEAD")
    unsigned = exchange(stand, method, "/voice-connectors", {"host": stand.host}, b"")
    assert unsigned.status == 403
    assert unsigned.headers["x-amzn-ErrorType"] == "MissingAuthenticationTokenException"


@pytest.mark.parametrize(
    "declared", ["UNSIGNED-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER", EMPTY_SHA256]
)
def test_a_body_that_is_not_signed_is_refused(stand: Stand, declared: str) -> None:
    # API S3
    signed = {"x-amz-content-sha256": declared}
    answer = send(stand, "POST", "/voice-connectors", CREATE, signed=signed)
    assert answer.status == 403
    assert answer.headers["x-amzn-ErrorType"] == "InvalidSignatureException"
    assert answer.document == {"Message": "X-Amz-Content-SHA256 is not the hash of the body"}


def test_a_changed_body_and_an_old_signature_are_refused(stand: Stand) -> None:
    # API S5
    now = datetime.now(UTC)
    headers = signed_by(stand, "POST", "/voice-connectors", CREATE, now, {})
    changed = CREATE.replace(b"raw", b"Raw")
    answer = exchange(stand, "POST", "/voice-connectors", headers, changed)
    assert answer.headers["x-amzn-ErrorType"] == "InvalidSignatureException"
    for away in (timedelta(minutes=6), timedelta(minutes=-6)):
        answer = send(stand, "GET", "/voice-connectors", moment=now + away)
        assert answer.status == 403
        assert answer.headers["x-amzn-ErrorType"] == "RequestExpired"


def test_a_session_token_and_headers_that_are_not_signed_are_ignored(stand: Stand) -> None:
    # API S3 S5
    token = {"x-amz-security-token": "left over from another profile"}
    assert send(stand, "GET", "/voice-connectors?max-results=1", signed=token).status == 200
    assert (
        send(stand, "GET", "/voice-connectors?max-results=1", extra={"x-amz-x": "y"}).status == 200
    )


@pytest.mark.parametrize(
    ("target", "status", "code"),
    [
        ("/voice-connectors/", 400, "BadRequest"),
        ("/voice-connectors/%20", 400, "BadRequest"),
        ("/voice-connectors//origination", 400, "BadRequest"),
        ("/voice-connectors/a%2Fb", 404, "NotFound"),
        ("/voice-connectors/a%2fb/origination", 404, "NotFound"),
        ("/voice-connectors/%2E%2E", 404, "NotFound"),
        ("/voice-connectors/x/../y", 404, "NotFound"),
        ("/voice-connectors/%ff", 400, "BadRequest"),
        ("/voice-connectors/%00", 404, "NotFound"),
        ("/voice-connectors/" + "a" * 9_000, 404, "NotFound"),
        ("/phone-numbers/%252B12065559999", 404, "NotFound"),
        ("/phone-numbers?filter-name=VoiceConnectorId&filter-value=%00", 200, None),
        ("/search?type=phone-numbers&city=New%20York&state=NY&max-results=1", 200, None),
    ],
)
def test_a_path_is_taken_as_it_was_sent(
    stand: Stand, target: str, status: int, code: str | None
) -> None:
    # API W3 S4 E3
    answer = send(stand, "GET", target)
    assert (answer.status, answer.document.get("Code")) == (status, code)


def test_an_error_has_type_code_and_message(stand: Stand) -> None:
    # API E1 E2 E3, section 2 example
    answer = send(stand, "GET", "/voice-connectors/unknown")
    assert answer.status == 404
    assert answer.headers["x-amzn-ErrorType"] == "NotFoundException"
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.document == {"Code": "NotFound", "Message": "Voice Connector unknown not found"}
