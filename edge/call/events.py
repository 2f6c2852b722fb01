"""What a leg tells its call. A leg never sees the other leg's SIP, only these."""

from typing import NamedTuple, TypeAlias

from edge.policy.verdict import Fields
from edge.routing.failover import Failure


class Trying(NamedTuple):
    """The peer has the INVITE (100)."""


class Progressed(NamedTuple):
    """A provisional response above 100."""

    status: int
    reason: str
    body: bytes
    """SDP, empty when there is none."""


class Answered(NamedTuple):
    """The first 2xx."""

    body: bytes


class Rejected(NamedTuple):
    """A final response of 300 or more."""

    status: int
    reason: str
    retry_after_s: float | None
    headers: Fields
    """What may cross to the other leg (EDGE 1.11)."""


class Failed(NamedTuple):
    """No final response will come."""

    failure: Failure


class Acknowledged(NamedTuple):
    """The ACK of our 2xx, to the INVITE or to a re-INVITE."""

    body: bytes


class Unacknowledged(NamedTuple):
    """64*T1 without the ACK of our 2xx (EDGE D2)."""


class Cancelled(NamedTuple):
    """The caller gave up before the answer."""

    headers: Fields


class Released(NamedTuple):
    """The peer hung up."""

    headers: Fields


class Reoffered(NamedTuple):
    """A re-INVITE; the body is empty when it asks for an offer."""

    body: bytes


class Withdrawn(NamedTuple):
    """The peer has cancelled its re-INVITE; it is answered."""


class Reinvited(NamedTuple):
    """The final response to a re-INVITE of ours, 481 aside."""

    status: int
    body: bytes
    """SDP of a 2xx."""
    is_glare: bool
    """The peer's own re-INVITE was refused for it."""
    may_retry: bool
    """It was the first try (EDGE D5)."""


class RetryDue(NamedTuple):
    """The wait after a 491 is over: once more, if it is still needed (EDGE D5)."""


class Lost(NamedTuple):
    """The peer does not know the dialog any more, or says nothing at all (RFC 3261 §14.1)."""


class RefreshDue(NamedTuple):
    """The session has to be refreshed by us (EDGE ST3)."""


class Expired(NamedTuple):
    """Nobody has refreshed the session in time (EDGE ST3)."""


class Ended(NamedTuple):
    """Nothing of the leg is left: the last event, always sent."""


LegEvent: TypeAlias = (
    Trying
    | Progressed
    | Answered
    | Rejected
    | Failed
    | Acknowledged
    | Unacknowledged
    | Cancelled
    | Released
    | Reoffered
    | Withdrawn
    | Reinvited
    | RetryDue
    | Lost
    | RefreshDue
    | Expired
    | Ended
)
