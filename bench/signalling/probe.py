"""How long an INVITE takes through the middle: from our sending it to the kernel's taking it back.

The probe is the caller and the carrier of a few calls beside the load, in one process and by one
clock. The callee is busy, so that its calls are over at once.
"""

import select
import socket
import struct
import threading
import time
from typing import NamedTuple

from bench.signalling.peers import Callee, Caller
from bench.signalling.world import CONNECTORS, PROBED
from edge.flow import Address
from model.settings import Settings

PER_SECOND = 20
_DIALED = 10_000
"""Different numbers, by which an INVITE is known again."""
_TIMESPEC = struct.Struct("@qq")
_LONGEST = 65_535
_LAST_WAIT_S = 2.0
# asm-generic/socket.h; the socket module has no name for it.
SO_TIMESTAMPNS = 35


class _Sent(NamedTuple):
    caller: Caller
    at_s: float


class Probe:
    """Calls in a thread; `stop` ends it and returns what was measured."""

    def __init__(self, caller_host: str, callee: socket.socket, middle: Address) -> None:
        self._caller = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._caller.bind((caller_host, 0))
        self._callee = callee
        self._middle = middle
        self._waits_ms: list[float] = []
        self._sent: dict[str, _Sent] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self, settings: Settings, connectors: int = CONNECTORS) -> None:
        """Begin to call, from so many connectors in turn."""
        self._settings, self._connectors = settings, connectors
        self._thread.start()

    def stop(self) -> list[float]:
        """End it; return the time of every INVITE that came through, in ms."""
        self._stop.set()
        self._thread.join()
        self._caller.close()
        return self._waits_ms

    def _run(self) -> None:
        number, next_at = 0, time.monotonic()
        last_at = float("inf")
        while time.monotonic() < last_at:
            if self._stop.is_set():
                last_at = min(last_at, time.monotonic() + _LAST_WAIT_S)
            elif time.monotonic() >= next_at:
                self._call(number)
                number, next_at = number + 1, next_at + 1 / PER_SECOND
            for ready in select.select([self._caller, self._callee], [], [], 0.005)[0]:
                self._hear_callee() if ready is self._callee else self._hear_caller()

    def _call(self, number: int) -> None:
        dialed = f"{PROBED}{number % _DIALED:04d}"
        address: Address = self._caller.getsockname()
        caller = Caller(number % self._connectors, address, self._settings, dialed, f"p{number}")
        self._sent[dialed] = _Sent(caller, time.clock_gettime(time.CLOCK_REALTIME))
        self._caller.sendto(caller.invite(), self._middle)

    def _hear_callee(self) -> None:
        data, ancillary, _, source = self._callee.recvmsg(_LONGEST, 512)
        if not data.startswith(b"INVITE"):
            return
        invite = data.decode()
        arrived_at = next(
            seconds + nanoseconds / 1e9
            for _, kind, value in ancillary
            if kind == SO_TIMESTAMPNS
            for seconds, nanoseconds in (_TIMESPEC.unpack(value[: _TIMESPEC.size]),)
        )
        dialed = invite[len("INVITE sip:") : invite.index("@")]
        self._waits_ms.append((arrived_at - self._sent[dialed].at_s) * 1e3)
        self._callee.sendto(Callee(self._callee.getsockname()).busy(invite), source)

    def _hear_caller(self) -> None:
        answer = self._caller.recv(_LONGEST).decode()
        if answer.startswith("SIP/2.0 486"):
            dialed = answer.partition("\r\nTo: <sip:")[2].partition("@")[0]
            self._caller.sendto(self._sent[dialed].caller.ack_refusal(answer), self._middle)


def listening(host: str) -> socket.socket:
    """Return a socket that notes when the kernel took each datagram."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    sock.bind((host, 0))
    return sock
