"""Signature Version 4, as the server checks it; no socket."""

import hashlib
import hmac
import json
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest

from lambdas.management import auth
from lambdas.management.access_keys import AccessKey
from lambdas.management.auth import Verified, verify
from lambdas.management.composition import Handler
from lambdas.management.errors import ApiError, InvalidSignature, UnrecognizedClient
from lambdas.management.events import request_from
from tests.management.signing import event, signed_headers

TARGET = "/voice-connectors?max-results=5&next-token="


def answer_to(
    handler: Handler,
    headers: Mapping[str, str],
    *,
    method: str = "GET",
    target: str = TARGET,
    body: bytes = b"",
) -> tuple[int, str]:
    """Return status and error type."""
    answer = handler(event(method, target, body, headers=headers), None)
    status, answer_headers = answer["statusCode"], answer["headers"]
    assert isinstance(status, int) and isinstance(answer_headers, dict)
    return status, answer_headers.get("x-amzn-ErrorType", "")


@pytest.mark.parametrize(
    ("method", "target", "body"),
    [
        ("GET", TARGET, b""),
        ("GET", "/voice-connectors/?next-token=b%2Fc%3D&max-results=5", b""),
        ("GET", "/phone-numbers/%2B12065550100", b""),
        ("GET", "/phone-numbers/%252B12065550100", b""),
        ("GET", "/voice-connectors/a%20b", b""),
        ("GET", "/voice-connectors/%C3%A9", b""),
        ("GET", "/voice-connectors/x/../y", b""),
        ("GET", "/tags?arn=arn%3Aaws%3Achime%3Aus-east-1%3A000000000000%3Avc%2Fx&flag", b""),
        ("POST", "/voice-connectors", '{"Name":"é"}'.encode()),
        ("POST", "/voice-connectors", b"\xff\xfe"),
    ],
)
def test_what_botocore_signs_is_verified(
    handler: Handler, clock: datetime, method: str, target: str, body: bytes
) -> None:
    # API S2 S4
    headers = signed_headers(method, target, body, moment=clock)
    status, _ = answer_to(handler, headers, method=method, target=target, body=body)
    assert status in (200, 400, 403, 404)
    assert answer_to(handler, headers, method=method, target=target, body=body)[1] not in REFUSALS


REFUSALS = {
    "InvalidSignatureException",
    "MissingAuthenticationTokenException",
    "RequestExpired",
    "UnrecognizedClientException",
}


def test_a_content_hash_is_honoured_and_checked(handler: Handler, clock: datetime) -> None:
    # API S3: what the JavaScript SDK sends
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    right = signed_headers("GET", TARGET, moment=clock, headers={"x-amz-content-sha256": empty})
    assert answer_to(handler, right) == (200, "")
    wrong = signed_headers(
        "GET", TARGET, moment=clock, headers={"x-amz-content-sha256": "UNSIGNED"}
    )
    assert answer_to(handler, wrong) == (403, "InvalidSignatureException")


@pytest.mark.parametrize(
    "more",
    [
        {
            "amz-sdk-invocation-id": "3a5c0a52-6a3c-4d7c-9d6e-3a2f4c6d9b10",
            "amz-sdk-request": "attempt=1; max=25",
            "content-length": "39",
            "content-type": "application/json",
        },
        {"x-amz-user-agent": "aws-sdk-js/3.1142.0", "content-type": "application/json"},
        {"content-type": "application/json"},
        {},
    ],
    ids=["Go", "JavaScript", "boto3", "bare"],
)
def test_each_sdk_may_sign_its_own_set_of_headers(
    handler: Handler, clock: datetime, more: dict[str, str]
) -> None:
    # API S3
    body = b'{"Name":"vc","RequireEncryption":false}'
    headers = signed_headers("POST", "/voice-connectors", body, moment=clock, headers=more)
    signed = headers["authorization"].split("SignedHeaders=")[1].split(",")[0]
    assert set(more) <= set(signed.split(";"))
    answer = answer_to(handler, headers, method="POST", target="/voice-connectors", body=body)
    assert answer == (201, "")
    for name in more:
        changed = headers | {name: headers[name] + "0"}
        refused = answer_to(handler, changed, method="POST", target="/voice-connectors", body=body)
        assert refused == (403, "InvalidSignatureException")


def test_signed_header_values_are_trimmed_and_folded(handler: Handler, clock: datetime) -> None:
    # API S3
    headers = signed_headers("GET", TARGET, moment=clock, headers={"x-amz-user-agent": " a   b "})
    assert "x-amz-user-agent" in headers["authorization"]
    assert answer_to(handler, headers) == (200, "")


