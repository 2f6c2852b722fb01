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
    | Ended
)
