"""What a run has seen."""

from collections import Counter
from dataclasses import dataclass, field
from enum import Enum
from math import ceil
from typing import NamedTuple


class Met(Enum):
    """Why the first address of a call did not take it."""

    FULL = "full"
    DRAINING = "draining"
    DEAD = "dead"
    NO_NAME = "no name"


class Drain(NamedTuple):
    """One node that was drained."""

    took_s: float
    calls: int
    """When it began."""


class Look(NamedTuple):
    """The nodes at the turn of a minute."""

    at_s: float
    serving: int
    draining: int
    calls: int
    """On all nodes."""
    served: int
    """On those that take calls."""
    busiest: int
    """Calls of the busiest of those."""

    @property
    def running(self) -> int:
        """Return how many nodes are paid for."""
        return self.serving + self.draining

    @property
    def unevenness(self) -> float:
        """Return the busiest node's calls by those of an average one, 1 when there are none."""
        return self.busiest * self.serving / self.served if self.served else 1.0

    @property
    def average(self) -> float:
        """Return the calls of a node that takes new ones, 0 when there is none."""
        return self.served / self.serving if self.serving else 0.0


@dataclass(slots=True)
class Figures:
    """Counts of a whole run."""

    offered: int = 0
    redialled: int = 0
    """Of those, by callers whose call was lost."""
    completed: int = 0
    refused: int = 0
    """No address took them."""
    lost: int = 0
    """Ended with a node that died."""
    cut: int = 0
    """Ended because a drain may not last longer."""
    failed_over: int = 0
    """Taken, but not by the first address."""
    met: Counter[Met] = field(default_factory=Counter)
    started: int = 0
    died: int = 0
    record_changes: int = 0
    most_changes: int = 0
    """Of records in one request."""
    drains: list[Drain] = field(default_factory=list)
    looks: list[Look] = field(default_factory=list)
    most_calls: int = 0
    """That one node ever had."""

    @property
    def active(self) -> int:
        """Return how many calls are up."""
        ended = self.completed + self.refused + self.lost + self.cut
        return self.offered - ended


def percentile(values: list[float], share: float) -> float:
    """Return what a share of the values does not exceed; 0 of nothing."""
    ordered = sorted(values)
    return ordered[max(0, ceil(share * len(ordered)) - 1)] if ordered else 0.0
