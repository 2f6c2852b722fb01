"""The tables as the reaper reads and writes them (EDGE C9).

Every change of a row has the condition that the row still is what it was found to be: a node that
writes it at the same moment, or another run of the reaper, loses nothing.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import NamedTuple

from lambdas.call_reaper.watch_items import PASS, Notes, notes_from, notes_members
from lambdas.management.call_repository import CallRepository
from lambdas.management.store import Store, Update
from model.call_items import call_key, due_members, ended_members
from model.cdr import CallDetailRecord
from model.codec import Item, Plain, encode, encode_item, moment, optional_string, string
from model.tables import (
    CALLS,
    LIVE_CALLS,
    NODE,
    NODES,
    OBSERVATION,
    SORT_KEY,
    key,
)

ROWS_AT_ONCE = 100
_RENEWED_AT = "renewed_at"
_NOTHING: Mapping[str, Plain] = MappingProxyType({})


class NodeLease(NamedTuple):
    """A node's row, as far as the reaper needs it."""

    node_id: str
    lease: str
    """As the node wrote it; empty for a node without a row."""
    task: str | None

    @property
    def renewed_at(self) -> datetime | None:
        """Return the moment of the last renewal, None when there is none, or none that is one."""
        try:
            return moment({"S": self.lease})
        except ValueError:
            return None


class ReaperRepository:
    """Reads leases and rows, and closes rows; what goes wrong becomes what Store says."""

    def __init__(self, store: Store, prefix: str) -> None:
        self._store = store
        self._calls = CALLS.physical_name(prefix)
        self._nodes = NODES.physical_name(prefix)
        self._rows = CallRepository(store, prefix)

    def notes(self) -> Notes | None:
        """Return what the last run left; None at first, or when it cannot be read."""
        item = self._store.get(self._nodes, OBSERVATION, PASS)
        try:
            return None if item is None else notes_from(item)
        except (KeyError, ValueError):
            return None

    def write_notes(self, notes: Notes) -> None:
        """Leave something for the next run."""
        self._store.put(self._nodes, encode_item(notes_members(notes)))

    def leases(self) -> dict[str, NodeLease]:
        """Return the leases of all nodes that have a row, by id; they are read as they are now."""
        found = (_lease_of(item) for item in self._store.query(self._nodes, NODE))
        return {lease.node_id: lease for lease in found}

    def nodes_of_rows(self) -> set[str]:
        """Return every node that has a row in the index of live calls: all of it is read."""
        name = LIVE_CALLS.partition_key
        items = self._store.scan_index(self._calls, LIVE_CALLS, (name,))
        return {string(item[name]) for item in items}

    def rows(self, node_id: str, after: str) -> Iterator[Item]:
        """Yield the rows of a node behind a position."""
        return self._rows.live_calls(node_id, after=after, batch=ROWS_AT_ONCE)

    def has_rows(self, node_id: str) -> bool:
        """Tell whether a node has a row in the index of live calls."""
        return next(self._rows.live_calls(node_id, after="", batch=1), None) is not None

    def close(self, node_id: str, record: CallDetailRecord, bucket: str) -> None:
        """Note that a live call has ended and its object is due; raises Changed when it is not
        live any more, or not this node's."""
        members = due_members(record, node_id, bucket, record.key())
        self._change(node_id, members, " AND attribute_not_exists(#status)")

    def settle(
        self, node_id: str, record: CallDetailRecord, told: Mapping[str, Plain] = _NOTHING
    ) -> None:
        """Note that a call's object is there; `told` are members that the object knows better.
        Raises Changed when the row is not this node's any more."""
        members = {**ended_members(record, node_id, record.key()), **told}
        self._change(node_id, members, remove=(LIVE_CALLS.partition_key, "bucket"))

    def forget(self, node_id: str, transaction_id: str) -> None:
        """Remove the row of a call; raises Changed when it has changed hands."""
        condition = f"{LIVE_CALLS.partition_key} = :node"
        values = {":node": encode(node_id)}
        self._store.delete(self._calls, call_key(transaction_id), condition, values)

    def remove(self, lease: NodeLease) -> None:
        """Remove a node's row; raises Changed when the node has renewed its lease since."""
        values = {":lease": encode(lease.lease)}
        self._store.delete(self._nodes, key(NODE, lease.node_id), f"{_RENEWED_AT} = :lease", values)

    def _change(
        self,
        node_id: str,
        members: Mapping[str, Plain],
        more: str = "",
        remove: tuple[str, ...] = (),
    ) -> None:
        """Set attributes of a row that a node still has; the others stay, such as its quality."""
        given = {
            name: value
            for name, value in members.items()
            if value is not None and name != CALLS.partition_key and name not in remove
        }
        expression = "SET " + ", ".join(f"#{name} = :{name}" for name in given)
        if remove:
            expression += " REMOVE " + ", ".join(f"#{name}" for name in remove)
        names = {f"#{name}": name for name in (*given, *remove, LIVE_CALLS.partition_key)}
        self._store.update(
            Update(
                table=self._calls,
                key=call_key(str(members[CALLS.partition_key])),
                expression=expression,
                condition=f"#{LIVE_CALLS.partition_key} = :held_by{more}",
                names=names,
                values={
                    ":held_by": encode(node_id),
                    **{f":{name}": encode(value) for name, value in given.items()},
                },
            )
        )


def _lease_of(item: Item) -> NodeLease:
    """Return the lease of a row; a damaged one is still a node's, whose calls must not be lost."""
    try:
        return NodeLease(
            string(item[SORT_KEY]), string(item[_RENEWED_AT]), optional_string(item, "task")
        )
    except (KeyError, ValueError):
        return NodeLease(string(item[SORT_KEY]), "", None)
