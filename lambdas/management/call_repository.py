"""Calls, live and ended, by the indexes of their table; only the edge writes them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from lambdas.management.store import IndexQuery, Store
from model.call_items import call_key
from model.codec import Item, moment_text
from model.tables import CALLS, LIVE_CALLS, Index

_MILLISECOND = timedelta(milliseconds=1)
_SEPARATOR = " "


@dataclass(frozen=True, slots=True, kw_only=True)
class CallList:
    """Calls of one connector, number or node whose start lies in a span, the newest first."""

    index: Index
    of: str
    """Value of the index's partition key."""
    since: datetime | None = None
    before: datetime | None = None
    """Behind `since`."""


class CallRepository:
    """Reads calls."""

    def __init__(self, store: Store, prefix: str) -> None:
        self._store = store
        self._table = CALLS.physical_name(prefix)

    def call(self, transaction_id: str) -> "Item | None":
        """Return the item of a call, up or ended."""
        return self._store.get_by_key(self._table, call_key(transaction_id))

    def calls(self, wanted: CallList, *, after: str, batch: int) -> Iterator[Item]:
        """Yield the items of a list behind a position; what was written just now may be missing.

        Starts are kept in milliseconds, so a span ends with the last one before its end.
        """
        bounds: dict[str, str] = {}
        if wanted.since is not None:
            bounds["low"] = moment_text(wanted.since)
        if wanted.before is not None:
            bounds["high"] = moment_text(wanted.before - _MILLISECOND)
        return self._store.query_index(
            IndexQuery(
                table=self._table,
                index=wanted.index,
                partition=wanted.of,
                start=_start(wanted, after) if after else None,
                batch=batch,
                **bounds,
            )
        )

    def live_calls(self, node_id: str, *, after: str, batch: int) -> Iterator[Item]:
        """Yield the items of a node's calls that are up, and of ended ones whose object is due."""
        return self.calls(CallList(index=LIVE_CALLS, of=node_id), after=after, batch=batch)


def position_of(item: Item) -> str:
    """Return an item's place in any list of calls."""
    start, name = (item[key]["S"] for key in (LIVE_CALLS.sort_key, CALLS.partition_key))
    return f"{start}{_SEPARATOR}{name}"


def _start(wanted: CallList, position: str) -> Item:
    start, _, transaction_id = position.partition(_SEPARATOR)
    return {
        wanted.index.partition_key: {"S": wanted.of},
        wanted.index.sort_key: {"S": start},
        CALLS.partition_key: {"S": transaction_id},
    }
