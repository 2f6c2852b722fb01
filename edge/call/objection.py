"""Why a re-INVITE is refused that is not even looked into (EDGE D5, 2.1)."""

from typing import NamedTuple

from edge.ids import Ids
from edge.policy.case import PHRASES
from edge.policy.content import ContentFault, has_unknown_encoding, sdp_body
from edge.policy.request_checks import unknown_extensions
from edge.policy.session_interval import is_too_short
from edge.policy.verdict import ACCEPT, MIN_SE
from edge.sip.exchange import Fields
from edge.sip.grammar import SipParseError
from edge.sip.message import Request


class Objection(NamedTuple):
    """The refusal of a re-INVITE that is not looked into."""

    status: int
    reason: str
    fields: Fields = ()


def pending(ids: Ids) -> Objection:
    """Return the refusal of an offer that comes before the last one is answered (§14.2)."""
    return Objection(500, "Request Pending", (("Retry-After", str(ids.below(11))),))


def _objection_to_content(request: Request) -> Objection | None:
    """R22, R29, R20, R21 for a re-INVITE; raises SipParseError."""
    unknown = unknown_extensions(request)
    if unknown:
        return Objection(420, PHRASES[420], (("Unsupported", ", ".join(unknown)),))
    if is_too_short(request):
        return Objection(422, PHRASES[422], (MIN_SE,))
    if has_unknown_encoding(request):
        return Objection(415, PHRASES[415], (("Accept-Encoding", "identity"),))
    found = sdp_body(request)
    if isinstance(found, ContentFault):
        return Objection(found.value, PHRASES[found.value], (ACCEPT,))
    return None


def objection_to(reinvite: Request) -> Objection | None:
    """Return why a re-INVITE cannot be taken for what it asks or carries."""
    try:
        return _objection_to_content(reinvite)
    except SipParseError as error:
        return Objection(400, f"Bad {error.element}")
