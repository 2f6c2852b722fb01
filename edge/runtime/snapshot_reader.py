"""Reading the configuration from DynamoDB: cheap to ask whether it changed, whole when it did.

Every read is consistent. The revision is read before the tables, so that a change made during a
load has a higher revision than the one remembered and is seen by the next look.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple, TypeVar

import boto3
from botocore.config import Config

from edge.config import Snapshot
from edge.runtime.log import Logger
from model import tables
from model.codec import Item, decode_item
from model.connector import Connector
from model.connector_group import ConnectorGroup
from model.connector_items import connector_from
from model.group_items import group_from
from model.number_items import number_from
from model.numbers import InventoryNumber
from model.settings import Settings

T = TypeVar("T")

FULL_LOAD_EVERY_S = 60.0
"""A load without a reason, in case a writer died between its change and counting the revision."""
CLIENT = Config(connect_timeout=1.0, read_timeout=3.0, retries={"total_max_attempts": 1})
"""One attempt: whoever follows the configuration tries again anyway, and says so."""


class Material(NamedTuple):
    """What a Snapshot is built from; compared to see whether anything differs."""

    connectors: tuple[Connector, ...]
    numbers: tuple[InventoryNumber, ...]
    cdr_bucket: str | None
    groups: tuple[ConnectorGroup, ...]


class SnapshotReader:
    """Reads one deployment's tables; raises botocore's errors when it cannot."""

    def __init__(
        self,
        session: boto3.Session,
        *,
        settings: Settings,
        table_prefix: str,
        log: Logger,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = session.client("dynamodb", config=CLIENT)
        self._settings = settings
        self._connectors = tables.CONNECTORS.physical_name(table_prefix)
        self._numbers = tables.NUMBERS.physical_name(table_prefix)
        self._log = log
        self._monotonic = monotonic
        self._revision: str | None = None
        self._loaded_at: float | None = None
        self._known: Material | None = None
        self._damaged: set[tuple[str, str]] = set()

    def changed(self) -> Snapshot | None:
        """Return the configuration if it differs from what was returned before."""
        now = self._monotonic()
        revision = self._read_revision()
        is_fresh = self._loaded_at is not None and now - self._loaded_at < FULL_LOAD_EVERY_S
        if is_fresh and revision == self._revision:
            return None
        material = self._load()
        self._revision, self._loaded_at = revision, now
        if material == self._known:
            return None
        self._known = material
        return Snapshot.build(self._settings, *material)

    def _read_revision(self) -> str | None:
        item = self._item(tables.VERSION, tables.CONFIGURATION)
        return None if item is None else str(item.get("revision"))

    def _load(self) -> Material:
        connectors = self._partition(self._connectors, tables.CONNECTOR)
        groups = self._partition(self._connectors, tables.GROUP)
        numbers = self._partition(self._numbers, tables.INVENTORY)
        return Material(
            tuple(self._decoded(connectors, _connector)),
            tuple(self._decoded(numbers, number_from)),
            self._cdr_bucket(),
            tuple(self._decoded(groups, group_from)),
        )

    def _cdr_bucket(self) -> str | None:
        item = self._item(tables.SETTINGS, tables.GLOBAL)
        if item is None:
            return None
        bucket = decode_item(item).get("cdr_bucket")
        return bucket if isinstance(bucket, str) and bucket else None

    def _decoded(self, items: Iterable[Item], decode: Callable[[Item], T]) -> Iterator[T]:
        """Decode items; a damaged one is told once and left out, the others count (A9)."""
        for item in items:
            try:
                yield decode(item)
            except (KeyError, ValueError, TypeError, AttributeError) as error:
                finding = (str(item.get(tables.SORT_KEY)), repr(error))
                if finding not in self._damaged:
                    self._damaged.add(finding)
                    self._log("item-damaged", {"item": finding[0], "error": finding[1]})

    def _item(self, partition: str, sort: str) -> Mapping[str, Mapping[str, object]] | None:
        answer = self._client.get_item(
            TableName=self._connectors,
            Key={tables.PARTITION_KEY: {"S": partition}, tables.SORT_KEY: {"S": sort}},
            ConsistentRead=True,
        )
        return answer.get("Item")

    def _partition(self, table: str, partition: str) -> Iterator[Item]:
        pages = self._client.get_paginator("query").paginate(
            TableName=table,
            KeyConditionExpression="#pk = :pk",
            ExpressionAttributeNames={"#pk": tables.PARTITION_KEY},
            ExpressionAttributeValues={":pk": {"S": partition}},
            ConsistentRead=True,
        )
        for page in pages:
            yield from page["Items"]


def _connector(item: Item) -> Connector:
    connector = connector_from(item)
    if connector.termination is not None:
        # Raises ValueError here, for this connector alone, instead of when the index is built.
        connector.termination.networks()
    return connector
