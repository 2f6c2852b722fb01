"""Percent encoding as SigV4 and the clients use it (RFC 3986 §2.1)."""

import re
from urllib.parse import quote, unquote_to_bytes

from lambdas.management.errors import BadRequest

_MALFORMED = re.compile(r"%(?![0-9A-Fa-f]{2})")


def encoded(text: str | bytes, *, keep: str = "") -> str:
    """Return `text` with everything but unreserved characters and `keep` encoded."""
    if isinstance(text, str):
        text = text.encode("utf-8", "surrogatepass")
    return quote(text, safe="-_.~" + keep)


def reencoded(text: str) -> str:
    """Return encoded text in the one form that a signature is computed over."""
    return encoded(unquote_to_bytes(text.encode("utf-8", "surrogatepass")))


def decoded(text: str, where: str) -> str:
    """Return `text` decoded; raises BadRequest that names `where` when it is no encoding."""
    if _MALFORMED.search(text):
        raise BadRequest(f"{where} holds a percent sign that no two hexadecimal digits follow")
    try:
        return unquote_to_bytes(text).decode()
    except UnicodeError as error:
        raise BadRequest(f"{where} is not UTF-8") from error
