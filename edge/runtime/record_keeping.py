"""Everything that an AWS worker does so that no record of an answered call is lost (EDGE C9, C10).

The rows of a call and its objects go their ways at the same time: neither waits for the other, and
each alone is enough to make the record of. What a call's record needs is, at any moment, in the
table, on the node's disk or in the bucket; memory is where it is on its way from.
"""

import asyncio
from collections.abc import Callable
from threading import Thread

import boto3

from edge.runtime.aws_messages import (
    Backlog,
    Begin,
    EndKept,
    LeaseWritten,
    RecordOutcome,
    RecordSettled,
)
from edge.runtime.batch_writes import BatchWrites
from edge.runtime.cdr_sink import LONGEST_QUEUE, CdrSink
from edge.runtime.due_rows import DueRows, query_due, query_nothing_left
from edge.runtime.journal import DueCall, Journal
from edge.runtime.journal_lines import Header
from edge.runtime.journal_replay import Replay
from edge.runtime.local_journal import LocalJournal
from edge.runtime.log import Logger
from edge.runtime.row_writer import CLIENT
from edge.runtime.s3_bucket import S3Bucket
from edge.runtime.safe_rows import SafeRows
from edge.seam import (
    CallJournalled,
    ForgetCall,
    JournalCall,
    NoteQuality,
    Record,
    WriteRecord,
)
from model.calls import LiveCall
from model.cdr import CallDetailRecord

LINGER_S = 0.05
"""How long the news of a stored record may wait for company."""
TOLD_EVERY_S = 1.0
"""How often the backlog is told, if it has changed."""
PROBES = 50
"""Records that are read from rows while a bucket refuses: enough to find out when it does not."""
LAST_FLUSH_S = 1.0
LOOK_EVERY_S = 0.01
LAST_LOOKS_S = (0.0, 0.1, 0.3)
"""Pauses before each look for what is left of a node that stops."""
THERE = (RecordOutcome.STORED, RecordOutcome.ALREADY_THERE, RecordOutcome.REPLACED)
"""Outcomes after which a call has its object."""

Told = CallJournalled | EndKept | LeaseWritten | RecordSettled | Backlog


