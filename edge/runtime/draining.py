"""How far a commanded drain has come (A11, EDGE R31): no clock, no socket.

    SERVING   nobody wants the node to go
    LEAVING   it is told to; it still takes calls, for somebody may have its address
    REFUSING  it refuses new calls and serves those that are up
    CLOSING   those that were left have been hung up, and end
    ENDED     nothing is left: the task may be stopped

All times are the node's own, from the moment when it saw the order and when it saw that it has no
DNS record: that is never before they came about, whatever the clocks of others say.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import NamedTuple

from edge.runtime.aws_messages import DrainOrder
from model.drain import MAX_DRAIN_S, SERVES_UNLISTED_S, SERVES_UNNOTED_S


class Stage(Enum):
    """See the head of this module."""

    SERVING = "serving"
    LEAVING = "leaving"
    REFUSING = "refusing"
    CLOSING = "closing"
    ENDED = "ended"


class Act(Enum):
    """What the node does when the stage changes."""

    NOTE = auto()
    """Nothing but saying so."""
    REFUSE = auto()
    RESUME = auto()
    HANG_UP = auto()
    RELEASE = auto()
    """Let the task be stopped."""


class Happened(Enum):
    """What moves a drain on."""

    ORDERED = auto()
    UNDONE = auto()
    FORGOTTEN = auto()
    """Nobody has the node's address any more."""
    TOO_LONG = auto()
    EMPTY = auto()


class Step(NamedTuple):
    """Where it goes, and what is done about it."""

    stage: Stage
    act: Act


DRAINING: Mapping[tuple[Stage, Happened], Step] = {
    (Stage.SERVING, Happened.ORDERED): Step(Stage.LEAVING, Act.NOTE),
    (Stage.LEAVING, Happened.UNDONE): Step(Stage.SERVING, Act.NOTE),
    (Stage.LEAVING, Happened.FORGOTTEN): Step(Stage.REFUSING, Act.REFUSE),
    (Stage.REFUSING, Happened.UNDONE): Step(Stage.SERVING, Act.RESUME),
    (Stage.REFUSING, Happened.EMPTY): Step(Stage.ENDED, Act.RELEASE),
    (Stage.REFUSING, Happened.TOO_LONG): Step(Stage.CLOSING, Act.HANG_UP),
    (Stage.CLOSING, Happened.UNDONE): Step(Stage.SERVING, Act.RESUME),
    (Stage.CLOSING, Happened.EMPTY): Step(Stage.ENDED, Act.RELEASE),
    (Stage.ENDED, Happened.UNDONE): Step(Stage.SERVING, Act.RESUME),
}
"""A pair that the table lacks changes nothing. Where ECS may stop the task from ENDED on, that is
never left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DrainTimes:
    """How long each part may take, in seconds."""

    unlisted_s: float = SERVES_UNLISTED_S
    """How long new calls are taken once there is no DNS record."""
    unnoted_s: float = SERVES_UNNOTED_S
    """How long at most after the order, if nobody notes that."""
    longest_s: float = MAX_DRAIN_S
    """How long after the order the calls that are left are hung up."""


class Remains(NamedTuple):
    """What there is of calls."""

    is_quiet: bool
    """No call is up, or ending."""
    is_safe: bool
    """No crash could take the record of an answered call."""
    is_stored: bool
    """Every record is where it belongs."""


class Draining:
    """One node's way through the stages."""

    def __init__(self, times: DrainTimes, *, end_is_final: bool) -> None:
        """`end_is_final` says that nobody comes back whose drain has ended."""
        self.stage = Stage.SERVING
        self._times = times
        self._end_is_final = end_is_final
        self._given = ""
        self._ordered_at = 0.0
        self._unlisted_at: float | None = None

    def told(self, order: DrainOrder | None, now: float) -> Act | None:
        """Take what the table says; return what is to be done about it."""
        if order is None:
            is_over = self.stage is Stage.ENDED and self._end_is_final
            return None if is_over else self._take(Happened.UNDONE)
        # Between two orders that follow each other at once it may have had a record.
        is_another = self.stage is Stage.LEAVING and order.given != self._given
        if self.stage is Stage.SERVING or is_another:
            self._ordered_at, self._unlisted_at, self._given = now, None, order.given
        if order.is_unlisted and self._unlisted_at is None:
            self._unlisted_at = now
        return self._take(Happened.ORDERED)

    def look(self, remains: Remains, now: float) -> Act | None:
        """Return what is to be done now; to be asked until there is nothing."""
        is_too_long = now >= self._ordered_at + self._times.longest_s
        if now >= self._forgotten_at and (act := self._take(Happened.FORGOTTEN)):
            return act
        # What only waits for S3 is in its row, and stored by the reaper if it must.
        is_empty = remains.is_quiet and (remains.is_stored or (is_too_long and remains.is_safe))
        if is_empty and (act := self._take(Happened.EMPTY)):
            return act
        return self._take(Happened.TOO_LONG) if is_too_long else None

    @property
    def _forgotten_at(self) -> float:
        times, since = self._times, self._ordered_at
        at = since + min(times.unnoted_s, times.longest_s)
        return at if self._unlisted_at is None else min(at, self._unlisted_at + times.unlisted_s)

    def _take(self, happened: Happened) -> Act | None:
        step = DRAINING.get((self.stage, happened))
        if step is None:
            return None
        self.stage = step.stage
        return step.act
