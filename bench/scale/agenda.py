"""What is to be done when, in a simulation."""

from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count
from typing import TypeAlias

Deed: TypeAlias = Callable[[float], None]
"""Is called with the moment at which it happens."""


class Agenda:
    """Deeds by their time; those of one moment happen in the order in which they were put here."""

    def __init__(self) -> None:
        self._due: list[tuple[float, int, Deed]] = []
        self._order = count()

    def at(self, moment: float, do: Deed) -> None:
        """Do something at a moment."""
        heappush(self._due, (moment, next(self._order), do))

    def run(self, now: float) -> None:
        """Do all that is due, also what comes of it."""
        while self._due and self._due[0][0] <= now:
            heappop(self._due)[2](now)
