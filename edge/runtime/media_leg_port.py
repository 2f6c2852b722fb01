"""The sockets of one leg: carries out what edge.media decides about its packets (EDGE Q5)."""

import ctypes
import os
import socket
from collections.abc import Callable
from typing import Final

from edge.flow import Address
from edge.media.capture import Capture
from edge.media.latch import Effect
from edge.media.relaying import Judgement, MediaLeg
from edge.media.srtp_leg import SrtpLeg
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


class NotAuthentic(Exception):
    """What was read is no SRTP packet of the peer; it is counted already."""


Receive = Callable[[int], bytes]
Send = Callable[[bytes], object]
"""Of a connected socket, as the worker's loop calls them."""


class Moment:
    """The time of the present wake-up, read once for all of its packets."""

    __slots__ = ("now",)

    def __init__(self, now: float) -> None:
        self.now = now


class LegPort:
    """One leg's RTP and RTCP sockets, and the leg across."""

    __slots__ = ("_moment", "_on_change", "capture", "leg", "other", "pair")

    def __init__(
        self, leg: MediaLeg, pair: PortPair, moment: Moment, on_change: Callable[[], None]
    ) -> None:
        self.leg = leg
        self.pair = pair
        self.other: LegPort = self
        self.capture: Capture | None = None
        """Notes every packet of a recorded session, in clear."""
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
        audio_type = self.leg.audio_type
        judgement = self.leg.on_rtp(data, source, self._moment.now)
        if self.capture is not None:
            clear = data if self.leg.srtp is None else judgement.packet
            self.capture.received(self.pair.port, source, clear, self._moment.now)
        if judgement.effect is Effect.LATCH:
            self._connect(source)
        self._obey(judgement, audio_type)
        if judgement.effect is Effect.LATCH:
            # What was queued before the socket was connected may still be anybody's.
            for _ in range(MOST_QUEUED):
                if not self.read_open():
                    break
        return True

    def receiver(self) -> Receive:
        """Return what reads a packet of the connected socket, in clear; may raise NotAuthentic."""
        receive: Receive = self.pair.rtp.recv
        if self.leg.srtp is not None:
            receive = _receive_through(self.leg.srtp, receive, self.leg, self._moment)
        return receive if self.capture is None else self._receive_noted(receive, self.capture)

    def sender(self) -> Send:
        """Return what sends a packet of the audio that comes now to the other leg's peer.

        Good until `on_change` is called.
        """
        other, send = self.other.leg, self.other.pair.rtp.send
        if self.capture is not None or not self.leg.is_plain_to(other):
            return self.relay
        return send if other.srtp is None else _send_through(other.srtp, send)

    def judge(self, packet: bytes) -> None:
        """Let the leg judge a packet in clear from the latched source, and obey."""
        source = self.leg.latch.source
        if source is not None:
            audio_type = self.leg.audio_type
            self._obey(self.leg.on_authentic(packet, source, self._moment.now), audio_type)

    def _obey(self, judgement: Judgement, audio_type: int | None) -> None:
        """Pass a packet on; `audio_type` is what the leg's audio was before it."""
        if self.leg.reception.switched or self.leg.audio_type != audio_type:
            self._on_change()
        if judgement.packet is not None:
            self.relay(judgement.packet)

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

    def relay(self, packet: bytes) -> None:
        """Send a packet of this leg to the other one, translated as its peer expects."""
        other = self.other
        translated = None
        if self.leg.forwards_to(other.leg):
            began_anew = other.leg.begins_anew
            translated = self.leg.translated(packet, other.leg)
            if began_anew and translated is not None:
                self._on_change()
        if translated is None or not other.transmit(translated):
            self.leg.account.withheld(packet)

    def feed(self, packet: bytes) -> None:
        """Send RTP of our own to this leg's peer (EDGE D6)."""
        if self.transmit(packet):
            self.leg.account.fed(packet)

    def transmit(self, packet: bytes) -> bool:
        """Send RTP to this leg's peer; return whether it went, for what cannot is lost, as on any
        network."""
        try:
            if self.leg.is_latched:
                self._note_sent(packet, self.leg.latch.source)
                return self.send(packet)
            target = self.leg.rtp_target(self._moment.now)
            self._note_sent(packet, target)
            sealed = None if target is None else self.leg.sealed(packet)
            if sealed is None or target is None:
                return False
            self.pair.rtp.sendto(sealed, target)
        except OSError:
            return False
        return True

    def send(self, packet: bytes) -> bool:
        """Send RTP to the connected peer; raises OSError when it refuses."""
        sealed = self.leg.sealed(packet)
        if sealed is not None:
            self.pair.rtp.send(sealed)
        return sealed is not None

    def read_rtcp(self) -> None:
        """Read one packet from the RTCP socket and pass it on."""
        now = self._moment.now
        other = self.other
        try:
            data, source = self.pair.rtcp.recvfrom(RECEIVE_BYTES)
            passed = self.leg.on_rtcp(data, source, now, shown_ssrc=other.leg.shown_ssrc)
            target = other.leg.rtcp_target(now) if passed else None
            if self.capture is not None:
                clear = data if self.leg.srtp is None else passed
                self.capture.received(self.pair.port + 1, source, clear, now)
                self.capture.sent(other.pair.port + 1, target, passed, now)
            sealed = None if target is None else other.leg.sealed_rtcp(passed)
            if sealed is not None and target is not None:
                other.pair.rtcp.sendto(sealed, target)
                other.leg.account.rtcp_went(passed, now)
        except OSError:
            return

    def _note_sent(self, packet: bytes, target: Address | None) -> None:
        if self.capture is not None:
            self.capture.sent(self.pair.port, target, packet, self._moment.now)

    def _receive_noted(self, receive: Receive, capture: Capture) -> Receive:
        port, latch, moment = self.pair.port, self.leg.latch, self._moment

        def receive_noted(size: int) -> bytes:
            packet = receive(size)
            capture.received(port, latch.source, packet, moment.now)
            return packet

        return receive_noted


def _receive_through(srtp: SrtpLeg, receive: Receive, leg: MediaLeg, moment: Moment) -> Receive:
    """Return a function that reads a packet in clear; no method, for the loop's sake."""

    def receive_authentic(size: int) -> bytes:
        receiver, data = srtp.receiver, receive(size)
        if receiver is None:
            packet = srtp.unprotect(data, moment.now)
        else:
            packet = receiver.unprotect(data)
        if packet is None:
            leg.unauthentic += 1
            raise NotAuthentic
        return packet

    return receive_authentic


def _send_through(srtp: SrtpLeg, send: Send) -> Send:
    """Return a function that encrypts a packet and sends it."""

    def send_protected(packet: bytes) -> None:
        sealed = srtp.sender.protect(packet)
        if sealed is not None:
            send(sealed)

    return send_protected
