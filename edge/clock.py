"""Wall-clock time, entered once: a pair taken at the start of the process (EDGE C6)."""

from datetime import datetime, timedelta
from typing import NamedTuple


class Clock(NamedTuple):
    """One moment in both clocks."""

    monotonic: float
    utc: datetime

    def utc_at(self, now: float) -> datetime:
        """Return the UTC time of a monotonic one; it never runs backwards."""
        return self.utc + timedelta(seconds=now - self.monotonic)
