"""What the two ends of every call have seen: an account of calls that knows nothing of the edge's.

All moments are monotonic seconds of this process, as the ends' own.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from tests.chaos.plan import CallPlan, Kind
from tests.chaos.world import OTHER_ID
from tests.e2e.cluster import CONNECTOR_ID
from tests.support.agent import PlacedCall, TakenCall

LAST_WORDS_S = 0.3
"""How long what a dead edge has sent may still wait to be read."""


@dataclass(slots=True)
class Fate:
    """What became of one run of an edge."""

    number: int
    """Of its place."""
    offset_s: float = 0.0
    """How far its clock was ahead when it began; later steps do not count (EDGE C6)."""
    troubles: Sequence[tuple[float, float]] = ()
    """When DynamoDB did not do as it should: from, to."""
    killed_at: float | None = None
    """None unless it was killed."""
    gone_at: float | None = None
    """When its process was seen to have ended, by whatever."""
    renewed_at: datetime | None = None
    """The last lease that the table has confirmed, by the edge's own clock."""

    @property
    def over_at(self) -> float | None:
        """Return when it died or ended, None while it lives."""
        return self.gone_at if self.killed_at is None else self.killed_at

    def is_silent(self, now: float) -> bool:
        """Tell whether it is gone, and whatever it has sent was read."""
        return self.gone_at is not None and now > self.gone_at + LAST_WORDS_S

    def was_troubled(self, begin: float, end: float) -> bool:
        """Tell whether rows had trouble at any time between two moments."""
        return any(start <= end and begin <= stop for start, stop in self.troubles)


@dataclass(slots=True)
class Entry:
    """One call."""

    caller: str
    """Its number, which no other call has: records are found by it."""
    plan: CallPlan
    fate: Fate
    """Of the edge that was asked for the call."""
    placed: PlacedCall
    made_at: float
    taken: TakenCall | None = None
    """The callee's side, once the call has come there."""
    caller_answered_at: float | None = None
    callee_answered_at: float | None = None
    ended_at: float | None = None
    """The first BYE, sent or received by either end."""
    ended_by_edge: bool = False
    """Whether neither end has hung up by itself."""
    is_over: bool = False
    """Whether nothing more will come of it."""

    def observe(self, now: float) -> None:
        """Note what has happened since the last look."""
        placed, taken = self.placed, self.taken
        if self.caller_answered_at is None and placed.answered:
            self.caller_answered_at = now
        if self.callee_answered_at is None and taken is not None and taken.status == 200:
            self.callee_answered_at = now
        hung_up = placed.hung_up or (taken is not None and taken.hung_up)
        if self.ended_at is None and hung_up:
            self.ended_at = now
            by_caller = placed.hung_up and placed.bye is None
            by_callee = taken is not None and taken.hung_up and taken.bye is None
            self.ended_by_edge = not by_caller and not by_callee
        self.is_over = self.fate.is_silent(now) or (
            self._caller_is_done
            and (taken is None or taken.hung_up or taken.status not in (None, 200))
        )

    @property
    def _caller_is_done(self) -> bool:
        placed = self.placed
        refused = placed.final is not None and not placed.answered
        return placed.hung_up or placed.no_response or refused

    @property
    def ended_while_alive_at(self) -> float | None:
        """Return when the call ended if its edge can have seen that."""
        over_at = self.fate.over_at
        if self.ended_at is None or (over_at is not None and self.ended_at > over_at):
            return None
        return self.ended_at


@dataclass(frozen=True, slots=True)
class Share:
    """What one connector has of a call: for that there is a record."""

    entry: Entry
    connector_id: str
    call_id: str | None
    """Of the customer's leg; None when nothing has reached the customer."""
    disposition: str
    began_at: float | None
    """Beginning of the billed time: the 2xx at the customer's end (EDGE C6)."""


def shares(entry: Entry) -> Iterator[Share]:
    """Return what the connectors have of a call: two for a call between them, else one."""
    call_id = entry.placed.invite.call_id
    received = None if entry.taken is None else entry.taken.request.call_id
    if entry.plan.kind is not Kind.INBOUND:
        yield Share(entry, CONNECTOR_ID, call_id, "Termination", entry.caller_answered_at)
    if entry.plan.kind is Kind.INBOUND:
        yield Share(entry, CONNECTOR_ID, received, "Origination", entry.callee_answered_at)
    if entry.plan.kind is Kind.ON_NET:
        yield Share(entry, OTHER_ID, received, "Origination", entry.callee_answered_at)
