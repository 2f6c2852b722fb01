"""One heap for every timer of the edge; a stopped timer stays until its time or a clearance.

Owners disarm by forgetting, which costs nothing. What they leave behind holds on to them, though,
and some deadlines are hours away: so the heap is cleared whenever it has doubled.
"""

from enum import Enum
from heapq import heapify, heappop, heappush
from typing import Protocol

LEAST_CLEARED = 4_096
"""Entries below which the heap is left alone."""


class TimerOwner(Protocol):
    """Whoever waits: keeps its armed timers, so that stopping one costs no search."""

    armed: dict[Enum, float]

    def on_timer(self, timer: Enum, now: float) -> None:
        """Hear that a timer has fired; it is no longer armed."""


class Timers:
    """Pending timers by deadline."""

    __slots__ = ("_clear_at", "_heap", "_sequence")

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, TimerOwner, Enum]] = []
        self._sequence = 0
        self._clear_at = LEAST_CLEARED

    def start(self, owner: TimerOwner, timer: Enum, at: float) -> None:
        """Arm a timer for the monotonic time `at`; an armed one of this name is replaced."""
        owner.armed[timer] = at
        self._sequence += 1
        heappush(self._heap, (at, self._sequence, owner, timer))
        if len(self._heap) >= self._clear_at:
            self._clear()

    def stop(self, owner: TimerOwner, timer: Enum) -> None:
        """Disarm a timer; nothing happens when it is not armed."""
        owner.armed.pop(timer, None)

    def deadline(self) -> float | None:
        """Return when the next armed timer fires, None when none is armed."""
        heap = self._heap
        while heap:
            at, _, owner, timer = heap[0]
            if owner.armed.get(timer) == at:
                return at
            heappop(heap)
        return None

    def fire(self, now: float) -> None:
        """Tell the owners of all timers whose time has come."""
        heap = self._heap
        while heap and heap[0][0] <= now:
            at, _, owner, timer = heappop(heap)
            if owner.armed.get(timer) == at:
                del owner.armed[timer]
                owner.on_timer(timer, now)

    def _clear(self) -> None:
        self._heap[:] = [it for it in self._heap if it[2].armed.get(it[3]) == it[0]]
        heapify(self._heap)
        self._clear_at = max(LEAST_CLEARED, 2 * len(self._heap))

    def __len__(self) -> int:
        """Return how many armed timers there are (for tests that look for leaks)."""
        live = [(it[2], it[3]) for it in self._heap if it[2].armed.get(it[3]) == it[0]]
        return len({(id(owner), timer) for owner, timer in live})
