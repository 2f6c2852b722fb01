"""The signalling process's side of the AWS worker: starts it, feeds it, starts it again.

What must not get lost stays in care here until the worker says that it is where no crash can take
it: an answered call until its row is in the table or on the disk, and its end until that is; any
other record until it is settled. While there is no worker, rows go to a journal of our own. When a
worker dies, its successor gets all of that once more; the conditional PUT makes that harmless (EDGE
C9). Rows of calls are written whole, so that a repeated one is harmless too.
"""

import socket
import subprocess
import sys
from asyncio import AbstractEventLoop, Event, TimerHandle
from collections.abc import Callable
from typing import TypeVar

from edge.runtime.aws_messages import (
    AwsCommand,
    AwsReport,
    Backlog,
    Begin,
    EndKept,
    JournalEntry,
    LeaseWritten,
    Leave,
    Left,
    LookAtSecrets,
    News,
    Protect,
    ProtectionSet,
    RecordingSettled,
    RecordOutcome,
    RecordSettled,
    SecretsLooked,
)
from edge.runtime.backoff import Backoff
from edge.runtime.channel import Channel
from edge.runtime.log import Logger
from edge.runtime.pump import Pump
from edge.runtime.standby_journal import Owed, StandbyJournal
from edge.seam import (
    CallJournalled,
    ConfigLoaded,
    Count,
    ForgetCall,
    JournalCall,
    JournalPlace,
    Log,
    NodeReport,
    NoteHealth,
    NoteQuality,
    RecordingOver,
    RecordingStep,
    WriteLog,
    WriteRecord,
)

FIRST_RESTART_S = 0.2
LONGEST_RESTART_S = 5.0
LINGER_S = 0.05
"""How long a record may wait for company on its way to the worker."""
END_LINGER_S = 0.005
"""How long the end of an answered call may: until it is there, a crash takes it."""
LONGEST_CARE = 50_000
"""Answers, ends and other records, of each so many, that are in care here; a worker that works has
fewer."""

Kept = TypeVar("Kept", bound=JournalCall | ForgetCall | WriteRecord)


