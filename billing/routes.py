"""The quality records beside detail records, found by reading two lists in step.

Both lists of keys are in the order of time, and their keys differ in the prefix alone: the quality
record of a call is found without keeping either list, and without asking for what is not there.
"""

import json
from collections.abc import Iterable
from datetime import datetime

from model.cdr_reader import MOST_OCTETS, NotARecord, RecordKey, read_key
from model.cqr import CallRoute


class Companions:
    """Keys of quality records, asked for in the order in which they come."""

    def __init__(self, keys: Iterable[str]) -> None:
        self._rest = iter(keys)
        self._now: dict[str, str] = {}
        """Of one moment: keys by TransactionId."""
        self._moment: datetime | None = None
        self._ahead: tuple[RecordKey, str] | None = self._next()

    def of(self, wanted: RecordKey) -> str | None:
        """Return the key of the quality record beside a detail record, None when there is none."""
        while self._ahead is not None and self._ahead[0].started_at <= wanted.started_at:
            named, key = self._ahead
            if named.started_at != self._moment:
                self._moment, self._now = named.started_at, {}
            self._now[named.transaction_id] = key
            self._ahead = self._next()
        is_its_moment = self._moment == wanted.started_at
        return self._now.get(wanted.transaction_id) if is_its_moment else None

    def _next(self) -> tuple[RecordKey, str] | None:
        for key in self._rest:
            try:
                return read_key(key), key
            except NotARecord:
                continue  # nobody asks for it
        return None


def read_route(body: bytes) -> CallRoute:
    """Return the Route of a quality record; raises NotARecord when it says none (EDGE X10)."""
    if len(body) > MOST_OCTETS:
        raise NotARecord(f"it has {len(body)} octets; a record has at most {MOST_OCTETS}")
    try:
        members = json.loads(body)
        return CallRoute(members["Route"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        choices = ", ".join(route.value for route in CallRoute)
        raise NotARecord(f"it is no quality record with a Route of {choices}") from error
