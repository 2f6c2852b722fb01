"""The AWS worker: a process that does all of the edge's talking to AWS.

It exists so that botocore's work never holds the interpreter lock of the signalling process. It is
started with the number of an inherited socket, hears `Begin`, and ends when the socket closes: no
signal, no pid file, nothing to clean up after a parent that was killed.
"""

import asyncio
import socket
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Event, Thread
from typing import assert_never

import boto3

from edge.runtime.aws_messages import (
    AwsCommand,
    AwsReport,
    Begin,
    JournalEntry,
    Leave,
    Left,
    LookAtSecrets,
    Protect,
    ProtectionSet,
    RecordingSettled,
    RoutesNamed,
)
from edge.runtime.call_counter import CallCounter
from edge.runtime.channel import Channel
from edge.runtime.cloudwatch_logs import CloudWatchLogs
from edge.runtime.drain_watch import DrainMarks, watch_drain
from edge.runtime.follower import follow_configuration
from edge.runtime.health_writer import HealthWriter
from edge.runtime.log import Field
from edge.runtime.log_sink import LogSink
from edge.runtime.peers import EVERY_LIMITED_S, EVERY_S, Peers, watch_peers
from edge.runtime.pump import Pump
from edge.runtime.record_keeping import RecordKeeping
from edge.runtime.recording_orders import RecordingOrders, RecordingTable, watch_recordings
from edge.runtime.recording_sink import RecordingSink
from edge.runtime.s3_bucket import S3Bucket
from edge.runtime.secret_store import SecretStore
from edge.runtime.secret_watch import FIRST_RETRY_S, SecretWatch, watch_secrets
from edge.runtime.snapshot_reader import SnapshotReader
from edge.runtime.task_protection import TaskProtection, put_state
from edge.seam import (
    ConfigChanged,
    ConfigLoaded,
    Count,
    Counted,
    ForgetCall,
    JournalCall,
    Log,
    NodeReport,
    NoteHealth,
    NoteQuality,
    RecordingBegun,
    RecordingGrew,
    RecordingOver,
    RecordingRefused,
    RecordingStep,
    WriteLog,
    WriteRecord,
)

LAST_PUTS_S = 1.5
"""How long records and rows that are on their way may still take once the signalling process is
gone."""
LOOK_EVERY_S = 0.01
QUESTIONS_AT_ONCE = 8
"""Counts of calls that are under way at a time, each for a connector of its own."""


