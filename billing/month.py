"""A month of bills: of UTC, from its first moment to that of the next one."""

import re
from datetime import UTC, datetime
from typing import NamedTuple

_WRITTEN = re.compile(r"(2[0-9]{3})-(0[1-9]|1[0-2])", re.ASCII)
_MONTHS = 12


class Month(NamedTuple):
    """A month; months compare by time."""

    year: int
    number: int
    """1 is January."""

    @classmethod
    def parse(cls, text: str) -> "Month":
        """Return the month of a text such as 2026-11; raises ValueError for any other."""
        written = _WRITTEN.fullmatch(text)
        if written is None:
            raise ValueError(f"{text!r}; a month such as 2026-11 is wanted")
        return cls(int(written[1]), int(written[2]))

    @classmethod
    def of(cls, moment: datetime) -> "Month":
        """Return the month of UTC that a moment is in."""
        there = moment.astimezone(UTC)
        return cls(there.year, there.month)

    @property
    def since(self) -> datetime:
        """Return its first moment."""
        return datetime(self.year, self.number, 1, tzinfo=UTC)

    @property
    def before(self) -> datetime:
        """Return the first moment behind it."""
        if self.number == _MONTHS:
            return Month(self.year + 1, 1).since
        return Month(self.year, self.number + 1).since

    def __str__(self) -> str:
        """Return it as it is written: 2026-11."""
        return f"{self.year:04d}-{self.number:02d}"
