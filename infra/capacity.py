"""How many calls a task of a size holds, by what was measured (docs/scale.md)."""

from collections.abc import Mapping
from typing import NamedTuple

_CPU_UNITS = 1_024
"""Of one vCPU."""


class Held(NamedTuple):
    """Calls of three minutes that are up at once on one node."""

    at_half: int
    """With half of the CPU in use: what scaling aims at. Load is uneven, the busiest node has 1.4
    to 1.6 times the calls of an average one."""
    at_most: int
    """With 85 % of it, where an edge counts as overloaded (EDGE R30)."""


HELD_BY_CPU: Mapping[str, Held] = {
    "srtp": Held(at_half=682, at_most=1_160),
    "rtp": Held(at_half=1_066, at_most=1_813),
}
"""Media that a node is sized for -> what one vCPU holds of it; with srtp one side of each call is
encrypted."""


def held_by(cpu: int, media_workers: int, sized_for: str) -> Held:
    """Return what a task holds, in two digits, for no more were measured.

    A media process has one core and not more: CPU beyond that of all of them is of no use to media.
    """
    cores = min(cpu / _CPU_UNITS, media_workers)
    each = HELD_BY_CPU[sized_for]
    return Held(_two_digits(cores * each.at_half), _two_digits(cores * each.at_most))


def _two_digits(calls: float) -> int:
    whole = str(int(calls))
    return int(whole[:2].ljust(len(whole), "0"))