@pytest.mark.parametrize(
    ("away", "expected"),
    [
        (timedelta(minutes=5), (200, "")),
        (timedelta(minutes=-5), (200, "")),
        (timedelta(minutes=5, seconds=1), (403, "RequestExpired")),
        (timedelta(minutes=-5, seconds=-1), (403, "RequestExpired")),
    ],
)
def test_a_signature_lives_five_minutes(
    handler: Handler, clock: datetime, away: timedelta, expected: tuple[int, str]
) -> None:
    # API S5, ARCHITECTURE A2
    assert answer_to(handler, signed_headers("GET", TARGET, moment=clock + away)) == expected


def test_who_signs_with_another_secret_is_refused(handler: Handler, clock: datetime) -> None:
    # API S5
    headers = signed_headers("GET", TARGET, moment=clock, secret="guess")
    assert answer_to(handler, headers) == (403, "InvalidSignatureException")


def test_any_change_after_signing_is_refused(handler: Handler, clock: datetime) -> None:
    # API S4
    body = b'{"Name":"vc","RequireEncryption":true}'
    headers = signed_headers("POST", "/voice-connectors", body, moment=clock)
    changes: list[dict[str, object]] = [
        {"method": "PUT", "target": "/voice-connectors", "body": body},
        {"method": "POST", "target": "/voice-connectors/x", "body": body},
        {"method": "POST", "target": "/voice-connectors?operation=x", "body": body},
        {"method": "POST", "target": "/voice-connectors", "body": body + b" "},
    ]
    for change in changes:
        refused = answer_to(handler, headers, **change)  # type: ignore[arg-type]  # by name
        assert refused == (403, "InvalidSignatureException"), change
    moved = headers | {"host": "elsewhere.example.net"}
    refused = answer_to(handler, moved, method="POST", target="/voice-connectors", body=body)
    assert refused == (403, "InvalidSignatureException")


def _altered(headers: dict[str, str], old: str, new: str) -> dict[str, str]:
    altered = headers["authorization"].replace(old, new)
    assert altered != headers["authorization"]
    return headers | {"authorization": altered}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256", "InvalidSignatureException"),
        ("AWS4-HMAC-SHA256 ", "Bearer ", "InvalidSignatureException"),
        ("Credential=test/", "Credential=nobody/", "UnrecognizedClientException"),
        ("Credential=test/", "Credential=/", "InvalidSignatureException"),
        ("/20260102/", "/20260103/", "InvalidSignatureException"),
        ("/chime/", "/s3/", "InvalidSignatureException"),
        ("/aws4_request", "/aws4", "InvalidSignatureException"),
        ("host;", "", "InvalidSignatureException"),
        ("host;x-amz-date", "host", "InvalidSignatureException"),
        ("host;x-amz-date", "host;x-absent;x-amz-date", "InvalidSignatureException"),
        ("Signature=", "Signature=g", "InvalidSignatureException"),
        ("Signature=", "Sig=", "InvalidSignatureException"),
    ],
)
def test_an_altered_authorization_is_refused(
    handler: Handler, clock: datetime, old: str, new: str, expected: str
) -> None:
    # API S5
    headers = _altered(signed_headers("GET", TARGET, moment=clock), old, new)
    assert answer_to(handler, headers) == (403, expected)


@pytest.mark.parametrize("stamp", ["", "yesterday", "20260102T030405", "20261302T030405Z"])
def test_a_date_that_is_none_is_refused(handler: Handler, clock: datetime, stamp: str) -> None:
    # API S5
    headers = signed_headers("GET", TARGET, moment=clock) | {"x-amz-date": stamp}
    assert answer_to(handler, headers) == (403, "InvalidSignatureException")


def test_no_signature_and_a_presigned_query_are_missing_a_token(handler: Handler) -> None:
    # API S5: also an unknown path tells a stranger nothing
    missing = (403, "MissingAuthenticationTokenException")
    assert answer_to(handler, {"host": "voice.example.net"}) == missing
    presigned = "/voice-connectors?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=00"
    assert answer_to(handler, {"host": "voice.example.net"}, target=presigned) == missing
    assert answer_to(handler, {}, target="/nowhere") == missing


def test_an_authentication_error_has_a_message_and_no_code(handler: Handler) -> None:
    # API S5 W7
    answer = handler(event("GET", TARGET, headers={}), None)
    assert json.loads(str(answer["body"])) == {"Message": "Request is missing Authentication Token"}
    headers = answer["headers"]
    assert isinstance(headers, dict)
    assert len(headers["x-amzn-RequestId"]) == 36
    assert headers["Date"] == "Fri, 02 Jan 2026 03:04:05 GMT"


