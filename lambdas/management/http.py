"""An HTTP request and answer as values, free of the event that carried them."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """A request as it arrived; nothing is decoded yet."""

    method: str
    raw_path: str
    """As the event has it: AWS leaves it encoded, other fronts decode it once (A2)."""
    raw_query: str
    headers: Mapping[str, str]
    """Names in lower case; repeated headers joined with a comma."""
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpAnswer:
    """What goes back to the client."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""
