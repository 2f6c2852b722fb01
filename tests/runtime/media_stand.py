"""A running media worker and phones on loopback for tests."""

import select
import socket
import time
from collections.abc import Callable
from itertools import count
from types import TracebackType
from typing import TypeVar

from edge.flow import Address
from edge.media.session import (
    CloseSession,
    Direction,
    LegMedia,
    MediaCommand,
    MediaReport,
    OpenSession,
    PayloadTypes,
    PortsLeased,
    SessionClosed,
    SessionId,
    SetLeg,
    Side,
)
from edge.media.srtp_keys import LegSrtp
from edge.media.srtp_leg import SrtpRules
from edge.runtime.media_control import MediaWorker
from model.settings import MediaSettings
from tests.media.packets import rtp

WORKER_ADDRESS = "127.0.0.1"
PATIENCE_S = 10.0
Report = TypeVar("Report", bound=MediaReport)


def until(holds: Callable[[], bool], what: str) -> None:
    """Wait until a condition holds; fails after PATIENCE_S."""
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline, f"timed out: {what}"
        select.select([], [], [], 0.005)


class Phone:
    """A peer: one RTP and one RTCP socket on a loopback address of its own."""

    def __init__(self, host: str = "127.0.0.2") -> None:
        self.host = host
        self.rtp, self.rtcp = self._socket(), self._socket()

    def _socket(self) -> socket.socket:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind((self.host, 0))
        sock.settimeout(PATIENCE_S)
        return sock

    @property
    def address(self) -> Address:
        """Return where this phone wants RTP."""
        host, port = self.rtp.getsockname()
        return host, port

    @property
    def rtcp_address(self) -> Address:
        """Return where this phone wants RTCP."""
        host, port = self.rtcp.getsockname()
        return host, port

    def send(self, data: bytes, port: int) -> None:
        """Send RTP to a port of the worker."""
        self.rtp.sendto(data, (WORKER_ADDRESS, port))

    def receive(self) -> bytes:
        """Return the next RTP packet; fails when none comes."""
        return self.rtp.recv(2048)

    def has_nothing(self) -> bool:
        """Tell whether no packet waits."""
        return not select.select([self.rtp, self.rtcp], [], [], 0)[0]

    def close(self) -> None:
        """Close the sockets."""
        self.rtp.close()
        self.rtcp.close()


def exchange(stand_ports: tuple[int, int], a: Phone, b: Phone, numbers: range) -> None:
    """Send packets both ways; every one has to arrive octet for octet."""
    a_port, b_port = stand_ports
    for number in numbers:
        there = rtp(number, ssrc=7, payload=bytes((number % 256,)) * 160)
        back = rtp(number, ssrc=8, payload=bytes((255 - number % 256,)) * 160)
        a.send(there, a_port)
        b.send(back, b_port)
        assert b.receive() == there
        assert a.receive() == back


class Stand:
    """A worker, its leased ports and its reports."""

    def __init__(
        self,
        settings: MediaSettings | None = None,
        srtp: SrtpRules = SrtpRules(),  # noqa: B008 - an immutable NamedTuple
    ) -> None:
        self.worker = MediaWorker(WORKER_ADDRESS, settings or MediaSettings(), srtp)
        self.ports: list[int] = []
        self.leased = 0
        self._reports: list[MediaReport] = []
        self._sessions = count(1)
        self._phones: list[Phone] = []
        self.settle(lambda: len(self.ports) >= 4, "ports are leased")

    def __enter__(self) -> "Stand":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for phone in self._phones:
            phone.close()
        self.worker.close()

    def phone(self, host: str = "127.0.0.2") -> Phone:
        """Return a new phone."""
        self._phones.append(Phone(host))
        return self._phones[-1]

    def command(self, *commands: MediaCommand) -> None:
        """Send commands."""
        for command in commands:
            self.worker.channel.send(command)
        assert self.worker.channel.flush()

    def settle(self, holds: Callable[[], bool], what: str) -> None:
        """Read reports until a condition holds."""
        deadline = time.monotonic() + PATIENCE_S
        self._read(0)
        while not holds():
            assert time.monotonic() < deadline, f"timed out: {what}"
            self._read(0.05)

    def _read(self, patience_s: float) -> None:
        if (
            self.worker.channel.closed
            or not select.select([self.worker.channel], [], [], patience_s)[0]
        ):
            return
        for report in self.worker.channel.receive():
            if isinstance(report, PortsLeased):
                self.ports.extend(report.ports)
                self.leased += len(report.ports)
            else:
                self._reports.append(report)

    def reports(self, kind: type[Report]) -> list[Report]:
        """Return the reports of a kind so far."""
        return [report for report in self._reports if isinstance(report, kind)]

    def open(self) -> tuple[SessionId, int, int]:
        """Open a session; return its id and ports."""
        self.settle(lambda: len(self.ports) >= 2, "two ports are free")
        session = SessionId(next(self._sessions))
        a_port, b_port = self.ports.pop(0), self.ports.pop(0)
        self.command(OpenSession(session, a_port, b_port))
        return session, a_port, b_port

    def describe(
        self,
        session: SessionId,
        side: Side,
        phone: Phone,
        *,
        expects: PayloadTypes = PayloadTypes(),  # noqa: B008 - an immutable NamedTuple
        peer_expects: PayloadTypes = PayloadTypes(),  # noqa: B008 - an immutable NamedTuple
        direction: Direction = Direction.SENDRECV,
        answered: bool = True,
        is_fed: bool = False,
        moves: int = 0,
        srtp: LegSrtp | None = None,
    ) -> None:
        """Describe a leg whose peer is a phone."""
        media = LegMedia(
            remote=phone.address,
            remote_rtcp=phone.rtcp_address,
            sources=(phone.host,),
            expects=expects,
            peer_expects=peer_expects,
            direction=direction,
            verified=True,
            answered=answered,
            is_fed=is_fed,
            moves=moves,
            srtp=srtp,
        )
        self.command(SetLeg(session, side, media))

    def call(self) -> tuple[SessionId, int, int, Phone, Phone]:
        """Open a session between two new phones; return it when the worker knows them."""
        a, b = self.phone("127.0.0.2"), self.phone("127.0.0.3")
        session, a_port, b_port = self.open()
        self.describe(session, Side.A, a)
        self.describe(session, Side.B, b)
        self.barrier()
        return session, a_port, b_port, a, b

    def close(self, session: SessionId) -> SessionClosed:
        """Close a session; return the last word on it."""
        self.command(CloseSession(session))
        self.settle(lambda: session in self._closed(), "the session is closed")
        return self._closed()[session]

    def barrier(self) -> None:
        """Wait until every command so far has been obeyed."""
        session, _, _ = self.open()
        self.close(session)

    def _closed(self) -> dict[SessionId, SessionClosed]:
        return {report.session: report for report in self.reports(SessionClosed)}
