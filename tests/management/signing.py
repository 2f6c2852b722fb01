"""Signed Function URL events without a socket, made with botocore's own signer."""

import base64
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

HOST = "voice.example.net"


class _SigV4At(SigV4Auth):
    """The signer with a moment of our choice."""

    def __init__(self, service: str, moment: datetime, credentials: Credentials) -> None:
        super().__init__(credentials, service, "eu-central-1")
        self._stamp = moment.strftime("%Y%m%dT%H%M%SZ")

    def _modify_request_before_signing(self, request: AWSRequest) -> None:
        request.context["timestamp"] = self._stamp
        super()._modify_request_before_signing(request)  # type: ignore[misc]  # not in the stubs


def signed_headers(
    method: str,
    target: str,
    body: bytes = b"",
    *,
    moment: datetime,
    service: str = "chime",
    key_id: str = "test",
    secret: str = "test",
    headers: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Return the headers of a request to `target` (raw path and query), names in lower case."""
    given = {"Host": HOST, **(headers or {})}
    url = f"https://{given['Host']}{target}"
    request = AWSRequest(method=method, url=url, data=body, headers=given)
    _SigV4At(service, moment, Credentials(key_id, secret)).add_auth(request)
    return {name.lower(): str(value) for name, value in request.headers.items()}


def event(
    method: str, target: str, body: bytes = b"", *, headers: Mapping[str, str]
) -> dict[str, object]:
    """Return a Function URL event whose path and query are as they were sent."""
    parts = urlsplit(f"https://{HOST}{target}")
    return {
        "version": "2.0",
        "rawPath": parts.path,
        "rawQueryString": parts.query,
        "headers": dict(headers),
        "requestContext": {"http": {"method": method, "path": parts.path}},
        "body": base64.b64encode(body).decode(),
        "isBase64Encoded": True,
    }


def balancer_event(
    method: str, target: str, body: bytes = b"", *, headers: Mapping[str, str]
) -> dict[str, object]:
    """Return a load balancer's event, in the form with lists."""
    parts = urlsplit(f"https://{HOST}{target}")
    query: dict[str, list[str]] = {}
    for pair in filter(None, parts.query.split("&")):
        name, _, value = pair.partition("=")
        query.setdefault(name, []).append(value)
    return {
        "requestContext": {"elb": {}},
        "httpMethod": method,
        "path": parts.path,
        "multiValueQueryStringParameters": query,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "body": base64.b64encode(body).decode(),
        "isBase64Encoded": True,
    }
