"""What the edge tells: nodes as they showed themselves last, the health of connectors."""

from datetime import datetime

from lambdas.management.store import Store
from model.configurations import TerminationHealth
from model.health_items import health_from
from model.node import NodeState
from model.node_items import node_from
from model.tables import HEALTH, NODE, NODES


class NodeRepository:
    """Reads nodes."""

    def __init__(self, store: Store, prefix: str) -> None:
        self._store = store
        self._table = NODES.physical_name(prefix)

    def health(self, connector_id: str) -> TerminationHealth | None:
        """Return the last good ping of a connector's hosts (API TH1)."""
        item = self._store.get(self._table, HEALTH, connector_id)
        return None if item is None else health_from(item)

    def live(self, now: datetime) -> list[NodeState]:
        """Return the nodes that live, in order of their ids."""
        nodes = (node_from(item) for item in self._store.query(self._table, NODE))
        return [node for node in nodes if node.is_live(now)]
