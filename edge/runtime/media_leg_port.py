"""The sockets of one leg: carries out what edge.media decides about its packets (EDGE Q5)."""

import ctypes
import os
import socket
from collections.abc import Callable
from typing import Final

from edge.flow import Address
from edge.media.latch import Effect
from edge.media.relaying import MediaLeg
from edge.runtime.media_ports import PortPair

RECEIVE_BYTES = 2048
"""Above the longest packet; a larger buffer would make each receive cost a page fault."""
MOST_QUEUED = 1024
"""Packets looked through in one go; the default socket buffer holds fewer."""

_LIBC: Final = ctypes.CDLL(None, use_errno=True)
_AF_UNSPEC_ADDRESS: Final = bytes(16)


def disconnect(sock: socket.socket) -> None:
    """Dissolve the association of a connected UDP socket; its port stays bound (connect(2)).

    Python's own `connect` cannot name AF_UNSPEC.
    """
    if _LIBC.connect(sock.fileno(), _AF_UNSPEC_ADDRESS, len(_AF_UNSPEC_ADDRESS)) != 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))


class Moment:
    """The time of the present wake-up, read once for all of its packets."""

    __slots__ = ("now",)

    def __init__(self, now: float) -> None:
        self.now = now


class LegPort:
    """One leg's RTP and RTCP sockets, and the leg across."""

    __slots__ = ("_moment", "_on_change", "leg", "other", "pair")

    def __init__(
        self, leg: MediaLeg, pair: PortPair, moment: Moment, on_change: Callable[[], None]
    ) -> None:
        self.leg = leg
        self.pair = pair
        self.other: LegPort = self
        self._moment = moment
        self._on_change = on_change

    def discard_queued(self) -> None:
        """Throw away what has come to the sockets before they were in use."""
        for sock in (self.pair.rtp, self.pair.rtcp):
            for _ in range(MOST_QUEUED):
                try:
                    sock.recv(RECEIVE_BYTES)
                except BlockingIOError:
                    break
                except OSError:
                    continue

    def read_open(self) -> bool:
        """Read one packet from the unconnected RTP socket; return whether there was one."""
        try:
            data, source = self.pair.rtp.recvfrom(RECEIVE_BYTES)
        except BlockingIOError:
            return False
        except OSError:
            return True
        self.judge(data, source)
        return True

    def judge(self, data: bytes, source: Address | None = None) -> None:
        """Let the leg judge a packet, by default one from the latched source, and obey."""
        source = source or self.leg.latch.source
        if source is None:
            return
        effect, relay = self.leg.on_rtp(data, source, self._moment.now)
        if effect is Effect.LATCH:
            self._connect(source)
        elif self.leg.reception.switched:
            self._on_change()
        if relay:
            self.relay(data)
        if effect is Effect.LATCH:
            # What was queued before the socket was connected may still be anybody's.
            for _ in range(MOST_QUEUED):
                if not self.read_open():
                    break

    def _connect(self, source: Address) -> None:
        try:
            self.pair.rtp.connect(source)
        except OSError:
            # An unreachable network, say: the next silence opens the latch again.
            return
        self._on_change()

    def release(self) -> None:
        """Take packets from everybody again."""
        disconnect(self.pair.rtp)

    def relay(self, data: bytes) -> None:
        """Send a packet of this leg to the other one, translated as its peer expects."""
        other = self.other
        if self.leg.forwards_to(other.leg):
            translated = self.leg.translated(data, other.leg)
            if translated is not None:
                other.transmit(translated)

    def transmit(self, data: bytes) -> None:
        """Send RTP to this leg's peer; what cannot be sent is lost, as on any network."""
        try:
            if self.leg.is_latched:
                self.pair.rtp.send(data)
                return
            target = self.leg.rtp_target(self._moment.now)
            if target is not None:
                self.pair.rtp.sendto(data, target)
        except OSError:
            return

    def read_rtcp(self) -> None:
        """Read one packet from the RTCP socket and pass it on."""
        now = self._moment.now
        try:
            data, source = self.pair.rtcp.recvfrom(RECEIVE_BYTES)
            passed = self.leg.on_rtcp(data, source, now)
            target = self.other.leg.rtcp_target(now) if passed else None
            if target is not None:
                self.other.pair.rtcp.sendto(passed, target)
        except OSError:
            return
