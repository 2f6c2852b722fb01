"""Our media workers as they are shipped, with calls between the load's two ports."""

import os
import select
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from bench.relay.load import LOAD_CORE, RELAY_CORE, Endpoints, Media, SessionLine, cpu_us
from edge.media.session import (
    CloseSession,
    LegMedia,
    MediaCommand,
    OpenSession,
    PayloadTypes,
    PortsLeased,
    SessionClosed,
    SessionId,
    SetLeg,
    Side,
)
from edge.media.srtp_keys import SALT_BYTES, LegSrtp, SrtpKey, Suite
from edge.runtime.media_control import MediaWorker
from edge.runtime.media_workers import port_shares
from model.settings import MediaSettings

HOST = "127.0.0.1"
SUITE = Suite.AES_CM_128_HMAC_SHA1_80


class Bench:
    """Workers under load, each on a core of its own as far as there are any."""

    def __init__(self, settings: MediaSettings, workers: int) -> None:
        shares = port_shares(settings, workers)
        self._workers = [_Worker(share) for share in shares]
        for worker, core in zip(self._workers, _cores(workers), strict=True):
            os.sched_setaffinity(worker.process.pid, {core})

    @property
    def pids(self) -> tuple[int, ...]:
        """Return the process ids of the workers."""
        return tuple(worker.process.pid for worker in self._workers)

    def open(self, sessions: int, endpoints: Endpoints, media: Media) -> list[SessionLine]:
        """Open this many sessions, shared out among the workers."""
        lines = [
            self._workers[number % len(self._workers)].open(endpoints, media)
            for number in range(sessions)
        ]
        for worker in self._workers:
            worker.settle()
        return lines

    def setup_us(self, sessions: int, media: Media) -> float:
        """Return the CPU time of a session that is opened, described twice and closed."""
        [worker] = self._workers
        endpoints = Endpoints(6000, 6002)
        worker.open_and_close(sessions // 10, endpoints, media)
        before = cpu_us(self.pids)
        worker.open_and_close(sessions, endpoints, media)
        return (cpu_us(self.pids) - before) / sessions

    def close(self) -> None:
        """End the workers."""
        for worker in self._workers:
            worker.process.close()


@contextmanager
def running(settings: MediaSettings, workers: int = 1) -> Iterator[Bench]:
    """Run workers for a measurement."""
    bench = Bench(settings, workers)
    try:
        yield bench
    finally:
        bench.close()


class _Worker:
    """One worker process with the ports that it has leased."""

    def __init__(self, settings: MediaSettings) -> None:
        self.process = MediaWorker(HOST, settings)
        self._free: deque[int] = deque()
        self._last = SessionId(0)
        self._closing = 0

    def open(self, endpoints: Endpoints, media: Media) -> SessionLine:
        """Open a session; return it as the load sees it."""
        while len(self._free) < 2:
            self._exchange()
        self._last = session = SessionId(self._last + 1)
        a_port, b_port = self._free.popleft(), self._free.popleft()
        keys = _fresh_keys() if media is Media.SRTP else None
        self._send(OpenSession(session, a_port, b_port))
        self._send(SetLeg(session, Side.A, _leg(endpoints.caller, keys)))
        self._send(SetLeg(session, Side.B, _leg(endpoints.callee, None)))
        if keys is None:
            return SessionLine(a_port, b_port)
        theirs, ours = keys.theirs, keys.ours
        return SessionLine(a_port, b_port, theirs.key + theirs.salt, ours.key + ours.salt)

    def open_and_close(self, sessions: int, endpoints: Endpoints, media: Media) -> None:
        """Have sessions one after the other, until the last is closed."""
        self._closing += sessions
        for _ in range(sessions):
            self.open(endpoints, media)
            self._send(CloseSession(self._last))
        while self._closing:
            self._exchange()

    def settle(self) -> None:
        """Wait until the worker has been sent every command."""
        while self.process.channel.wants_to_write:
            self._exchange()

    def _send(self, command: MediaCommand) -> None:
        self.process.channel.send(command)

    def _exchange(self) -> None:
        channel = self.process.channel
        writers = [] if channel.flush() else [channel]
        select.select([] if writers else [channel], writers, [], 0.01)
        for report in channel.receive():
            if isinstance(report, PortsLeased):
                self._free.extend(report.ports)
            elif isinstance(report, SessionClosed):
                self._closing -= 1


def _cores(workers: int) -> list[int]:
    """Return a core for each worker; where there are too few, the last shares the load's."""
    others = sorted(os.sched_getaffinity(0) - {RELAY_CORE, LOAD_CORE})
    return [RELAY_CORE, *others, *[LOAD_CORE] * workers][:workers]


def _fresh_keys() -> LegSrtp:
    return LegSrtp(*(SrtpKey(SUITE, os.urandom(16), os.urandom(SALT_BYTES)) for _ in range(2)))


def _leg(port: int, keys: LegSrtp | None) -> LegMedia:
    return LegMedia(
        remote=(HOST, port),
        remote_rtcp=None,
        sources=(HOST,),
        expects=PayloadTypes(),
        peer_expects=PayloadTypes(),
        verified=True,
        answered=True,
        srtp=keys,
    )
