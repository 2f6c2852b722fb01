"""Everything that the management plane keeps in DynamoDB, and the mark that it has changed."""

from collections.abc import Callable
from dataclasses import dataclass

from botocore.client import BaseClient

from lambdas.management.call_repository import CallRepository
from lambdas.management.connector_repository import ConnectorRepository
from lambdas.management.group_repository import GroupRepository
from lambdas.management.node_repository import NodeRepository
from lambdas.management.number_repository import NumberRepository
from lambdas.management.order_repository import OrderRepository
from lambdas.management.store import Store
from model.codec import decode, encode_item
from model.tables import (
    CONFIGURATION,
    CONNECTORS,
    GLOBAL,
    PARTITION_KEY,
    SETTINGS,
    SORT_KEY,
    VERSION,
    key,
)


class ConfigurationRepository:
    """Global settings, and the revision that tells the edge to load anew."""

    def __init__(self, store: Store, prefix: str) -> None:
        self._store = store
        self._table = CONNECTORS.physical_name(prefix)

    def cdr_bucket(self) -> str | None:
        """Return the bucket that call detail records go to (API GS1)."""
        item = self._store.get(self._table, SETTINGS, GLOBAL)
        if item is None or "cdr_bucket" not in item:
            return None
        return str(decode(item["cdr_bucket"]))

    def set_cdr_bucket(self, bucket: str | None) -> None:
        """Name or clear the bucket."""
        members = {PARTITION_KEY: SETTINGS, SORT_KEY: GLOBAL, "cdr_bucket": bucket}
        self._store.put(self._table, encode_item(members))

    def count_revision(self) -> None:
        """Count the configuration's revision up, after a change that the edge must see."""
        self._store.add(self._table, key(VERSION, CONFIGURATION), "revision", 1)


@dataclass(frozen=True, slots=True)
class Repository:
    """The parts over one store."""

    connectors: ConnectorRepository
    groups: GroupRepository
    numbers: NumberRepository
    orders: OrderRepository
    configuration: ConfigurationRepository
    calls: CallRepository
    nodes: NodeRepository

    @classmethod
    def over(cls, client: BaseClient, prefix: str, sleep: Callable[[float], None]) -> "Repository":
        """Return the repository of a deployment whose tables start with `prefix`."""
        store = Store(client, sleep)
        return cls(
            ConnectorRepository(store, prefix),
            GroupRepository(store, prefix),
            NumberRepository(store, prefix),
            OrderRepository(store, prefix),
            ConfigurationRepository(store, prefix),
            CallRepository(store, prefix),
            NodeRepository(store, prefix),
        )