def test_sts_takes_signatures_for_sts_only(handler: Handler, clock: datetime) -> None:
    # API S8
    form = b"Action=GetCallerIdentity&Version=2011-06-15"
    right = signed_headers("POST", "/", form, moment=clock, service="sts")
    assert answer_to(handler, right, method="POST", target="/", body=form) == (200, "")
    wrong = signed_headers("POST", "/", form, moment=clock)
    status, _ = answer_to(handler, wrong, method="POST", target="/", body=form)
    assert status == 403


class Ring:
    """Access keys in a dict."""

    def __init__(self, *keys: AccessKey) -> None:
        self._keys = {key.access_key_id: key for key in keys}

    def find(self, access_key_id: str) -> AccessKey | None:
        return self._keys.get(access_key_id)


def verified(ring: Ring, headers: Mapping[str, str], now: datetime, body: bytes = b"") -> Verified:
    method = "POST" if body else "GET"
    request = request_from(event(method, TARGET, body, headers=headers))
    return verify(request, ring, service="chime", now=now)


class _Counted:
    """A module whose functions are counted as they are called."""

    def __init__(self, module: Any, done: Counter[str]) -> None:
        self._module, self._done = module, done

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._module, name)
        if not callable(value):
            return value

        def counted(*arguments: Any, **named: Any) -> Any:
            self._done[name] += 1
            return value(*arguments, **named)

        return counted


def work_of(
    monkeypatch: pytest.MonkeyPatch, refused: Callable[[], object], error: type[ApiError]
) -> Counter[str]:
    """Return which cryptographic operations a refusal takes, and how many of each."""
    done: Counter[str] = Counter()
    with monkeypatch.context() as patch:
        patch.setattr(auth, "hmac", _Counted(hmac, done))
        patch.setattr(auth, "hashlib", _Counted(hashlib, done))
        with pytest.raises(error):
            refused()
    return done


@pytest.mark.parametrize("target", ["/voice-connectors", "/phone-numbers/%2B12065550100"])
def test_an_unknown_key_takes_the_same_work_as_a_wrong_secret(
    clock: datetime, monkeypatch: pytest.MonkeyPatch, target: str
) -> None:
    # API S5: constant time, counted in operations
    headers = signed_headers("GET", target, moment=clock, secret="guess")
    request = request_from(event("GET", target, headers=headers))

    def attempt(ring: Ring) -> Callable[[], object]:
        return lambda: verify(request, ring, service="chime", now=clock)

    known = Ring(AccessKey("test", "test"))
    expired = Ring(AccessKey("test", "guess", clock))
    wrong = work_of(monkeypatch, attempt(known), InvalidSignature)
    assert wrong == work_of(monkeypatch, attempt(Ring()), UnrecognizedClient)
    assert wrong == work_of(monkeypatch, attempt(expired), UnrecognizedClient)
    # Four to derive the key, and a signature for each reading of the path.
    readings = 2 if "%" in target else 1
    assert wrong["digest"] == 4 + readings
    assert wrong["compare_digest"] == 1 + readings


def test_the_secret_that_stands_in_for_an_unknown_key_lets_nobody_in(clock: datetime) -> None:
    # API S5: it is in the source, for everybody to read
    headers = signed_headers("GET", TARGET, moment=clock, secret=auth._NO_SECRET)
    with pytest.raises(UnrecognizedClient):
        verified(Ring(), headers, clock)


def test_a_key_works_until_its_time_has_run_out(clock: datetime) -> None:
    # ARCHITECTURE A2: the overlap of a rotation
    ring = Ring(AccessKey("test", "test", clock))
    before = clock - timedelta(seconds=1)
    headers = signed_headers("GET", TARGET, moment=before)
    assert verified(ring, headers, before).key.access_key_id == "test"
    with pytest.raises(UnrecognizedClient):
        verified(ring, headers, clock)


def test_a_request_can_be_replayed_for_five_minutes_and_no_longer(clock: datetime) -> None:
    # API S5: the SDKs send the same signature again when no answer came
    body = b'{"Name":"vc","RequireEncryption":true}'
    headers = signed_headers("POST", TARGET, body, moment=clock)
    ring = Ring(AccessKey("test", "test"))
    for age in (timedelta(0), timedelta(minutes=5)):
        assert verified(ring, headers, clock + age, body).raw_path == "/voice-connectors"
    with pytest.raises(ApiError) as late:
        verified(ring, headers, clock + timedelta(minutes=5, seconds=1), body)
    assert late.value.shape == "RequestExpired"
