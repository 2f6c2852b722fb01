"""Recordings: what is ordered here, and what their nodes tell of them (docs/recording.md)."""

from lambdas.management.store import Store, Update
from model.recording_items import Change, ending, ordering, recording_from, recording_key
from model.recordings import Recording, RecordingOrder
from model.tables import NODES


class RecordingRepository:
    """Reads and orders recordings."""

    def __init__(self, store: Store, prefix: str) -> None:
        self._store = store
        self._table = NODES.physical_name(prefix)

    def recording(self, node_id: str, transaction_id: str) -> Recording | None:
        """Return the latest recording of a call, None when there is none of the last day."""
        item = self._store.get_by_key(self._table, recording_key(node_id, transaction_id))
        return None if item is None else recording_from(item)

    def order(self, order: RecordingOrder) -> None:
        """Order a recording; raises Changed when one of the same call is under way."""
        self._write(order, ordering(order))

    def end(self, order: RecordingOrder) -> None:
        """Want the end of a recording; raises Changed when another was ordered meanwhile."""
        self._write(order, ending(order))

    def _write(self, order: RecordingOrder, change: Change) -> None:
        self._store.update(
            Update(
                table=self._table,
                key=recording_key(order.node_id, order.transaction_id),
                expression=change.expression,
                condition=change.condition,
                names=change.names,
                values=change.values,
            )
        )
