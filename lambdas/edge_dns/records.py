"""Which records of nodes come and go, by what is known of the nodes (A11).

Nothing here reads a clock, a table or a zone. What cannot be undone quickly is slow: resolvers keep
an empty answer for longer than a full one, and a mistake about all nodes at once, such as a clock
that is wrong, must not empty the set. So the last record stays whatever is known of its node, and
no more than a third goes within a minute.
"""

from collections.abc import Collection, Mapping
from enum import Enum
from typing import NamedTuple

TTL_S = 30
MOST_RECORDS = 90
"""Of one name. Route 53 takes 100 multivalue records of one name and type; the rest is for records
of the operator's own."""


class Standing(Enum):
    """What a node is to callers."""

    SERVING = "serving"
    """It takes calls."""
    LEAVING = "leaving"
    """It takes no new ones, or soon will not; it runs."""
    DEAD = "dead"
    UNSURE = "unsure"
    """Nothing is certain: its record stays as it is."""


class NodeSeen(NamedTuple):
    """One node as a run sees it."""

    standing: Standing
    address: str = ""
    """Public IPv4 address; that of a serving node alone matters."""


class Change(NamedTuple):
    """What one run does to the set: node ids, with addresses."""

    added: Mapping[str, str]
    moved: Mapping[str, str]
    """Records whose address is another one now."""
    removed: Mapping[str, str]
    """With the addresses that they have: a deletion must name them."""
    waiting: int
    """Serving nodes that there is no room for."""

    @property
    def is_empty(self) -> bool:
        """Tell whether there is nothing to do."""
        return not (self.added or self.moved or self.removed)


NOTHING = Change(added={}, moved={}, removed={}, waiting=0)


def change_of(
    records: Mapping[str, str], nodes: Mapping[str, NodeSeen], removed_lately: int
) -> Change:
    """Return what to do about the records that there are, node id -> address.

    `removed_lately` is how many were removed in the last minute. A node that is not among `nodes`
    has left.
    """
    serving = {it: seen.address for it, seen in nodes.items() if seen.standing is Standing.SERVING}
    removable = sorted(
        (it for it in records if _is_to_go(nodes, it)), key=lambda it: (_is_leaving(nodes, it), it)
    )
    new = sorted(serving.keys() - records.keys())
    allowed = _allowance(len(records), removed_lately)
    # A new record takes the place of the last one in the same change.
    if len(removable) == len(records) and not new:
        allowed = min(allowed, len(records) - 1)
    removed = removable[: max(0, allowed)]
    room = max(0, MOST_RECORDS - len(records) + len(removed))
    return Change(
        added={it: serving[it] for it in new[:room]},
        moved={
            it: serving[it]
            for it, address in records.items()
            if it in serving and serving[it] != address
        },
        removed={it: records[it] for it in removed},
        waiting=len(new[room:]),
    )


def _allowance(records: int, removed_lately: int) -> int:
    """Return how many may go now: a third of those that there were, at least one."""
    return max(1, (records + removed_lately) // 3) - removed_lately


def _is_to_go(nodes: Mapping[str, NodeSeen], node_id: str) -> bool:
    standing = nodes[node_id].standing if node_id in nodes else Standing.DEAD
    return standing in (Standing.LEAVING, Standing.DEAD)


def _is_leaving(nodes: Mapping[str, NodeSeen], node_id: str) -> bool:
    """Tell whether a node still answers: the dead go first."""
    return node_id in nodes and nodes[node_id].standing is Standing.LEAVING


def unlisted(marked: Collection[str], records: Collection[str]) -> list[str]:
    """Return the nodes under orders to drain that had no record before this run."""
    return sorted(set(marked) - set(records))
