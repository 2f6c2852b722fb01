"""One heap for every timer of the edge; a stopped timer stays until its time or a clearance.

Owners disarm by forgetting, which costs nothing, and leave an entry behind whose deadline may be
hours away. It does not hold on to them: it knows what is armed, and only that knows the owner. The
heap is cleared whenever it has doubled.
"""

from enum import Enum
from heapq import heapify, heappop, heappush
from typing import Protocol, TypeAlias

LEAST_CLEARED = 4_096
"""Entries below which the heap is left alone."""


class TimerOwner(Protocol):
    """Whoever waits: keeps its armed timers, so that stopping one costs no search."""

    armed: "Armed"

    def on_timer(self, timer: Enum, now: float) -> None:
        """Hear that a timer has fired; it is no longer armed."""


Armed: TypeAlias = dict[Enum, tuple[float, TimerOwner]]
"""The timers that an owner has armed: when each fires, and whom to tell."""
_Entry: TypeAlias = tuple[float, int, Armed, Enum]


class Timers:
    """Pending timers by deadline."""

    __slots__ = ("_clear_at", "_heap", "_sequence")

    def __init__(self) -> None:
        self._heap: list[_Entry] = []
        self._sequence = 0
        self._clear_at = LEAST_CLEARED

    def start(self, owner: TimerOwner, timer: Enum, at: float) -> None:
        """Arm a timer for the monotonic time `at`; an armed one of this name is replaced."""
        armed = owner.armed
        armed[timer] = (at, owner)
        self._sequence += 1
        heappush(self._heap, (at, self._sequence, armed, timer))
        if len(self._heap) >= self._clear_at:
            self._clear()

    def stop(self, owner: TimerOwner, timer: Enum) -> None:
        """Disarm a timer; nothing happens when it is not armed."""
        owner.armed.pop(timer, None)

    def deadline(self) -> float | None:
        """Return when the next armed timer fires, None when none is armed."""
        heap = self._heap
        while heap:
            at, _, armed, timer = heap[0]
            due = armed.get(timer)
            if due is not None and due[0] == at:
                return at
            heappop(heap)
        return None

    def fire(self, now: float) -> None:
        """Tell the owners of all timers whose time has come."""
        heap = self._heap
        while heap and heap[0][0] <= now:
            at, _, armed, timer = heappop(heap)
            due = armed.get(timer)
            if due is not None and due[0] == at:
                del armed[timer]
                due[1].on_timer(timer, now)

    def _clear(self) -> None:
        self._heap[:] = [it for it in self._heap if _is_armed(it)]
        heapify(self._heap)
        self._clear_at = max(LEAST_CLEARED, 2 * len(self._heap))

    def __len__(self) -> int:
        """Return how many armed timers there are (for tests that look for leaks)."""
        return len({(id(it[2]), it[3]) for it in self._heap if _is_armed(it)})


def _is_armed(entry: _Entry) -> bool:
    at, _, armed, timer = entry
    due = armed.get(timer)
    return due is not None and due[0] == at