class RecordKeeping:
    """The rows and the objects of one node's calls."""

    def __init__(
        self,
        begin: Begin,
        session: boto3.Session,
        tell: "Callable[[Told, float], None]",
        log: Logger,
    ) -> None:
        """`tell` sends a report that may linger for so many seconds."""
        self._tell = tell
        node, prefix, plan = begin.node, begin.table_prefix, begin.journal
        writes = BatchWrites(session)
        self._disk = LocalJournal(
            plan.directory,
            Header(node.node_id, prefix),
            longest_bytes=plan.longest_bytes,
            log=log,
        )
        self.journal = journal = Journal(
            node, disk=self._disk, report=lambda report: tell(report, 0.0)
        )
        self._rows = SafeRows.over(writes, prefix, self._disk, safe=journal.safe, log=log)
        journal.write_to(self._rows, writes, prefix, log)
        self._sink = CdrSink(
            open_bucket=lambda name: S3Bucket(name, session),
            settled=self._settled,
            may_leave=self._may_leave,
            replaced=journal.replaced,
            log=log,
            longest_queue=LONGEST_QUEUE,
        )
        client = session.client("dynamodb", config=CLIENT)
        self._due = DueRows(
            query_due(client, prefix, node.node_id),
            account_id=begin.settings.account_id,
            take=self._found,
            room=self._room,
            log=log,
        )
        self._look = query_nothing_left(client, prefix, node.node_id)
        self._left = 0
        """Records that were left to their rows, as far as this worker knows."""
        self._told: int | None = None
        """None: nothing yet; an earlier worker may have told something else."""
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(it) for it in (self._due.run(), self._tell_backlog())]

    def replay(self, begin: Begin, session: boto3.Session, log_from_thread: Logger) -> None:
        """Bring what other processes have left on the disk into the table, in a thread."""
        replay = Replay.over(begin.journal.directory, session, begin.table_prefix, log_from_thread)
        loop = asyncio.get_running_loop()

        def run() -> None:
            if replay.run():
                # They may be of an earlier worker of this node, and due.
                loop.call_soon_threadsafe(self._due.owe)

        # A daemon: what it has not written stays in the file.
        Thread(target=run, name="replay", daemon=True).start()

    @property
    def pending(self) -> int:
        """Return how many rows and objects are on their way."""
        return self._sink.pending + self.journal.pending

    @property
    def backlog(self) -> int:
        """Return how many records are not stored yet."""
        return self._sink.pending + self._left

    def take(self, command: WriteRecord | JournalCall | ForgetCall | NoteQuality) -> None:
        """Take responsibility for what happened to a call."""
        match command:
            case JournalCall(call):
                self.journal.answered(call)
            case WriteRecord(bucket, record, is_journalled):
                if isinstance(record, CallDetailRecord):
                    self._take_record(DueCall(record, bucket), is_journalled=is_journalled)
                self._sink.take(command)
            case ForgetCall(transaction_id):
                self.journal.forgotten(transaction_id)
            case NoteQuality(call, quality):
                if isinstance(call, LiveCall):
                    self.journal.measured(call, quality)
                else:
                    self.journal.measured_to_the_end(call, quality)

    async def leave(self) -> None:
        """Write what there is, then take the node off the list, unless something of it is left:
        then its row stays, for the reaper to find that (EDGE C9)."""
        self.journal.flush()
        await self._nothing_pending()
        if await self._is_nothing_left():
            self.journal.leave()
            await self._nothing_pending()

    async def _nothing_pending(self) -> None:
        while self.pending:
            await asyncio.sleep(LOOK_EVERY_S)

    async def _is_nothing_left(self) -> bool:
        """Look into the index of live calls, more than once: it lags behind what was written."""
        loop = asyncio.get_running_loop()
        for pause_s in LAST_LOOKS_S:
            await asyncio.sleep(pause_s)
            if await loop.run_in_executor(None, self._look):
                return True
        return False

    def close(self) -> None:
        """Do nothing any more; what is on the disk stays there."""
        for task in self._tasks:
            task.cancel()
        self._disk.close()

    async def last_words(self) -> None:
        """Leave on the disk what the table did not take."""
        self._rows.keep_all()
        loop = asyncio.get_running_loop()
        deadline = loop.time() + LAST_FLUSH_S
        while self._disk.pending and loop.time() < deadline:
            await asyncio.sleep(LOOK_EVERY_S)

    def _take_record(self, due: DueCall, *, is_journalled: bool) -> None:
        if is_journalled:
            self.journal.ended(due)
        else:
            self.journal.refused(due.record)

    def _settled(self, bucket: str, record: Record, outcome: RecordOutcome) -> None:
        if isinstance(record, CallDetailRecord):
            self._settled_call(record, outcome)
        self._tell(RecordSettled(bucket, record.key(), outcome), LINGER_S)

    def _settled_call(self, record: CallDetailRecord, outcome: RecordOutcome) -> None:
        is_stored = outcome in THERE
        if not self.journal.is_due(record):
            if outcome is RecordOutcome.GIVEN_UP:
                self.journal.refused(record, has_object=False)
        elif is_stored:
            self.journal.stored(record)
        elif outcome is RecordOutcome.KEY_TAKEN:
            self.journal.set_aside(record)
        else:
            self.journal.left(record)
            self._left += 1
            self._due.owe()

    def _may_leave(self, record: Record) -> bool:
        return isinstance(record, CallDetailRecord) and self.journal.is_due(record)

    def _found(self, due: DueCall) -> bool:
        """Care for a call that its row says is due."""
        is_news = self.journal.found(due)
        if is_news:
            self._left = max(0, self._left - 1)
            self._sink.take(WriteRecord(due.bucket, due.record, is_journalled=True))
        return is_news

    def _room(self) -> int:
        most = PROBES if self._sink.is_failing else LONGEST_QUEUE // 2
        return most - self._sink.pending

    async def _tell_backlog(self) -> None:
        """Tell how many records wait, when that has changed (EDGE X7, X9)."""
        while True:
            await asyncio.sleep(TOLD_EVERY_S)
            backlog = self.backlog
            if backlog != self._told:
                self._told = backlog
                self._tell(Backlog(backlog), LINGER_S)
