"""How many calls were up at once, of calls that come in the order of their starts."""

from datetime import datetime
from heapq import heappop, heappush


class Peak:
    """The most calls that were up at any moment; it remembers only those that are up."""

    def __init__(self) -> None:
        self._ends: list[datetime] = []
        self.most = 0

    def add(self, started_at: datetime, ended_at: datetime) -> None:
        """Count a call; one that ends when another starts is not up with it."""
        while self._ends and self._ends[0] <= started_at:
            heappop(self._ends)
        heappush(self._ends, ended_at)
        self.most = max(self.most, len(self._ends))
