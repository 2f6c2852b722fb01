"""PBXs and carriers: which address each tries, of answers that it keeps for their time to live."""

from enum import Enum, auto
from random import Random

from bench.scale.nodes import Node, Records


class Manner(Enum):
    """How a peer deals with several addresses."""

    ROTATING = auto()
    FIRST = auto()
    HOLDING = auto()


class Peer:
    """One resolver with a cache, and whoever calls by it."""

    __slots__ = ("_answer", "_chance", "_expires_at", "_held", "_manner", "_records", "_ttl_s")

    def __init__(self, manner: Manner, records: Records, ttl_s: float, chance: Random) -> None:
        self._manner = manner
        self._records = records
        self._ttl_s = ttl_s
        self._chance = chance
        self._answer: list[Node] = []
        # Caches are not filled at the same moment everywhere.
        self._expires_at = -1.0
        self._held: Node | None = None

    def first(self, now: float) -> Node | None:
        """Return the address that the next call is sent to, None when there is no name."""
        if self._manner is Manner.HOLDING and self._held is not None:
            return self._held
        answer = self._fresh(now)
        if not answer:
            return None
        if self._manner is Manner.ROTATING:
            return answer[int(self._chance.random() * len(answer))]
        self._held = answer[0]
        return self._held

    def others(self, failed: Node | None, now: float) -> list[Node]:
        """Return the addresses to try after one that failed, in their order."""
        others = [node for node in self._fresh(now) if node is not failed]
        if self._manner is Manner.ROTATING:
            self._chance.shuffle(others)
        return others

    def worked(self, node: Node) -> None:
        """Remember an address that took a call after others had not."""
        self._held = node

    def _fresh(self, now: float) -> list[Node]:
        if now >= self._expires_at:
            self._answer = self._records.answer(self._chance)
            self._expires_at = now + self._ttl_s
        return self._answer
