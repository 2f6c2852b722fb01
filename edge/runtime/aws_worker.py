"""The AWS worker: a process that does all of the edge's talking to AWS.

It exists so that botocore's work never holds the interpreter lock of the signalling process. It is
started with the number of an inherited socket, hears `Begin`, and ends when the socket closes: no
signal, no pid file, nothing to clean up after a parent that was killed.
"""

import asyncio
import socket
import sys
from collections.abc import Mapping
from functools import partial
from threading import Thread

import boto3

from edge.config import Snapshot
from edge.runtime.aws_messages import (
    AwsCommand,
    AwsReport,
    Begin,
    RecordOutcome,
    RecordSettled,
)
from edge.runtime.cdr_sink import CdrSink
from edge.runtime.channel import Channel
from edge.runtime.follower import follow_configuration
from edge.runtime.log import Field
from edge.runtime.pump import Pump
from edge.runtime.s3_bucket import S3Bucket
from edge.runtime.snapshot_reader import SnapshotReader
from edge.seam import ConfigLoaded, Log, WriteRecord
from model.cdr import CallDetailRecord

LINGER_S = 0.05
"""How long the news of a stored record may wait for company."""
LAST_PUTS_S = 1.5
"""How long records that are on their way may still take once the signalling process is gone."""


class AwsWorker:
    """One run of the process."""

    def __init__(self, sock: socket.socket, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._ended = asyncio.Event()
        self._sink: CdrSink | None = None
        self._pump: Pump[AwsReport, AwsCommand] = Pump(
            Channel(sock), loop=loop, on_messages=self._take, on_closed=self._ended.set
        )

    async def run(self) -> None:
        """Work until the signalling process is gone, then give the last records their time."""
        await self._ended.wait()
        deadline = self._loop.time() + LAST_PUTS_S
        while self._sink is not None and self._sink.pending and self._loop.time() < deadline:
            await asyncio.sleep(0.02)

    def _take(self, commands: list[AwsCommand]) -> None:
        for command in commands:
            match command:
                case Begin():
                    self._begin(command)
                case WriteRecord():
                    assert self._sink is not None, "Begin comes first"
                    self._sink.take(command)

    def _begin(self, command: Begin) -> None:
        session = boto3.Session(region_name=command.settings.region)
        self._sink = CdrSink(
            open_bucket=lambda name: S3Bucket(name, session), settled=self._settled, log=self._log
        )
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
            publish=self._configuration_changed,
            log=self._log_from_thread,
        )
        # A daemon: it may sit in a request when the process ends, and nothing of it needs saving.
        Thread(target=follow, name="configuration", daemon=True).start()

    def _settled(self, record: CallDetailRecord, outcome: RecordOutcome) -> None:
        self._pump.send(RecordSettled(record.transaction_id, outcome), linger_s=LINGER_S)

    def _log(self, event: str, fields: Mapping[str, Field]) -> None:
        self._pump.send(Log(event, dict(fields)))

    def _configuration_changed(self, snapshot: Snapshot) -> None:
        self._report_from_thread(ConfigLoaded(snapshot))

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
