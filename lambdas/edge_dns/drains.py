"""Which nodes are told to drain: outdated ones, and those that are too many (A11).

Nodes have their tasks protected from being stopped, so that ECS replaces and removes none by
itself: it starts what is to run, and waits for the others to go.
"""

from collections.abc import Collection
from typing import NamedTuple

from model.drain import DrainReason


class Candidate(NamedTuple):
    """A node that takes calls, whose task runs."""

    node_id: str
    is_wanted: bool
    """Whether its task is of the newest deployment of the service."""
    active_calls: int


def to_drain(candidates: Collection[Candidate], desired: int) -> dict[str, DrainReason]:
    """Return who is told to drain, by node id, when so many are to run.

    Nobody is before as many wanted nodes take calls as there are to be: what a
    deployment brings must have shown that it works. Of too many, those with the fewest calls go.
    """
    wanted = [it for it in candidates if it.is_wanted]
    if len(wanted) < desired:
        return {}
    wanted.sort(key=lambda it: (it.active_calls, it.node_id))
    surplus = wanted[: len(wanted) - desired]
    return {
        **{it.node_id: DrainReason.SURPLUS for it in surplus},
        **{it.node_id: DrainReason.OUTDATED for it in candidates if not it.is_wanted},
    }
