"""Closes the rows of dead nodes, as far as the time of a run goes (EDGE C9, C10).

A row waits for two answers of DynamoDB and one of S3, one after the other, and rows have nothing to
do with each other: some are closed at the same time. What is counted, logged and remembered of them
is this thread's alone.
"""

from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from datetime import datetime
from itertools import islice
from typing import NamedTuple, assert_never

from lambdas.call_reaper.bucket import BucketRefuses, RecordBucket
from lambdas.call_reaper.closing import Close, Forget, RowDamagedError, Store, step_for
from lambdas.call_reaper.repository import NodeLease, ReaperRepository
from lambdas.call_reaper.watch_items import Place
from lambdas.counting import Figures
from lambdas.management.api import Log
from lambdas.management.call_repository import position_of
from lambdas.management.store import Changed
from model.cdr import CallDetailRecord
from model.cdr_reader import NotARecord
from model.codec import Item
from model.recorded_end import told_end
from model.tables import CALLS

CALLS_EDGE_LOST = "CallsEdgeLost"
"""Calls that were up when their node died."""
RECORDS_RECOVERED = "RecordsRecovered"
"""Objects that a dead node owed, those of lost calls among them."""
ROWS_NOT_CLOSED = "CallRowsNotClosed"
"""Rows of dead nodes that a run had to leave."""


class Spared(Exception):
    """A bucket has refused in this run and was not asked again."""


class _Deed(NamedTuple):
    """Something that was done to a row."""

    message: str
    """Of its log line."""
    metric: str
    fields: dict[str, object]


class Work:
    """One run's work on the nodes that are dead."""

    def __init__(
        self,
        repository: ReaperRepository,
        records: RecordBucket,
        *,
        account_id: str,
        bucket: str | None,
        is_over: Callable[[], bool],
        log: Log,
        count: Figures,
        rows_together: int,
    ) -> None:
        """Close rows until `is_over`, so many at the same time; `bucket` is where the records of
        lost calls go."""
        self._repository = repository
        self._records = records
        self._account_id = account_id
        self._bucket = bucket
        self._is_over = is_over
        self._log = log
        self._count = count
        self._rows_together = rows_together
        self._refusing: set[str] = set()
        """Buckets that have refused in this run: asking them again would eat its time. Threads
        add to it, and what is asked meanwhile is asked in vain."""
        self.failures = 0
        """Rows that were left as they are."""
        self.closed = 0
        self.buried: set[str] = set()
        """Nodes of which nothing is left."""

    def run(self, dead: Collection[NodeLease], place: Place | None) -> Place | None:
        """Close the rows of dead nodes, from `place` on and all the way round to it.

        Returns where the time was up, None when nothing was left out.
        """
        nodes = sorted(dead, key=lambda it: it.node_id)
        first = [it for it in nodes if place is not None and it.node_id >= place.node_id]
        with ThreadPoolExecutor(self._rows_together) as threads:
            for node in [*first, *(it for it in nodes if it not in first)]:
                after = place.after if place is not None and place.node_id == node.node_id else ""
                stopped_at = self._work_on(node, after, threads)
                if stopped_at is not None:
                    return Place(node.node_id, stopped_at)
        return None

    def _work_on(self, node: NodeLease, after: str, threads: Executor) -> str | None:
        """Close a node's rows behind a position; return the one at which the time was up."""
        is_empty = not after
        rows = self._repository.rows(node.node_id, after)
        while items := list(islice(rows, self._rows_together)):
            if self._is_over():
                return after
            is_empty = False
            self._close(node, items, threads)
            after = position_of(items[-1])
        if is_empty:
            self._bury(node)
        return None

    def _bury(self, node: NodeLease) -> None:
        """Remove a node of which nothing was left when this run began: the index of live calls may
        lag behind what was written just now."""
        try:
            if node.lease:
                self._repository.remove(node)
        except Changed:
            return
        self.buried.add(node.node_id)
        self._log.info("node removed", extra={"node": node.node_id, "lease": node.lease})

    def _close(self, node: NodeLease, items: Sequence[Item], threads: Executor) -> None:
        """Do what is to be done about rows, all at once."""
        begun = []
        for item in items:
            deeds: list[_Deed] = []
            begun.append((item, deeds, threads.submit(self._take_steps, node, item, deeds)))
        for item, deeds, done in begun:
            self._judge(node, item, done)
            for deed in deeds:
                self._tell(node, deed)

    def _judge(self, node: NodeLease, item: Item, done: Future[None]) -> None:
        """Wait for a row; what goes wrong with it stops no other."""
        try:
            done.result()
        except Changed:
            # Its node has written it after all, or another run.
            return
        except Spared:
            self.failures += 1
        except BucketRefuses:
            self._failed("a bucket refuses records", node, item)
        except (RowDamagedError, NotARecord):
            self._failed("a row cannot be closed", node, item)
        except Exception:
            self._failed("closing a row failed", node, item)

    def _failed(self, message: str, node: NodeLease, item: Item) -> None:
        self.failures += 1
        name = str(item[CALLS.partition_key].get("S"))
        self._log.exception(message, extra={"node": node.node_id, "transaction_id": name})

    def _tell(self, node: NodeLease, deed: _Deed) -> None:
        self.closed += deed.metric == CALLS_EDGE_LOST
        self._count(deed.metric, 1)
        self._log.info(deed.message, extra={"node": node.node_id, **deed.fields})

    def _take_steps(self, node: NodeLease, item: Item, deeds: list[_Deed]) -> None:
        step = step_for(
            item, lease=node.renewed_at, bucket=self._bucket, account_id=self._account_id
        )
        match step:
            case Forget(transaction_id=transaction_id):
                self._repository.forget(node.node_id, transaction_id)
                deeds.append(_lost("call forgotten", transaction_id, None))
            case Close(record=record, bucket=bucket):
                self._repository.close(node.node_id, record, bucket)
                deeds.append(_lost("call closed", record.transaction_id, record.ended_at))
                self._store(node, record, bucket, deeds)
            case Store(record=record, bucket=bucket):
                self._store(node, record, bucket, deeds)
            case _:
                assert_never(step)

    def _store(
        self, node: NodeLease, record: CallDetailRecord, bucket: str, deeds: list[_Deed]
    ) -> None:
        """Let the object be there, and the row say what it says."""
        if bucket in self._refusing:
            raise Spared
        try:
            is_new = self._records.create(bucket, record)
            if is_new:
                self._repository.settle(node.node_id, record)
            else:
                self._adopt(node, record, bucket)
        except BucketRefuses:
            self._refusing.add(bucket)
            raise
        fields = {"transaction_id": record.transaction_id, "bucket": bucket}
        more = {"key": record.key(), "new": is_new}
        deeds.append(_Deed("record stored", RECORDS_RECOVERED, fields | more))

    def _adopt(self, node: NodeLease, record: CallDetailRecord, bucket: str) -> None:
        """Take the end from the object that is there: it has been billed (EDGE C9)."""
        there = self._records.read(bucket, record.key())
        told = {} if there is None else told_end(there, record.started_at)
        self._repository.settle(node.node_id, record, told)


def _lost(message: str, transaction_id: str, ended_at: datetime | None) -> _Deed:
    end = {} if ended_at is None else {"ended_at": ended_at.isoformat()}
    return _Deed(message, CALLS_EDGE_LOST, {"transaction_id": transaction_id, **end})
