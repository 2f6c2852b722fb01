"""When each access key was last used: an item in DynamoDB, written at most hourly per key (A2)."""

import threading
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Protocol

from lambdas.management.store import Changed, Store, Update
from model.codec import encode
from model.tables import ACCESS_KEY, CONNECTORS, key

WRITTEN_EVERY = timedelta(hours=1)


class Log(Protocol):
    """What is used of a logger here."""

    def exception(self, msg: object, *, extra: Mapping[str, object]) -> None:
        """Write a line with fields and the stack of the exception being handled."""
        ...


class KeyUses:
    """Notes the use of keys; what goes wrong is logged and never stands in a request's way."""

    def __init__(self, store: Store, prefix: str, log: Log) -> None:
        self._store = store
        self._table = CONNECTORS.physical_name(prefix)
        self._log = log
        self._lock = threading.Lock()
        self._tried: dict[str, datetime] = {}

    def note(self, access_key_id: str, now: datetime) -> None:
        """Write that a key is used now, unless that was written, or tried, less than an hour ago.

        Each instance of the function asks for itself; the condition lets one of them write.
        """
        with self._lock:
            before = self._tried.get(access_key_id)
            if before is not None and now - before < WRITTEN_EVERY:
                return
            self._tried[access_key_id] = now
        try:
            self._store.update(self._update(access_key_id, now))
        except Changed:
            return  # another instance has written it
        except Exception:
            # The key's request is answered all the same: nothing but a display depends on this.
            self._log.exception("the use of an access key was not noted", extra={})

    def _update(self, access_key_id: str, now: datetime) -> Update:
        return Update(
            table=self._table,
            key=key(ACCESS_KEY, access_key_id),
            expression="SET last_used_at = :now",
            condition="attribute_not_exists(last_used_at) OR last_used_at <= :before",
            values={
                ":now": encode(now.isoformat(timespec="milliseconds")),
                ":before": encode((now - WRITTEN_EVERY).isoformat(timespec="milliseconds")),
            },
        )
