"""Adapter for Lambda Function URL events, payload format 2.0 (decision A2)."""

import base64
import binascii
from collections.abc import Mapping

from lambdas.management.http import HttpAnswer, HttpRequest


class MalformedEvent(ValueError):
    """The event is no Function URL event of payload format 2.0: the set-up is wrong."""


def request_from(event: Mapping[str, object]) -> HttpRequest:
    """Return the HTTP request of an event."""
    http = _mapping(_mapping(event.get("requestContext"), "requestContext").get("http"), "http")
    headers = _mapping(event.get("headers", {}), "headers")
    return HttpRequest(
        method=_text(http.get("method"), "method").upper(),
        raw_path=_text(event.get("rawPath"), "rawPath") or "/",
        raw_query=_text(event.get("rawQueryString", ""), "rawQueryString"),
        headers={name.lower(): _text(value, name) for name, value in headers.items()},
        body=_body(event),
    )


def event_answer(answer: HttpAnswer) -> dict[str, object]:
    """Return an answer in the form that a Function URL expects."""
    return {
        "statusCode": answer.status,
        "headers": dict(answer.headers),
        "body": answer.body.decode(),
        "isBase64Encoded": False,
    }


def _body(event: Mapping[str, object]) -> bytes:
    body = _text(event.get("body") or "", "body")
    if not event.get("isBase64Encoded", False):
        return body.encode("utf-8", "surrogatepass")
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError) as error:
        raise MalformedEvent(f"body is not base64: {error}") from error


def _mapping(value: object, name: str) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise MalformedEvent(f"{name} is missing or no object")
    return value


def _text(value: object, name: str) -> str:
    if not isinstance(value, str):
        raise MalformedEvent(f"{name} is missing or no string")
    return value
