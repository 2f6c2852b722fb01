"""Edge nodes as they showed themselves last; only the edge writes them."""

from datetime import datetime

from lambdas.management.store import Store
from model.node import NodeState
from model.node_items import node_from
from model.tables import NODE, NODES


class NodeRepository:
    """Reads nodes."""

    def __init__(self, store: Store, prefix: str) -> None:
        self._store = store
        self._table = NODES.physical_name(prefix)

    def live(self, now: datetime) -> list[NodeState]:
        """Return the nodes that live, in order of their ids."""
        nodes = (node_from(item) for item in self._store.query(self._table, NODE))
        return [node for node in nodes if node.is_live(now)]
