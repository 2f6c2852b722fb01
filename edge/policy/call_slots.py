"""How a limit of calls per second is divided into slots that nodes take in turn (A10, EDGE R15).

A slot stands for some calls and is taken for a moment. Nobody gets it again before one second has
passed since the last call that it may stand for, so that in any second the slots together admit no
more calls than they stand for, whichever node takes them and however the second is placed. Small
limits have a slot for each call and are exact. Large ones have blocks, which a node may spend for
VALID_S on the calls that follow: fewer writes, and a tenth more calls at most, which makes good
for the time in which a block is neither spent nor free.
"""

from typing import NamedTuple

MOST_SLOTS = 100
"""All of them are one item of the database: 2 KB, read and written whole."""
VALID_S = 0.08
"""How long a block of several calls may be spent."""
PERIOD_S = 1.0


class Slots(NamedTuple):
    """The slots of one limit."""

    sizes: tuple[int, ...]
    """How many calls each stands for."""
    valid_s: float
    """How long after it was taken a slot admits calls."""

    @property
    def taken_for_s(self) -> float:
        """Return how long a slot is nobody else's."""
        return self.valid_s + PERIOD_S


def slots_of(limit: int) -> Slots:
    """Return the slots of a limit of at least one call per second."""
    if limit <= MOST_SLOTS:
        return Slots((1,) * limit, 0.0)
    capacity = limit + limit // 10
    each, rest = divmod(capacity, MOST_SLOTS)
    return Slots((each + 1,) * rest + (each,) * (MOST_SLOTS - rest), VALID_S)
