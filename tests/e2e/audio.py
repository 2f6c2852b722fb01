"""The audio of a call's ends on real sockets: what is said is made up, what is heard is kept."""

import secrets
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import cycle

from edge.flow import Address
from tests.e2e.running import PATIENCE_S
from tests.media.packets import receiver_report, rtp
from tests.support.srtp_reference import SrtpEnd

FRAMES = 100
FRAME_S = 0.02
"""Never faster: the edge takes 120 packets per second of a leg (EDGE Q6)."""
SILENCE = b"\xff" * 160
RTP_HEADER = 12


class Phone:
    """The audio of one end: what it says is made up, what it hears is kept.

    With `srtp` both are encrypted on their way; what is said and heard is in clear all the same.
    """

    def __init__(self, host: str, port: int = 0) -> None:
        """Bind a port and the next one for RTCP; `edge` must be set before anything is said."""
        self.edge: Address = ("", 0)
        """The edge's port for this end."""
        self.heard: list[bytes] = []
        self.said: list[bytes] = []
        self.reports: list[bytes] = []
        """RTCP that has come."""
        self.garbled = 0
        """Packets that no key opens."""
        self.srtp: SrtpEnd | None = None
        self.ssrc = secrets.randbits(32)
        self.sequence = secrets.randbelow(1 << 15)
        """Of the packet that was said last."""
        self._sent = b""
        self.rtp, self.rtcp = _bound_pair(host, port)
        self.address: Address = self.rtp.getsockname()

    def say(self, payload: bytes, payload_type: int = 0) -> None:
        """Send the next packet."""
        self.sequence += 1
        packet = rtp(self.sequence, ssrc=self.ssrc, payload=payload, payload_type=payload_type)
        self.said.append(packet)
        self._sent = packet if self.srtp is None else self.srtp.protect(packet)
        self.rtp.sendto(self._sent, self.edge)

    def repeat(self) -> None:
        """Send the last packet once more, as somebody does who has recorded it."""
        self.rtp.sendto(self._sent, self.edge)

    def report(self, packet: bytes) -> None:
        """Send RTCP."""
        sent = packet if self.srtp is None else self.srtp.protect_rtcp(packet)
        self.rtcp.sendto(sent, (self.edge[0], self.edge[1] + 1))

    def listen(self) -> None:
        """Take what has come."""
        for data in received(self.rtp):
            self._keep(data if self.srtp is None else self.srtp.unprotect(data), self.heard)
        for data in received(self.rtcp):
            self._keep(data if self.srtp is None else self.srtp.unprotect_rtcp(data), self.reports)

    def spoken(self) -> list[bytes]:
        """Return what was heard, without the silence that opened the way."""
        return [packet for packet in self.heard if not packet.endswith(SILENCE)]

    def _keep(self, packet: bytes | None, kept: list[bytes]) -> None:
        if packet is None:
            self.garbled += 1
        else:
            kept.append(packet)

    def __enter__(self) -> "Phone":
        return self

    def __exit__(self, *_: object) -> None:
        self.rtp.close()
        self.rtcp.close()


def received(sock: socket.socket) -> Iterator[bytes]:
    """Yield the datagrams that a socket has, which must not block."""
    with suppress(BlockingIOError):
        while True:
            yield sock.recv(2_048)


def _bound_pair(host: str, port: int) -> tuple[socket.socket, socket.socket]:
    """Return sockets for RTP and RTCP; without a port, at one that the edge never leases."""
    while True:
        first = port or 2 * (2_600 + secrets.randbelow(2_400))
        pair = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
        try:
            for offset, sock in enumerate(pair):
                sock.bind((host, first + offset))
                sock.setblocking(False)
        except OSError:
            for sock in pair:
                sock.close()
            if port:
                raise
            continue
        return pair[0], pair[1]


def talk(
    phones: tuple[Phone, ...],
    until: Callable[[], object],
    what: str,
    frame: Callable[[], bytes] = lambda: SILENCE,
) -> None:
    """Let every phone say a frame each 20 ms until a condition holds."""
    deadline = time.monotonic() + PATIENCE_S
    while not until():
        assert time.monotonic() < deadline, f"{what}: not within {PATIENCE_S:.0f} s"
        for phone in phones:
            phone.say(frame())
        time.sleep(FRAME_S)
        for phone in phones:
            phone.listen()


def open_the_way(*phones: Phone) -> None:
    """Send silence until everybody hears something.

    Packets that come before the edge has heard of the answer are lost, as with any peer.
    """
    talk(phones, lambda: all(phone.heard for phone in phones), "audio flows")
    for phone in phones:
        phone.said.clear()


def hear_out(*phones: Phone, last: Callable[[], object]) -> None:
    """Listen until the last packets have come."""
    deadline = time.monotonic() + PATIENCE_S
    while not last():
        assert time.monotonic() < deadline, "the last packets never came"
        time.sleep(FRAME_S)
        for phone in phones:
            phone.listen()


def say(*phones: Phone, frames: int) -> None:
    """Let every phone say some random frames."""
    for _ in range(frames):
        for phone in phones:
            phone.say(secrets.token_bytes(160))
        time.sleep(FRAME_S)


def assert_all_was_heard(one: Phone, other: Phone) -> None:
    """Compare everything that was said at either end since the way is open with what was heard."""
    ends = ((one, other), (other, one))
    hear_out(one, other, last=lambda: all(it.heard[-1:] == by.said[-1:] for it, by in ends))
    for it, by in ends:
        assert it.spoken() == by.said


def assert_reports_cross(one: Phone, other: Phone) -> None:
    """Send a report each way; it has to come out at the other end, and in clear."""
    for sender in (one, other):
        sender.report(receiver_report(sender.ssrc))
    hear_out(one, other, last=lambda: one.reports and other.reports)
    for sender, hearer in ((one, other), (other, one)):
        assert receiver_report(sender.ssrc) in hearer.reports


def assert_each_hears_the_other(caller: Phone, callee: Phone, frames: int = FRAMES) -> None:
    """Say random frames of several lengths, then a digit; the other end gets whole packets."""
    for phone in (caller, callee):
        phone.listen()
        phone.heard.clear()
    open_the_way(caller, callee)
    lengths = cycle((80, 80, 160, 160, 240, 240))
    talk(
        (caller, callee),
        lambda: len(caller.said) >= frames,
        "the frames are said",
        lambda: secrets.token_bytes(next(lengths)),
    )
    for end in range(2):
        # RFC 4733 §2.3: event 5, its end bit, volume 10, duration.
        digit = bytes((5, (0x80 if end else 0) | 10, 1, 64 * (end + 1)))
        for phone in (caller, callee):
            phone.say(digit, payload_type=101)
        time.sleep(FRAME_S)
    assert_all_was_heard(caller, callee)
    assert len(caller.said) == len(callee.said) == frames + 2
