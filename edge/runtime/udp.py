"""SIP over UDP: one socket, read in batches, written at once, deaf to nothing.

The socket asks for ICMP errors (IP_RECVERR), so that a dead host is known at once instead of after
a timeout (EDGE F4).
"""

import errno
import socket
import struct
from asyncio import AbstractEventLoop
from collections import deque
from typing import Protocol

from edge.flow import Address, Flow, Transport
from edge.runtime.watch import Watch

READS_PER_TURN = 64
"""Datagrams taken before timers and other sockets get their turn: some 10 ms of work."""
RECEIVE_BUFFER_BYTES = 4 << 20
"""Asked for; holds about 1 s of 4,000 messages per second. The kernel may grant less."""
LARGEST_DATAGRAM_BYTES = 65_535
LONGEST_QUEUE = 1_000
"""Datagrams that wait for a full send buffer; more are dropped, SIP retransmits."""

# linux/in.h and linux/errqueue.h; the socket module has no names for them.
IP_RECVERR = 11
SO_EE_ORIGIN_LOCAL = 1
SO_EE_ORIGIN_ICMP = 2
_SOCK_EXTENDED_ERR = struct.Struct("=IBBB")

ICMP_DESTINATION_UNREACHABLE = 3
ICMP_FRAGMENTATION_NEEDED = 4
"""A code of type 3 that speaks of the datagram's size (RFC 1191 §3), not of the host."""

_NO_WAY_THERE = frozenset(
    {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ECONNREFUSED, errno.EPERM, errno.EINVAL}
)
_FULL = frozenset({errno.EAGAIN, errno.ENOBUFS})


class Receiver(Protocol):
    """Takes what a transport hears."""

    def on_datagram(self, data: bytes, flow: Flow) -> None:
        """Take one datagram, possibly empty."""

    def on_unreachable(self, remote: Address) -> None:
        """Hear that a peer cannot be reached."""

    def on_turn_end(self) -> None:
        """Hear that a batch is over; what it caused is to be sent now."""


def bind(listen: Address) -> socket.socket:
    """Return a bound UDP socket; raises OSError when the address is not free or not ours."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        sock.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)
        sock.bind(listen)
    except OSError:
        sock.close()
        raise
    return sock


class UdpTransport:
    """A bound socket on an event loop.

    `advertised` is the address that flows of this transport carry as their local end: what the node
    calls itself in Via and Contact, also where a public address is mapped onto another one (W14).
    """

    def __init__(
        self,
        sock: socket.socket,
        *,
        advertised: Address,
        loop: AbstractEventLoop,
        receiver: Receiver,
    ) -> None:
        self._socket = sock
        self._advertised = advertised
        self._receiver = receiver
        self._buffer = bytearray(LARGEST_DATAGRAM_BYTES)
        self._view = memoryview(self._buffer)
        self._unsent: deque[tuple[bytes, Address]] = deque()
        self.dropped = 0
        """Datagrams that found the send queue full."""
        self._watch = Watch(loop, sock.fileno(), self._on_ready)

    @property
    def receive_buffer_bytes(self) -> int:
        """Return what the kernel granted; net.core.rmem_max is the limit (it counts double)."""
        return self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)

    def close(self) -> None:
        """Stop reading and give the port back."""
        self._watch.close()
        self._socket.close()

    def send(self, data: bytes, flow: Flow) -> None:
        """Send one datagram, now or when the socket has room again."""
        remote = flow.remote
        if self._unsent:
            self._queue(data, remote)
        else:
            self._send_now(data, remote)

    def _send_now(self, data: bytes, remote: Address) -> None:
        try:
            socket.inet_pton(socket.AF_INET, remote[0])
        except OSError:
            # sendto() would look a name up and hold every call until the answer is there.
            self._receiver.on_unreachable(remote)
            return
        for _ in range(2):
            try:
                self._socket.sendto(data, remote)
                return
            except OSError as error:
                if error.errno in _FULL:
                    self._queue(data, remote)
                    return
                # Linux hands out the error of an *earlier* datagram here: fetch it, try again.
                if self._read_errors():
                    continue
                if error.errno in _NO_WAY_THERE:
                    self._receiver.on_unreachable(remote)
                return

    def _queue(self, data: bytes, remote: Address) -> None:
        if len(self._unsent) >= LONGEST_QUEUE:
            self.dropped += 1
            return
        self._unsent.append((data, remote))
        self._watch.want_to_write(True)

    def _send_queued(self) -> None:
        waiting, self._unsent = self._unsent, deque()
        while waiting and not self._unsent:
            self._send_now(*waiting.popleft())
        self._unsent.extend(waiting)
        self._watch.want_to_write(bool(self._unsent))

    def _on_ready(self) -> None:
        if self._unsent:
            self._send_queued()
        recv, view, receiver = self._socket.recvfrom_into, self._view, self._receiver
        local, udp = self._advertised, Transport.UDP
        for _ in range(READS_PER_TURN):
            try:
                length, remote = recv(view)
            except BlockingIOError:
                break
            except OSError:
                self._read_errors()
                continue
            receiver.on_datagram(bytes(view[:length]), Flow(udp, local, remote))
        receiver.on_turn_end()

    def _read_errors(self) -> bool:
        """Report what waits in the error queue; return whether there was anything."""
        found = False
        for _ in range(READS_PER_TURN):
            try:
                _, ancillary, _, remote = self._socket.recvmsg(0, 512, socket.MSG_ERRQUEUE)
            except OSError:
                break
            found = True
            if any(_tells_unreachable(*message) for message in ancillary):
                self._receiver.on_unreachable((remote[0], remote[1]))
        return found


def _tells_unreachable(level: int, kind: int, data: bytes) -> bool:
    if (level, kind) != (socket.IPPROTO_IP, IP_RECVERR) or len(data) < _SOCK_EXTENDED_ERR.size:
        return False
    number, origin, icmp_type, icmp_code = _SOCK_EXTENDED_ERR.unpack_from(data)
    if origin == SO_EE_ORIGIN_LOCAL:
        return number in _NO_WAY_THERE
    is_unreachable: bool = icmp_type == ICMP_DESTINATION_UNREACHABLE
    return origin == SO_EE_ORIGIN_ICMP and is_unreachable and icmp_code != ICMP_FRAGMENTATION_NEEDED
