"""Everything that the management plane keeps in DynamoDB."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from botocore.client import BaseClient

from lambdas.management.call_repository import CallRepository
from lambdas.management.connector_repository import ConnectorRepository
from lambdas.management.group_repository import GroupRepository
from lambdas.management.lifecycle_repository import LifecycleRepository
from lambdas.management.node_repository import NodeRepository
from lambdas.management.number_repository import NumberRepository
from lambdas.management.order_repository import OrderRepository
from lambdas.management.pending_repository import PendingRepository
from lambdas.management.recording_repository import RecordingRepository
from lambdas.management.store import Store, Update
from lambdas.management.supply_repository import SupplyRepository
from model.codec import decode, encode, encode_item, moment, moment_text, string
from model.tables import (
    CONNECTORS,
    GLOBAL,
    PARTITION_KEY,
    PHONE_NUMBERS,
    SETTINGS,
    SORT_KEY,
    key,
)


class DefaultCallingName(NamedTuple):
    """The calling name of an account's numbers, which may be empty, and when it was set."""

    name: str
    updated_at: datetime


class ConfigurationRepository:
    """Global settings and the account's defaults."""

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

    def default_calling_name(self) -> DefaultCallingName | None:
        """Return the account's calling name, None when it was never set (API PN14)."""
        item = self._store.get(self._table, SETTINGS, PHONE_NUMBERS)
        if item is None:
            return None
        return DefaultCallingName(string(item["calling_name"]), moment(item["updated_at"]))

    def set_default_calling_name(
        self, wanted: DefaultCallingName, *, unless_changed_after: datetime
    ) -> None:
        """Replace the account's calling name; raises Changed when that was done too lately."""
        self._store.update(
            Update(
                table=self._table,
                key=key(SETTINGS, PHONE_NUMBERS),
                expression="SET calling_name = :name, updated_at = :at",
                condition="attribute_not_exists(updated_at) OR updated_at <= :latest",
                values={
                    ":name": encode(wanted.name),
                    ":at": encode(moment_text(wanted.updated_at)),
                    ":latest": encode(moment_text(unless_changed_after)),
                },
            )
        )


@dataclass(frozen=True, slots=True)
class Repository:
    """All parts over one store."""

    connectors: ConnectorRepository
    groups: GroupRepository
    numbers: NumberRepository
    lifecycle: LifecycleRepository
    orders: OrderRepository
    pending: PendingRepository
    supply: SupplyRepository
    configuration: ConfigurationRepository
    calls: CallRepository
    nodes: NodeRepository
    recordings: RecordingRepository

    @classmethod
    def over(cls, client: BaseClient, prefix: str, sleep: Callable[[float], None]) -> "Repository":
        """Return the repository of a deployment whose tables start with `prefix`."""
        store = Store(client, sleep)
        return cls(
            ConnectorRepository(store, prefix),
            GroupRepository(store, prefix),
            NumberRepository(store, prefix),
            LifecycleRepository(store, prefix),
            OrderRepository(store, prefix),
            PendingRepository(store, prefix),
            SupplyRepository(store, prefix),
            ConfigurationRepository(store, prefix),
            CallRepository(store, prefix),
            NodeRepository(store, prefix),
            RecordingRepository(store, prefix),
        )
