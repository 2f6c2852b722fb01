"""Nodes and the records that lead to them."""

from collections.abc import Iterable
from enum import Enum, auto
from random import Random


class State(Enum):
    """Of a node."""

    STARTING = auto()
    SERVING = auto()
    DRAINING = auto()
    """It leaves DNS, takes no new calls, and ends when its last one has."""
    GONE = auto()


class Node:
    """One task."""

    __slots__ = (
        "calls",
        "drained_calls",
        "drains_since",
        "is_open",
        "is_outdated",
        "lease_until",
        "number",
        "state",
        "zone",
    )

    def __init__(self, number: int, zone: int) -> None:
        self.number = number
        self.zone = zone
        self.state = State.STARTING
        self.is_open = False
        """Whether it takes calls."""
        self.calls = 0
        self.is_outdated = False
        self.drains_since = 0.0
        self.drained_calls = 0
        """When the drain began."""
        self.lease_until = 0.0
        """Of a node that is gone."""

    def serve(self) -> None:
        """Take calls from now on."""
        self.state, self.is_open = State.SERVING, True

    def drain(self, now: float) -> None:
        """Leave DNS from now on; calls are taken until it is closed."""
        self.state, self.drains_since, self.drained_calls = State.DRAINING, now, self.calls

    def end(self, lease_until: float) -> int:
        """Stop the task; return the calls that end with it."""
        left, self.calls = self.calls, 0
        self.state, self.is_open, self.lease_until = State.GONE, False, lease_until
        return left


class Records:
    """The multivalue set of one name (A11): what edge_dns asks for, and what resolvers get."""

    def __init__(self, *, most: int, in_answer: int) -> None:
        self._most = most
        self._in_answer = in_answer
        self.asked: list[Node] = []
        """As of the last request."""
        self.served: list[Node] = []
        """What answers are made of: it follows."""

    def answer(self, chance: Random) -> list[Node]:
        """Return what a resolver gets: up to so many records, in any order."""
        return chance.sample(self.served, min(self._in_answer, len(self.served)))

    def adjust(self, nodes: Iterable[Node], now: float) -> int:
        """Ask for records of the nodes that take calls; return how many changes that makes.

        Never more than a third is removed at once, and never the last one.
        """
        removable = [node for node in self.asked if _is_over(node, now)]
        most = max(0, min(max(1, len(self.asked) // 3), len(self.asked) - 1))
        removed = set(removable[:most])
        kept = [node for node in self.asked if node not in removed]
        known = set(kept)
        new = [it for it in nodes if it.state is State.SERVING and it not in known]
        added = new[: self._most - len(kept)]
        self.asked = kept + added
        return len(removed) + len(added)


def _is_over(node: Node, now: float) -> bool:
    if node.state is State.GONE:
        return now >= node.lease_until
    return node.state is State.DRAINING
