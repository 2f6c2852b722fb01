"""Signature Version 4 as the server sees it (decision A2, API S1-S5).

Clients sign for the service `chime` (STS: `sts`) in any region. The canonical URI is the path as
sent, percent-encoded once more. A front may hand the path on as sent (AWS) or decoded once
(LocalStack); so both readings are tried, and the one that verifies tells what was sent. An unknown
key is refused after the same computation as a wrong secret: the time tells no more than the answer.
Presigned queries are not supported: no client of this API uses them.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from lambdas.management.access_keys import AccessKey
from lambdas.management.errors import (
    InvalidSignature,
    MissingAuthenticationToken,
    RequestExpired,
    UnrecognizedClient,
)
from lambdas.management.http import HttpRequest
from lambdas.management.percent import encoded, reencoded

ALGORITHM = "AWS4-HMAC-SHA256"
MAX_SKEW = timedelta(minutes=5)

_STAMP = re.compile(r"[0-9]{8}T[0-9]{6}Z", re.ASCII)
_SIGNATURE = re.compile(r"[0-9a-f]{64}", re.ASCII)
_BLANKS = re.compile(r" +")

_NO_SECRET = "secret of a key that does not exist"
"""Stands in for an unknown key's: nobody gets in with it, but a signature is computed (S5)."""


class KeySource(Protocol):
    """Where access keys are found."""

    def find(self, access_key_id: str) -> AccessKey | None:
        """Return an active key."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """Who sent a request, and which path was signed."""

    key: AccessKey
    raw_path: str
    """As the client sent it, still encoded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Authorization:
    access_key_id: str
    date: str
    region: str
    service: str
    signed_headers: tuple[str, ...]
    signature: str


def verify(request: HttpRequest, keys: KeySource, *, service: str, now: datetime) -> Verified:
    """Return who signed a request; raises the error of API S5 that fits."""
    header = request.headers.get("authorization")
    if header is None:
        raise MissingAuthenticationToken("Request is missing Authentication Token")
    authorization = _parsed(header)
    stamp = _checked_stamp(request.headers, authorization, now)
    _check_scope(authorization, service)
    _check_signed_headers(authorization, request.headers)
    payload_hash = _checked_payload_hash(request)
    key = keys.find(authorization.access_key_id)
    if key is not None and not key.is_valid_at(now):
        key = None
    signing_key = _signing_key(_NO_SECRET if key is None else key.secret, authorization)
    for raw_path in dict.fromkeys((request.raw_path, encoded(request.raw_path, keep="/"))):
        canonical = _canonical_request(request, raw_path, authorization, payload_hash)
        expected = _signature(signing_key, authorization, stamp, canonical)
        fits = hmac.compare_digest(expected, authorization.signature)
        if fits and key is not None:
            return Verified(key=key, raw_path=raw_path)
    if key is None:
        raise UnrecognizedClient("The security token included in the request is invalid.")
    raise InvalidSignature(
        "The request signature we calculated does not match the signature you provided. "
        "Check your AWS Secret Access Key and signing method."
    )


def _parsed(header: str) -> _Authorization:
    algorithm, _, rest = header.strip().partition(" ")
    if algorithm != ALGORITHM:
        raise InvalidSignature(f"Authorization is not of the form {ALGORITHM} Credential=...")
    fields = dict(part.strip().partition("=")[::2] for part in rest.split(","))
    scope = fields.get("Credential", "").split("/")
    signature = fields.get("Signature", "")
    names = tuple(fields.get("SignedHeaders", "").split(";"))
    if len(scope) != 5 or not all(scope) or scope[4] != "aws4_request":
        raise InvalidSignature("Credential is not <key>/<date>/<region>/<service>/aws4_request")
    if not all(names) or not _SIGNATURE.fullmatch(signature):
        raise InvalidSignature("Authorization lacks SignedHeaders or a Signature of 64 digits")
    return _Authorization(
        access_key_id=scope[0],
        date=scope[1],
        region=scope[2],
        service=scope[3],
        signed_headers=names,
        signature=signature,
    )


def _checked_stamp(headers: Mapping[str, str], given: _Authorization, now: datetime) -> str:
    stamp = headers.get("x-amz-date", "")
    try:
        if not _STAMP.fullmatch(stamp):
            raise ValueError("not of the form yyyymmddThhmmssZ")
        signed_at = datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError as error:
        raise InvalidSignature("X-Amz-Date is missing or no date like 20260102T030405Z") from error
    if given.date != stamp[:8]:
        raise InvalidSignature("The date of Credential is not the date of X-Amz-Date")
    if abs(now - signed_at) > MAX_SKEW:
        late = "Signature expired" if signed_at < now else "Signature not yet current"
        raise RequestExpired(f"{late}: {stamp} is more than 5 min away from {now:%Y%m%dT%H%M%SZ}")
    return stamp


def _check_scope(given: _Authorization, service: str) -> None:
    if given.service != service:
        raise InvalidSignature(f"Credential should be scoped to correct service: '{service}'.")


def _check_signed_headers(given: _Authorization, headers: Mapping[str, str]) -> None:
    for name in ("host", "x-amz-date"):
        if name not in given.signed_headers:
            raise InvalidSignature(f"The header '{name}' must be a signed header")
    for name in given.signed_headers:
        if name not in headers:
            raise InvalidSignature(f"The signed header '{name[:64]}' is not in the request")


def _checked_payload_hash(request: HttpRequest) -> str:
    actual = hashlib.sha256(request.body).hexdigest()
    declared = request.headers.get("x-amz-content-sha256", actual)
    if not hmac.compare_digest(declared.encode("utf-8", "surrogatepass"), actual.encode()):
        raise InvalidSignature("X-Amz-Content-SHA256 is not the hash of the body")
    return actual


def _canonical_request(
    request: HttpRequest, raw_path: str, given: _Authorization, payload_hash: str
) -> str:
    headers = (
        f"{name}:{_BLANKS.sub(' ', request.headers[name].strip())}\n"
        for name in given.signed_headers
    )
    return "\n".join(
        (
            request.method,
            encoded(_without_dot_segments(raw_path), keep="/"),
            _canonical_query(request.raw_query),
            "".join(headers),
            ";".join(given.signed_headers),
            payload_hash,
        )
    )


def _canonical_query(raw_query: str) -> str:
    pairs = (part.partition("=") for part in raw_query.split("&") if part)
    return "&".join(
        f"{name}={value}"
        for name, value in sorted((reencoded(n), reencoded(v)) for n, _, v in pairs)
    )


def _without_dot_segments(path: str) -> str:
    """Return a path as every signer but S3's normalises it: RFC 3986 §5.2.4, no empty segments."""
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del kept[-1:]
        elif segment not in ("", "."):
            kept.append(segment)
    end = "/" if kept and path.endswith("/") else ""
    return "/" + "/".join(kept) + end


def _signing_key(secret: str, given: _Authorization) -> bytes:
    key = b"AWS4" + secret.encode()
    for part in (given.date, given.region, given.service, "aws4_request"):
        key = _hmac(key, part)
    return key


def _signature(key: bytes, given: _Authorization, stamp: str, canonical: str) -> str:
    digest = hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()
    scope = f"{given.date}/{given.region}/{given.service}/aws4_request"
    return _hmac(key, f"{ALGORITHM}\n{stamp}\n{scope}\n{digest}").hex()


def _hmac(key: bytes, message: str) -> bytes:
    return hmac.digest(key, message.encode("utf-8", "surrogatepass"), hashlib.sha256)
