"""Closes the rows of dead nodes, as far as the time of a run goes (EDGE C9, C10)."""

from collections.abc import Callable, Collection
from datetime import datetime
from typing import assert_never

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
    ) -> None:
        """Close rows until `is_over`; `bucket` is where the records of lost calls go."""
        self._repository = repository
        self._records = records
        self._account_id = account_id
        self._bucket = bucket
        self._is_over = is_over
        self._log = log
        self._count = count
        self._refusing: set[str] = set()
        """Buckets that have refused in this run: asking them again would eat its time."""
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
        for node in [*first, *(it for it in nodes if it not in first)]:
            after = place.after if place is not None and place.node_id == node.node_id else ""
            stopped_at = self._work_on(node, after)
            if stopped_at is not None:
                return Place(node.node_id, stopped_at)
        return None

    def _work_on(self, node: NodeLease, after: str) -> str | None:
        """Close a node's rows behind a position; return the one at which the time was up."""
        is_empty = not after
        for item in self._repository.rows(node.node_id, after):
            if self._is_over():
                return after
            is_empty = False
            self._close_one(node, item)
            after = position_of(item)
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

    def _close_one(self, node: NodeLease, item: Item) -> None:
        """Do what is to be done about a row; what goes wrong stops no other."""
        try:
            self._take_steps(node, item)
        except Changed:
            # Its node has written it after all, or another run.
            return
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

    def _take_steps(self, node: NodeLease, item: Item) -> None:
        step = step_for(
            item, lease=node.renewed_at, bucket=self._bucket, account_id=self._account_id
        )
        match step:
            case Forget(transaction_id=transaction_id):
                self._repository.forget(node.node_id, transaction_id)
                self._told(node, "call forgotten", transaction_id, None)
            case Close(record=record, bucket=bucket):
                self._repository.close(node.node_id, record, bucket)
                self._told(node, "call closed", record.transaction_id, record.ended_at)
                self._store(node, record, bucket)
            case Store(record=record, bucket=bucket):
                self._store(node, record, bucket)
            case _:
                assert_never(step)

    def _told(
        self, node: NodeLease, message: str, transaction_id: str, ended_at: datetime | None
    ) -> None:
        self.closed += 1
        self._count(CALLS_EDGE_LOST, 1)
        fields = {"node": node.node_id, "transaction_id": transaction_id}
        end = {} if ended_at is None else {"ended_at": ended_at.isoformat()}
        self._log.info(message, extra=fields | end)

    def _store(self, node: NodeLease, record: CallDetailRecord, bucket: str) -> None:
        """Let the object be there, and the row say what it says."""
        if bucket in self._refusing:
            self.failures += 1
            return
        try:
            is_new = self._records.create(bucket, record)
            if is_new:
                self._repository.settle(node.node_id, record)
            else:
                self._adopt(node, record, bucket)
        except BucketRefuses:
            self._refusing.add(bucket)
            raise
        self._count(RECORDS_RECOVERED, 1)
        fields = {"node": node.node_id, "transaction_id": record.transaction_id, "bucket": bucket}
        self._log.info("record stored", extra=fields | {"key": record.key(), "new": is_new})

    def _adopt(self, node: NodeLease, record: CallDetailRecord, bucket: str) -> None:
        """Take the end from the object that is there: it has been billed (EDGE C9)."""
        there = self._records.read(bucket, record.key())
        told = {} if there is None else told_end(there, record.started_at)
        self._repository.settle(node.node_id, record, told)
