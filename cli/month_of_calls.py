"""The answered calls of a month, read from the bucket one after the other.

The detail records of a connector come in the order of time, and so do the keys of its quality
records: they are listed in step, and only those objects are fetched that lie beside the record of
an answered call. Nothing is kept, neither keys nor records.
"""

from collections.abc import Callable, Container, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import NamedTuple

from billing.calls import BillableCall, billable_call, is_billable
from billing.month import Month
from billing.routes import Companions, read_route
from cli.records.ahead import ahead
from cli.records.bucket import ObjectGone, RecordBucket
from cli.records.listing import RecordListing
from cli.records.stream import RecordStream
from cli.records.wanted import Wanted
from model.cdr_reader import NotARecord, ReadRecord, read_key
from model.cqr import QUALITY_PREFIX, CallRoute

READERS = 16
"""Threads that fetch quality records."""
_AHEAD = 128


class _Answered(NamedTuple):
    """The record of an answered call, and the key of the quality record beside it."""

    record: ReadRecord
    companion: str | None


class _Routed(NamedTuple):
    """The same with what the quality record says, or why it says nothing."""

    record: ReadRecord
    route: CallRoute | None
    problem: str | None


class MonthOfCalls:
    """One reading of a month; the counts are right once `calls` has come to its end."""

    def __init__(
        self,
        bucket: RecordBucket,
        month: Month,
        *,
        key_prefix: str,
        connector_id: str | None,
        tell: Callable[[str], None],
    ) -> None:
        """Take the month's records under a prefix, of all connectors or of one; `tell` takes a line
        on each object that cannot be read."""
        self._bucket = bucket
        self._month = month
        self._tell = tell
        self.stream = RecordStream(bucket, key_prefix, self._wanted(connector_id), tell=tell)
        """Where the records come from."""
        self.not_answered = 0
        self._misplaced = 0

    @property
    def unreadable(self) -> int:
        """Return how many objects are no detail record of this month, or have gone meanwhile."""
        counts = self.stream.counts
        return counts.skipped + counts.gone + self._misplaced

    def calls(self, associated: Container[str]) -> Iterator[BillableCall]:
        """Yield the answered calls, connector by connector, in the order of their starts;
        `associated` are the numbers that connectors and groups hold. Raises CommandError when
        something cannot be fetched: a bill without it would be wrong."""
        with ThreadPoolExecutor(READERS) as pool:
            for routed in ahead(pool, self._routed, self._answered(pool), _AHEAD):
                if routed.problem is not None:
                    self._tell(routed.problem)
                yield billable_call(routed.record, routed.route, associated)

    def _wanted(self, connector_id: str | None) -> Wanted:
        return Wanted(connector_id=connector_id, since=self._month.since, before=self._month.before)

    def _answered(self, pool: Executor) -> Iterator[_Answered]:
        connector_id, companions = "", Companions([])
        for record, _ in self.stream.records():
            if Month.of(record.started_at) != self._month:
                self._misplaced += 1
                began = f"{record.started_at:%Y-%m-%d %H:%M:%S}"
                self._tell(f"{record.key!a}: its call began {began}, and not when its key says")
            elif not is_billable(record):
                self.not_answered += 1
            else:
                if record.connector_id != connector_id:
                    connector_id = record.connector_id
                    wanted = self._wanted(connector_id)
                    beside = RecordListing(self._bucket, QUALITY_PREFIX, wanted).objects(pool)
                    companions = Companions(it.key for it in beside)
                yield _Answered(record, companions.of(read_key(record.key)))

    def _routed(self, answered: _Answered) -> _Routed:
        key = answered.companion
        if key is None:
            return _Routed(answered.record, None, None)
        try:
            return _Routed(answered.record, read_route(self._bucket.read(key)), None)
        except ObjectGone:
            problem = "it has gone meanwhile"
        except NotARecord as reason:
            problem = str(reason)
        told = f"{key!a} is no quality record: {problem}; the inventory decides"
        return _Routed(answered.record, None, told)