class AwsControl:
    """Keeps one AWS worker running until closed."""

    def __init__(
        self,
        begin: Begin,
        *,
        loop: AbstractEventLoop,
        feed: Callable[[News], None],
        log: Logger,
    ) -> None:
        self._begin = begin
        self._loop = loop
        self._feed = feed
        self._log = log
        self._answers: dict[str, JournalCall] = {}
        self._ends: dict[str, WriteRecord | ForgetCall] = {}
        self._unsettled: dict[str, WriteRecord] = {}
        self._backlog = 0
        self._recordings: dict[str, RecordingOver] = {}
        self._standby = StandbyJournal(begin, feed=feed, log=log)
        self._is_alone = False
        """Whether the worker has died and its successor has not said a word yet."""
        self._backoff = Backoff(first_s=FIRST_RESTART_S, longest_s=LONGEST_RESTART_S)
        self._restart: TimerHandle | None = None
        self._protection = Protect(True)
        self.configured = Event()
        """Set once the first configuration is there."""
        self.leased = Event()
        """Set once the node's row is in the table."""
        self.secrets_looked = Event()
        """Set once every secret that is watched has been looked at."""
        self.protected = Event()
        """Set once ECS protects the task, or when there is no task."""
        if begin.agent_uri is None:
            self.protected.set()
        self.left = Event()
        """Set once the rows are written and nothing of the node is left to be done."""
        if not begin.secrets:
            self.secrets_looked.set()
        self._start()

    @property
    def unsettled(self) -> int:
        """Return how many records a crash of everything could take."""
        return len(self._unsettled) + len(self._ends)

    @property
    def owed(self) -> int:
        """Return how many ends of answered calls a crash of everything could take."""
        return len(self._ends)

    @property
    def backlog(self) -> int:
        """Return how many records are not stored yet, a second ago."""
        return max(self._backlog, self.unsettled)

    @property
    def recordings(self) -> int:
        """Return how many recordings are over and not settled."""
        return len(self._recordings)

    @property
    def pid(self) -> int:
        """Return the process id of the present worker."""
        return self._process.pid

    def write(self, record: WriteRecord) -> None:
        """Hand a record over to be stored."""
        if record.is_journalled:
            self._care_for(self._ends, record.record.transaction_id, record)
            self._pump.send(record, linger_s=END_LINGER_S)
            self._keep_alone(record)
        else:
            self._care_for(self._unsettled, record.record.key(), record)
            self._pump.send(record, linger_s=LINGER_S)

    def journal(self, entry: JournalEntry) -> None:
        """Let a call's row be written or removed; what its media is like and a connector's health
        may get lost with a dying worker."""
        match entry:
            case JournalCall(call):
                # Its caller waits.
                self._care_for(self._answers, call.transaction_id, entry)
                self._pump.send(entry)
                self._keep_alone(entry)
            case ForgetCall(transaction_id):
                self._care_for(self._ends, transaction_id, entry)
                self._pump.send(entry, linger_s=END_LINGER_S)
                self._keep_alone(entry)
            case NoteQuality() | NoteHealth():
                self._pump.send(entry, linger_s=LINGER_S)

    def write_log(self, entry: WriteLog) -> None:
        """Let a connector's log have a record; what a dying worker holds of these is lost."""
        self._pump.send(entry, linger_s=LINGER_S)

    def record(self, step: RecordingStep) -> None:
        """Let a recording go on; what a dying worker holds of it is lost."""
        if isinstance(step, RecordingOver):
            self._recordings[step.order.transaction_id] = step
        self._pump.send(step, linger_s=LINGER_S)

    def count(self, question: Count) -> None:
        """Let all nodes count calls; the answer is fed, or never comes."""
        self._pump.send(question)

    def renew(self, report: NodeReport) -> None:
        """Let the node be seen for another while."""
        self._pump.send(report, linger_s=LINGER_S)

    def look_at_secrets(self) -> None:
        """Let it be seen now whether secrets have changed; those that have are fed."""
        self._pump.send(LookAtSecrets())

    def unprotect(self) -> None:
        """Let ECS stop the task whenever it likes; the log says when it has been told."""
        self._protection = Protect(False)
        self._send_protection()

    def leave(self) -> None:
        """Take the node off the list once all rows are written; `left` tells when."""
        self._pump.send(Leave())

    def close(self) -> None:
        """End the worker at once."""
        if self._restart is not None:
            self._restart.cancel()
        self._pump.close()
        self._process.kill()
        self._process.wait()
        self._standby.close()

    def _keep_alone(self, owed: Owed) -> None:
        if self._is_alone:
            self._standby.keep(owed)

    def _care_for(self, kept: dict[str, Kept], name: str, entry: Kept) -> None:
        """Keep something for a worker that comes later; not without end, if none ever does."""
        kept[name] = entry
        if len(kept) > LONGEST_CARE:
            oldest = next(iter(kept))
            del kept[oldest]
            hint = "the AWS worker does not come back; look for aws-worker-lost"
            self._log("record-given-up", {"record": oldest, "hint": hint})

    def _start(self) -> None:
        self._restart = None
        ours, theirs = socket.socketpair()
        with theirs:
            # A process group of its own: Ctrl-C reaches us alone, we end the worker when it is due.
            self._process = subprocess.Popen(
                [sys.executable, "-m", "edge.runtime.aws_worker", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                process_group=0,
            )
        self._pump: Pump[AwsCommand, AwsReport] = Pump(
            Channel(ours), loop=self._loop, on_messages=self._take, on_closed=self._lost
        )
        self._pump.send(self._begin)
        self._send_protection()
        for entry in (*self._answers.values(), *self._ends.values(), *self._unsettled.values()):
            self._pump.send(entry)
        for recording in self._recordings.values():
            # Nothing is left of it, which its row shall say.
            self._pump.send(recording)

    def _send_protection(self) -> None:
        if self._begin.agent_uri is not None:
            self._pump.send(self._protection)

    def _lost(self) -> None:
        self._process.kill()
        status = self._process.wait()
        wait_s = self._backoff.next_s()
        self._log("aws-worker-lost", {"status": status, "restart_in_s": wait_s})
        self._restart = self._loop.call_later(wait_s, self._start)
        if not self._is_alone:
            self._is_alone = True
            for owed in (*self._answers.values(), *self._ends.values()):
                self._standby.keep(owed)

    def _take(self, reports: list[AwsReport]) -> None:
        self._is_alone = False
        for report in reports:
            match report:
                case RecordingSettled(transaction_id):
                    self._recordings.pop(transaction_id, None)
                case CallJournalled():
                    self._journalled(report)
                case EndKept(transaction_id):
                    self._answers.pop(transaction_id, None)
                    self._ends.pop(transaction_id, None)
                    self._standby.drop(transaction_id)
                case RecordSettled():
                    self._settled(report)
                case Backlog(records):
                    self._backlog = records
                case LeaseWritten():
                    self.leased.set()
                case SecretsLooked():
                    self.secrets_looked.set()
                case ProtectionSet(is_protected):
                    self._log("task-protected" if is_protected else "task-released", {})
                    self.protected.set()
                case Left():
                    self.left.set()
                case Log(event, fields):
                    self._log(event, fields)
                case _:
                    self._feed(report)
                    if isinstance(report, ConfigLoaded):
                        self._backoff.reset()
                        self.configured.set()

    def _journalled(self, report: CallJournalled) -> None:
        name = report.transaction_id
        if report.place is not JournalPlace.NOWHERE:
            self._answers.pop(name, None)
            if name not in self._ends:
                self._standby.drop(name)
        self._feed(report)

    def _settled(self, report: RecordSettled) -> None:
        self._unsettled.pop(report.key, None)
        if report.outcome in (RecordOutcome.STORED, RecordOutcome.ALREADY_THERE):
            self._log("record-stored", {"bucket": report.bucket, "key": report.key})
