"""The table of nodes as edge_dns reads and writes it (A11)."""

from datetime import datetime

from lambdas.edge_dns.notes import DNS, Notes, notes_from, notes_members
from lambdas.management.store import Changed, Store, Update
from model.codec import Item, encode, encode_item, moment_text
from model.drain import DrainMark, drain_members
from model.tables import DRAIN, NODE, NODES, OBSERVATION, SORT_KEY, key


class NodeTable:
    """Rows of nodes, orders to drain and notes; what goes wrong becomes what Store says."""

    def __init__(self, store: Store, prefix: str) -> None:
        self._store = store
        self._table = NODES.physical_name(prefix)

    def rows(self) -> dict[str, Item]:
        """Return the rows of all nodes by id, as they are now."""
        return {str(it[SORT_KEY]["S"]): it for it in self._store.query(self._table, NODE)}

    def marks(self) -> dict[str, Item]:
        """Return the orders to drain by node id, as they are now."""
        return {str(it[SORT_KEY]["S"]): it for it in self._store.query(self._table, DRAIN)}

    def notes(self) -> Notes | None:
        """Return what the last run left; None at first, or when it cannot be read."""
        item = self._store.get(self._table, OBSERVATION, DNS)
        try:
            return None if item is None else notes_from(item)
        except (KeyError, ValueError):
            return None

    def write_notes(self, notes: Notes) -> None:
        """Leave something for the next run."""
        self._store.put(self._table, encode_item(notes_members(notes)))

    def order(self, mark: DrainMark) -> None:
        """Tell a node to drain, unless it has been told."""
        try:
            self._store.create(self._table, encode_item(drain_members(mark)))
        except Changed:
            return

    def withdraw(self, node_id: str) -> None:
        """Take an order to drain back, if there is one."""
        values = {":drain": encode(DRAIN)}
        try:
            self._store.delete(self._table, key(DRAIN, node_id), "pk = :drain", values)
        except Changed:
            return

    def note_unlisted(self, node_id: str, at: datetime) -> None:
        """Let a node know that it has no record; the first such moment stays."""
        update = Update(
            table=self._table,
            key=key(DRAIN, node_id),
            expression="SET unlisted_at = :at",
            condition="attribute_exists(pk) AND attribute_not_exists(unlisted_at)",
            values={":at": encode(moment_text(at))},
        )
        try:
            self._store.update(update)
        except Changed:
            return
