"""Answering a carrier's digest challenge (EDGE F13, RFC 3261 §22.2)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from edge.sip.digest import answer_challenge
from edge.sip.exchange import Fields, OutgoingRequest
from edge.sip.message import Response
from model.settings import Carrier

_HEADERS = {
    401: ("www-authenticate", "Authorization"),
    407: ("proxy-authenticate", "Proxy-Authorization"),
}
"""Where a challenge stands, and where its answer does."""
_ANSWERS = frozenset(answer for _, answer in _HEADERS.values())


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a node proves itself to a carrier with; shown nowhere."""

    username: str
    password: str = field(repr=False)


def credentials_of(
    carriers: Iterable[Carrier], passwords: Mapping[str, str]
) -> dict[str, Credentials]:
    """Return the credentials of carriers by name; `passwords` are by name, too."""
    return {
        carrier.name: Credentials(carrier.username, passwords[carrier.name])
        for carrier in carriers
        if carrier.name in passwords
    }


def is_challenge(status: int) -> bool:
    """Tell whether a final answer asks for credentials."""
    return status in _HEADERS


def with_credentials(
    request: OutgoingRequest, response: Response, credentials: Credentials, cnonce: str
) -> OutgoingRequest | None:
    """Return a challenged request again, with the next sequence number and its proof.

    None when no challenge of the response can be answered.
    """
    asks, answers = _HEADERS[response.status]
    value = answer_challenge(
        response.headers.get(asks, ()),
        username=credentials.username,
        password=credentials.password,
        method=request.method,
        uri=request.uri,
        cnonce=cnonce,
    )
    if value is None:
        return None
    kept = tuple((name, text) for name, text in request.fields if name not in _ANSWERS)
    return request._replace(cseq=request.cseq + 1, fields=(*kept, (answers, value)))


def proof_in(request: OutgoingRequest) -> Fields:
    """Return the credentials of an INVITE, which its ACK repeats (RFC 3261 §22.1)."""
    return tuple((name, text) for name, text in request.fields if name in _ANSWERS)
