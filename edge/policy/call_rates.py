"""Calls per second of connectors: by this node's own count, or by all nodes' together (A10, R15).

A node that is alone counts for itself, and so does one whose database does not answer. Otherwise
all nodes count together: either the node still holds a slot (edge/policy/call_slots.py), or it has
to ask and the call waits. What is known of the common count saves asking: while all slots are taken
nobody needs to be told so again.
"""

from enum import Enum
from typing import NamedTuple

from edge.policy.rate import BUCKETS, RateLimiter

COUNT_WITHIN_S = 0.2
"""How long a call waits for the common count before this node's own one decides."""
MOST_MISSES = 3
"""Answers in a row that may not come: one is a hiccup, and its call was counted all the same."""
AWAY_S = 1.0
"""How long nobody is asked then; after it the next miss is enough."""


class Pace(Enum):
    """What the counts say of one more call."""

    ADMITTED = "admitted"
    EXCEEDED = "exceeded"
    ASK = "ask"
    """Only the common count can tell."""


class _Held(NamedTuple):
    calls: int
    until: float


class CallRates:
    """What one node knows of its connectors' call rates; bounded by the number of connectors."""

    __slots__ = ("_away_until", "_closed_until", "_held", "_misses", "_own", "peers")

    def __init__(self) -> None:
        self._own = RateLimiter()
        self._held: dict[str, _Held] = {}
        self._closed_until: dict[str, float] = {}
        self._away_until = 0.0
        self._misses = 0
        self.peers = 0
        """Other nodes that take calls."""

    def take(self, connector_id: str, limit: int, now: float) -> Pace:
        """Count one more call, or say that only the common count can."""
        if not self._is_shared(now):
            alone = self.take_alone(connector_id, limit, now)
            return Pace.ADMITTED if alone else Pace.EXCEEDED
        if now < self._closed_until.get(connector_id, now):
            return Pace.EXCEEDED
        if not self._spend(connector_id, now):
            return Pace.ASK
        self.granted(connector_id, limit, now)
        return Pace.ADMITTED

    def take_alone(self, connector_id: str, limit: int, now: float) -> bool:
        """Count one more call by this node's own count; tell whether it may be made."""
        rate = float(limit)
        return self._own.take(connector_id, rate, max(1.0, rate), now)

    def granted(self, connector_id: str, limit: int, now: float) -> None:
        """Note a call that the common count admits: the own count may decide the next one."""
        self.take_alone(connector_id, limit, now)

    def hold(self, connector_id: str, calls: int, until: float, now: float) -> None:
        """Keep what was granted beyond the calls that asked, until it expires."""
        held = self._held.pop(connector_id, None)
        if held is not None and now <= held.until:
            calls, until = calls + held.calls, min(until, held.until)
        self._held[connector_id] = _Held(calls, until)
        _bound(self._held)

    def close(self, connector_id: str, until: float) -> None:
        """Note that every slot is taken until a moment."""
        self._closed_until.pop(connector_id, None)
        self._closed_until[connector_id] = until
        _bound(self._closed_until)

    def unanswered(self, now: float) -> None:
        """Note that an answer of the common count did not come."""
        self._misses += 1
        if self._misses >= MOST_MISSES:
            self._away_until = now + AWAY_S

    def answered(self) -> None:
        """Note that the common count can be had."""
        self._misses = 0

    def _is_shared(self, now: float) -> bool:
        return self.peers > 0 and now >= self._away_until

    def _spend(self, connector_id: str, now: float) -> bool:
        held = self._held.pop(connector_id, None)
        if held is None or now > held.until:
            return False
        if held.calls > 1:
            self._held[connector_id] = held._replace(calls=held.calls - 1)
        return True


def _bound(memory: dict[str, _Held] | dict[str, float]) -> None:
    """Forget the oldest entry of a table that has too many: it costs its connector a question."""
    if len(memory) > BUCKETS:
        del memory[next(iter(memory))]
