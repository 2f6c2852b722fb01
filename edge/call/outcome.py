"""How a call ended, as one value: what the caller heard and what the record says (EDGE 6.3)."""

from typing import NamedTuple

from edge.policy.reasons import Reason
from edge.policy.verdict import Fields
from model.cdr import NORMAL_CALL_CLEARING, CallStatus


class Outcome(NamedTuple):
    """The end of a call."""

    status: CallStatus
    message: str
    """StatusMessage of the record."""
    headers: Fields = ()
    """What the leg that is told hears in its BYE, CANCEL or final answer."""
    why: Reason | None = None
    """Why the call was never answered."""


def reason(value: str) -> Fields:
    """Return a Reason header (RFC 3326)."""
    return (("Reason", value),)


NORMAL = Outcome(CallStatus.COMPLETED, NORMAL_CALL_CLEARING)
ACK_TIMEOUT = Outcome(
    CallStatus.COMPLETED, "ACK timeout", reason('SIP;cause=200;text="ACK timeout"')
)
SESSION_EXPIRED = Outcome(
    CallStatus.COMPLETED,
    "Session timer expired",
    reason('SIP;cause=408;text="Session timer expired"'),
)
PEER_LOST = Outcome(CallStatus.COMPLETED, "Peer lost", reason("SIP;cause=408"))
MEDIA_TIMEOUT = Outcome(CallStatus.COMPLETED, "Media timeout", reason("Q.850;cause=102"))
MEDIA_LOST = Outcome(CallStatus.COMPLETED, "Media lost", reason("Q.850;cause=41"))
MAXIMUM_DURATION = Outcome(CallStatus.COMPLETED, "Maximum duration", reason("Q.850;cause=16"))
NO_USABLE_ANSWER = Outcome(CallStatus.COMPLETED, "488 Not Acceptable Here", reason("SIP;cause=488"))


def shutdown(message: str) -> Outcome:
    """Return the end that the operator or the platform imposes (EDGE C9)."""
    return Outcome(CallStatus.COMPLETED, message, reason("Q.850;cause=41"))


def rejected(status: int, text: str, why: Reason) -> Outcome:
    """Return the end of a call that was never answered."""
    return Outcome(CallStatus.REJECTED, f"{status} {text}", (), why)


CANCELLED = rejected(Reason.CANCELLED.status, Reason.CANCELLED.text, Reason.CANCELLED)


def printable_phrase(text: str) -> str:
    """Return a peer's reason phrase as ours may carry it."""
    if not (text.isascii() and text.isprintable()):
        text = "".join([mark for mark in text if " " <= mark <= "~"])
    return text[:64] or "Rejected"