class AwsWorker:
    """One run of the process."""

    def __init__(self, sock: socket.socket, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._ended = asyncio.Event()
        self._records: RecordKeeping | None = None
        self._health: HealthWriter | None = None
        self._logs: LogSink | None = None
        self._recordings: RecordingSink | None = None
        self._counter: CallCounter | None = None
        self._protection: TaskProtection | None = None
        self._names: RoutesNamed | None = None
        self._wake_watch = Event()
        # Threads of their own: a call waits for its count, rows and records do not hold it up.
        self._counting = ThreadPoolExecutor(QUESTIONS_AT_ONCE, thread_name_prefix="count")
        self._leaving: asyncio.Task[None] | None = None
        self._pump: Pump[AwsReport, AwsCommand] = Pump(
            Channel(sock), loop=loop, on_messages=self._take, on_closed=self._ended.set
        )

    async def run(self) -> None:
        """Work until the signalling process is gone, then give the last records their time."""
        await self._ended.wait()
        deadline = self._loop.time() + LAST_PUTS_S
        while self._pending and self._loop.time() < deadline:
            await asyncio.sleep(LOOK_EVERY_S)
        if self._records is not None:
            await self._records.last_words()
            self._records.close()

    @property
    def _pending(self) -> int:
        if self._records is None or self._logs is None:
            return 0
        recordings = 0 if self._recordings is None else self._recordings.pending
        return self._records.pending + self._logs.pending + recordings

    def _take(self, commands: list[AwsCommand]) -> None:
        for command in commands:
            if isinstance(command, Begin):
                try:
                    self._begin(command)
                except BaseException:
                    # The loop would only log it: whoever started this process starts another one.
                    self._ended.set()
                    raise
            elif isinstance(command, Count):
                self._counting.submit(self._count, command)
            elif isinstance(command, LookAtSecrets):
                self._wake_watch.set()
            else:
                records, logs = self._records, self._logs
                assert records is not None and logs is not None
                self._carry_out(command, records, logs)

    def _carry_out(
        self,
        command: (
            WriteRecord | JournalEntry | RecordingStep | WriteLog | NodeReport | Protect | Leave
        ),
        records: RecordKeeping,
        logs: LogSink,
    ) -> None:
        match command:
            case WriteRecord() | JournalCall() | ForgetCall() | NoteQuality():
                records.take(command)
            case RecordingBegun() | RecordingGrew() | RecordingOver() | RecordingRefused():
                assert self._recordings is not None, "orders come from here"
                self._recordings.take(command)
            case NoteHealth():
                if self._health is not None:
                    self._health.note(command)
            case WriteLog():
                logs.take(command)
            case NodeReport():
                records.journal.renewed(command)
            case Protect(is_wanted):
                assert self._protection is not None, "there is an agent to ask"
                self._protection.want(is_wanted)
            case Leave():
                self._leaving = self._loop.create_task(self._leave(records, logs))
            case _:
                assert_never(command)

    def _begin(self, command: Begin) -> None:
        if command.agent_uri is not None:
            # First: a task that is not protected waits with its first call.
            self._protection = self._keep_protected(command.agent_uri)
        session = boto3.Session(region_name=command.settings.region)
        reader = SnapshotReader(
            session,
            settings=command.settings,
            table_prefix=command.table_prefix,
            log=self._log_from_thread,
        )

        follow = partial(
            follow_configuration,
            reader,
            poll_interval_s=command.poll_interval_s,
            publish=partial(self._configuration_changed, reader),
            log=self._log_from_thread,
        )
        # A daemon: it may sit in a request when the process ends, and nothing of it needs saving.
        Thread(target=follow, name="configuration", daemon=True).start()
        if command.secrets:
            watch_changes = partial(self._watch_secrets, command)
            Thread(target=watch_changes, name="secrets", daemon=True).start()
        peers = Peers(
            reader.client, table_prefix=command.table_prefix, node_id=command.node.node_id
        )
        watch = partial(self._watch_peers, command, peers)
        Thread(target=watch, name="peers", daemon=True).start()
        stream = command.node.node_id
        self._logs = LogSink(CloudWatchLogs(command.settings.region, stream).write, log=self._log)
        # After it: the configuration is what a start waits for.
        self._records = RecordKeeping(
            command,
            session,
            lambda report, linger_s: self._pump.send(report, linger_s=linger_s),
            self._log,
        )
        self._records.replay(command, session, self._log_from_thread)
        self._health = HealthWriter.over(session, command.table_prefix, self._log)
        self._watch_drain(command, reader)
        if command.settings.recording.allowed:
            self._take_orders(command, session)

    def _watch_drain(self, command: Begin, reader: SnapshotReader) -> None:
        """Look whether the node is told to drain (A11)."""
        marks = DrainMarks(
            reader.client,
            table_prefix=command.table_prefix,
            node_id=command.node.node_id,
            log=self._log_from_thread,
        )
        watch = partial(
            watch_drain,
            marks,
            every_s=command.poll_interval_s,
            publish=self._report_from_thread,
        )
        Thread(target=watch, name="drain", daemon=True).start()

    def _keep_protected(self, agent_uri: str) -> TaskProtection:
        protection = TaskProtection(
            partial(put_state, agent_uri),
            tell=lambda is_protected: self._report_from_thread(ProtectionSet(is_protected)),
            log=self._log_from_thread,
        )
        Thread(target=protection.run, name="protection", daemon=True).start()
        return protection

    def _take_orders(self, command: Begin, session: boto3.Session) -> None:
        """Look at what is to be recorded (docs/recording.md)."""
        table = RecordingTable.over(session, command.table_prefix, command.node.node_id)
        self._recordings = RecordingSink(
            open_bucket=lambda name: S3Bucket(name, session),
            write=table.write,
            settled=self._recording_settled,
            log=self._log,
        )
        watch = partial(
            watch_recordings,
            RecordingOrders(table),
            every_s=command.poll_interval_s,
            publish=self._report_from_thread,
        )
        Thread(target=watch, name="recordings", daemon=True).start()

    def _recording_settled(self, transaction_id: str) -> None:
        self._pump.send(RecordingSettled(transaction_id))

    def _watch_peers(self, command: Begin, peers: Peers) -> None:
        """See other nodes once there is a client to count with; it is made with a session of this
        thread's own, for sessions are not for several."""
        session = boto3.Session(region_name=command.settings.region)
        self._counter = CallCounter.over(session, command.table_prefix)
        limited = command.settings.admission.concurrent_calls_per_connector is not None
        every_s = EVERY_LIMITED_S if limited else EVERY_S
        watch_peers(peers, every_s=every_s, publish=self._report_from_thread)

    def _watch_secrets(self, command: Begin) -> None:
        """Look at secrets, with a session of this thread's own as well."""
        while True:
            try:
                watch = SecretWatch(
                    SecretStore.over(boto3.Session(region_name=command.settings.region)),
                    command.secrets,
                    report=self._report_from_thread,
                    log=self._log_from_thread,
                )
                watch_secrets(watch, self._wake_watch)
            except Exception as error:
                # A thread that ended would leave secrets stale, and nobody would see it.
                names, reason = ", ".join(command.secrets), type(error).__name__
                fields = {"secret": names, "reason": reason, "hint": "it is tried again"}
                self._log_from_thread("secret-unreadable", fields)
                self._wake_watch.wait(FIRST_RETRY_S)

    def _count(self, question: Count) -> None:
        """Count in a thread; without an answer the node decides by itself, and at once."""
        try:
            if self._counter is None:
                raise LookupError("the client is being made")
            answer = self._counter.count(question)
        except Exception:
            answer = Counted(question.connector_id, None, question.last_at)
        self._report_from_thread(answer)

    async def _leave(self, records: RecordKeeping, logs: LogSink) -> None:
        logs.flush()
        await records.leave()
        while logs.pending:
            await asyncio.sleep(LOOK_EVERY_S)
        self._pump.send(Left())

    def _log(self, event: str, fields: Mapping[str, Field]) -> None:
        self._pump.send(Log(event, dict(fields)))

    def _configuration_changed(
        self, reader: SnapshotReader, news: list[ConfigLoaded | ConfigChanged]
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._report_apart(news), self._loop).result()
        assert reader.snapshot is not None, "there is news of it"
        names = RoutesNamed(reader.snapshot.host_names(), reader.snapshot.service_names())
        if names != self._names:
            self._names = names
            self._report_from_thread(names)

    async def _report_apart(self, reports: Sequence[AwsReport]) -> None:
        """Send each by itself, so that the node has time for its calls between two of them."""
        for report in reports:
            self._pump.send(report)
            await asyncio.sleep(0)

    def _log_from_thread(self, event: str, fields: Mapping[str, Field]) -> None:
        self._report_from_thread(Log(event, dict(fields)))

    def _report_from_thread(self, report: AwsReport) -> None:
        self._loop.call_soon_threadsafe(self._pump.send, report)


async def serve(sock: socket.socket) -> None:
    """Run the worker on one end of a socket pair until the other end is closed."""
    await AwsWorker(sock, asyncio.get_running_loop()).run()


def main() -> None:
    """Run as the process that AwsControl starts: the argument is the inherited descriptor."""
    asyncio.run(serve(socket.socket(fileno=int(sys.argv[1]))))


if __name__ == "__main__":
    main()
