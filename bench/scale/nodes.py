"""Nodes and the records that lead to them."""

from enum import Enum, auto
from random import Random

from lambdas.edge_dns.records import Change


class State(Enum):
    """Of a node."""

    STARTING = auto()
    SERVING = auto()
    DRAINING = auto()
    """It leaves DNS, then takes no new calls, and ends when its last one has."""
    GONE = auto()


class Node:
    """One task."""

    __slots__ = (
        "calls",
        "closes_at",
        "drained_calls",
        "drains_since",
        "gone_at",
        "is_open",
        "is_outdated",
        "node_id",
        "state",
        "zone",
    )

    def __init__(self, number: int, zone: int) -> None:
        self.node_id = f"{number:06}"
        self.zone = zone
        self.state = State.STARTING
        self.is_open = False
        """Whether it takes calls."""
        self.calls = 0
        self.is_outdated = False
        self.drains_since: float | None = None
        self.drained_calls = 0
        """When the drain began."""
        self.closes_at: float | None = None
        """When a draining node takes calls no more, once that is known."""
        self.gone_at: float | None = None

    def serve(self) -> None:
        """Take calls from now on."""
        self.state, self.is_open = State.SERVING, True

    def drain(self, now: float) -> None:
        """Leave DNS from now on; calls are taken until it is closed."""
        self.state, self.drains_since, self.drained_calls = State.DRAINING, now, self.calls

    def end(self, now: float) -> int:
        """Stop the task; return the calls that end with it."""
        left, self.calls = self.calls, 0
        self.state, self.is_open, self.gone_at = State.GONE, False, now
        return left


class Records:
    """The multivalue set of one name (A11): what edge_dns asks for, and what resolvers get."""

    def __init__(self, in_answer: int) -> None:
        self._in_answer = in_answer
        self.asked: dict[str, str] = {}
        """As of the last request: node id -> address, which is the id here."""
        self.served: list[Node] = []
        """What answers are made of: it follows."""

    def answer(self, chance: Random) -> list[Node]:
        """Return what a resolver gets: up to so many records, in any order."""
        return chance.sample(self.served, min(self._in_answer, len(self.served)))

    def change(self, change: Change) -> int:
        """Ask for a change; return how many records it touches."""
        for node_id in change.removed:
            del self.asked[node_id]
        self.asked.update(change.added)
        return len(change.removed) + len(change.added)
