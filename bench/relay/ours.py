"""Our media worker as it is shipped, with calls between the load's two ports."""

import os
import select
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.relay.load import RELAY_CORE, Endpoints
from edge.media.session import (
    LegMedia,
    OpenSession,
    PayloadTypes,
    PortsLeased,
    SessionId,
    SetLeg,
    Side,
)
from edge.runtime.media_control import MediaWorker
from model.settings import MediaSettings

HOST = "127.0.0.1"


@contextmanager
def running(
    sessions: int, endpoints: Endpoints, ports_file: Path, settings: MediaSettings
) -> Iterator[int]:
    """Run a worker with this many calls; yields its process id."""
    worker = MediaWorker(HOST, settings)
    os.sched_setaffinity(worker.pid, {RELAY_CORE})
    try:
        _open(worker, sessions, endpoints, ports_file)
        yield worker.pid
    finally:
        worker.close()


def _open(worker: MediaWorker, sessions: int, endpoints: Endpoints, ports_file: Path) -> None:
    free: list[int] = []
    lines: list[str] = []
    while len(lines) < sessions:
        while len(free) < 2:
            select.select(
                [worker.channel], [worker.channel] if worker.channel.wants_to_write else [], []
            )
            worker.channel.flush()
            for report in worker.channel.receive():
                if isinstance(report, PortsLeased):
                    free.extend(report.ports)
        session, a_port, b_port = SessionId(len(lines) + 1), free.pop(), free.pop()
        worker.channel.send(OpenSession(session, a_port, b_port))
        for side, port in ((Side.A, endpoints.caller), (Side.B, endpoints.callee)):
            worker.channel.send(SetLeg(session, side, _media(port)))
        lines.append(f"{a_port} {b_port}\n")
        worker.channel.flush()
    while not worker.channel.flush():
        select.select([], [worker.channel], [])
    ports_file.write_text("".join(lines))


def _media(port: int) -> LegMedia:
    return LegMedia(
        remote=(HOST, port),
        remote_rtcp=None,
        sources=(HOST,),
        expects=PayloadTypes(),
        peer_expects=PayloadTypes(),
        verified=True,
        answered=True,
    )
