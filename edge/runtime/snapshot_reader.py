"""Reading the configuration from DynamoDB: whole at the start and hourly, else only what changed.

The feed tells which keys have changed (A9, model/feed_items.py); those items are read. Each look
goes back a little behind the newest change that was seen, because changes are stamped by clocks of
their own and become visible one after the other; what was seen before is left out.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import TypeVar

import boto3
from botocore.config import Config

from edge.config import Snapshot
from edge.config_change import ConfigChange, Existing, difference, everything_in
from edge.runtime.log import Logger, utc_now
from edge.seam import ConfigChanged, ConfigLoaded
from model import tables
from model.codec import Item, decode_item, moment_text, string
from model.connector import Connector
from model.connector_items import connector_from
from model.feed_items import ChangedKey, change_from
from model.group_items import group_from
from model.number_items import number_from
from model.settings import Settings

T = TypeVar("T")

FULL_LOAD_EVERY_S = 3_600.0
"""Finds what the feed has missed; the items of the feed live for a day."""
OVERLAP = timedelta(seconds=10)
"""Clocks differ by less, and so does the time from a stamp to its item."""
MOST_CHANGES = 1_000
"""In one look; of more, reading everything is the shorter way."""
ITEMS_AT_ONCE = 100
"""DynamoDB's own limit of BatchGetItem."""
CLIENT = Config(connect_timeout=1.0, read_timeout=3.0, retries={"total_max_attempts": 1})
"""One attempt: whoever follows the configuration tries again anyway, and says so."""


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
        utc: Callable[[], datetime] = utc_now,
    ) -> None:
        self.client = session.client("dynamodb", config=CLIENT)
        """For others who read now and then; making one takes a while."""
        self._settings = settings
        self._names = {it.logical_name: it.physical_name(table_prefix) for it in tables.TABLES}
        self._log = log
        self._monotonic = monotonic
        self._utc = utc
        self._loaded_at: float | None = None
        self._since = ""
        self._seen: set[str] = set()
        self._damaged: set[tuple[str, str]] = set()
        self.snapshot: Snapshot | None = None
        """The configuration as it was returned so far."""

    def changed(self) -> list[ConfigLoaded | ConfigChanged]:
        """Return the configuration, or what differs from what was returned before."""
        now = self._monotonic()
        if self._loaded_at is None or now - self._loaded_at >= FULL_LOAD_EVERY_S:
            return self._load(now)
        found = self._fed()
        if len(found) > MOST_CHANGES:
            return self._load(now)
        change = self._changes(found.values()) if found else None
        # Only now: a look that fails is repeated with the same changes.
        self._remember(found)
        return [] if change is None else self._told(change)

    def _load(self, now: float) -> list[ConfigLoaded | ConfigChanged]:
        since = moment_text(self._utc() - OVERLAP)
        connectors = self._decoded(self._partition(tables.CONNECTORS, tables.CONNECTOR), _connector)
        numbers = self._decoded(self._partition(tables.NUMBERS, tables.INVENTORY), number_from)
        groups = self._decoded(self._partition(tables.CONNECTORS, tables.GROUP), group_from)
        bucket = self._cdr_bucket()
        loaded = Snapshot.build(self._settings, connectors, numbers, bucket, groups)
        self._since, self._seen, self._loaded_at = since, set(), now
        before = self.snapshot
        if before is None:
            self.snapshot = loaded
            parts = everything_in(loaded).parts()
            return [*map(ConfigChanged, parts), ConfigLoaded(Existing.of(loaded))]
        change = ConfigChange(
            difference(before.connectors, loaded.connectors),
            difference(before.numbers, loaded.numbers),
            loaded.cdr_bucket,
            difference(before.groups, loaded.groups),
        )
        return self._told(change)

    def _told(self, change: ConfigChange) -> list[ConfigLoaded | ConfigChanged]:
        assert self.snapshot is not None, "everything is read first"
        if not change.differs_from(self.snapshot):
            return []
        self.snapshot = change.made_to(self.snapshot, self._settings.domain)
        return [*map(ConfigChanged, change.parts())]

    def _fed(self) -> dict[str, ChangedKey]:
        """Return the changes that were not seen before, by their sort keys in the feed."""
        items = self._partition(tables.FEED, tables.CHANGE, after=self._since)
        new = [item for item in items if string(item[tables.SORT_KEY]) not in self._seen]
        return {string(item[tables.SORT_KEY]): change_from(item) for item in new}

    def _remember(self, found: Iterable[str]) -> None:
        self._seen.update(found)
        if not self._seen:
            return
        newest = max(self._seen).partition("#")[0]
        since = moment_text(datetime.fromisoformat(newest) - OVERLAP)
        self._since = max(self._since, since)
        self._seen = {seen for seen in self._seen if seen > self._since}

    def _changes(self, changed: Iterable[ChangedKey]) -> ConfigChange:
        before, keys = self.snapshot, set(changed)
        assert before is not None, "everything is read first"
        wanted = {
            part: {it.sort for it in keys if it.partition == part}
            for part in (tables.CONNECTOR, tables.GROUP, tables.INVENTORY, tables.SETTINGS)
        }
        connectors = self._items(tables.CONNECTORS, tables.CONNECTOR, wanted[tables.CONNECTOR])
        groups = self._items(tables.CONNECTORS, tables.GROUP, wanted[tables.GROUP])
        numbers = self._items(tables.NUMBERS, tables.INVENTORY, wanted[tables.INVENTORY])
        bucket = self._cdr_bucket() if wanted[tables.SETTINGS] else before.cdr_bucket
        found_connectors = {it.connector_id: it for it in self._decoded(connectors, _connector)}
        found_groups = {it.group_id: it for it in self._decoded(groups, group_from)}
        found_numbers = {
            it.e164: it for it in self._decoded(numbers, number_from) if it.deleted_at is None
        }
        return ConfigChange(
            difference(_among(before.connectors, wanted[tables.CONNECTOR]), found_connectors),
            difference(_among(before.numbers, wanted[tables.INVENTORY]), found_numbers),
            bucket,
            difference(_among(before.groups, wanted[tables.GROUP]), found_groups),
        )

    def _cdr_bucket(self) -> str | None:
        for item in self._items(tables.CONNECTORS, tables.SETTINGS, {tables.GLOBAL}):
            bucket = decode_item(item).get("cdr_bucket")
            return bucket if isinstance(bucket, str) and bucket else None
        return None

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

    def _items(self, table: tables.Table, partition: str, sorts: Iterable[str]) -> Iterator[Item]:
        """Yield those of some items that there are."""
        name, ordered = self._names[table.logical_name], sorted(sorts)
        for start in range(0, len(ordered), ITEMS_AT_ONCE):
            some = ordered[start : start + ITEMS_AT_ONCE]
            asked = {name: {"Keys": [tables.key(partition, sort) for sort in some]}}
            while asked:
                for kept in asked.values():
                    kept["ConsistentRead"] = True  # type: ignore[assignment]  # a request has members of several types
                answer = self.client.batch_get_item(RequestItems=asked)  # type: ignore[arg-type]  # typed JSON is an open mapping in model.tables
                yield from answer["Responses"].get(name, [])
                asked = answer["UnprocessedKeys"]  # type: ignore[assignment]  # the same shape

    def _partition(self, table: tables.Table, partition: str, *, after: str = "") -> Iterator[Item]:
        condition, names = "#pk = :pk", {"#pk": tables.PARTITION_KEY}
        values = {":pk": {"S": partition}}
        if after:
            condition += " AND #sk > :after"
            names["#sk"], values[":after"] = tables.SORT_KEY, {"S": after}
        pages = self.client.get_paginator("query").paginate(
            TableName=self._names[table.logical_name],
            KeyConditionExpression=condition,
            ExpressionAttributeNames=names,
            ExpressionAttributeValues=values,
            ConsistentRead=True,
        )
        for page in pages:
            yield from page["Items"]


def _among(known: Mapping[str, T], names: Iterable[str]) -> dict[str, T]:
    return {name: known[name] for name in names if name in known}


def _connector(item: Item) -> Connector:
    connector = connector_from(item)
    if connector.termination is not None:
        # Raises ValueError here, for this connector alone, instead of when the index is built.
        connector.termination.networks()
    return connector
