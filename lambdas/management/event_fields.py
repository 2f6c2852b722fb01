"""Members of an event, read by type: what every front door's adapter needs (decision A2)."""

import base64
import binascii
from collections.abc import Mapping


class MalformedEvent(ValueError):
    """The event is of no front door that this function knows: the set-up is wrong."""


def mapping(value: object, name: str) -> Mapping[str, object]:
    """Return an object; raises MalformedEvent that names the member."""
    if not isinstance(value, Mapping):
        raise MalformedEvent(f"{name} is missing or no object")
    return value


def text(value: object, name: str) -> str:
    """Return a string; raises MalformedEvent that names the member."""
    if not isinstance(value, str):
        raise MalformedEvent(f"{name} is missing or no string")
    return value


def body(event: Mapping[str, object]) -> bytes:
    """Return the bytes that were sent; events carry them as text or as base64."""
    given = text(event.get("body") or "", "body")
    if not event.get("isBase64Encoded", False):
        return given.encode("utf-8", "surrogatepass")
    try:
        return base64.b64decode(given, validate=True)
    except (binascii.Error, ValueError) as error:
        raise MalformedEvent(f"body is not base64: {error}") from error
