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
from edge.media.rtp import VERSION_2
from edge.media.srtp_native import NativeSession
from edge.runtime.media_fast_path import (
    FastPath,
    Moment,
    Receive,
    Send,
    receive_noted,
    receive_through,
    send_rewritten,
    send_through,
)
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

    def fast_path(self) -> FastPath | None:
        """Return what the loop needs of this leg as things are, None while it is not latched.

        Good until `on_change` is called.
        """
        leg = self.leg
        if not leg.is_latched or leg.audio_type is None:
            return None
        receive, theirs = self._receiver()
        send, ours = self._sender()
        return receive, theirs, leg.reception, VERSION_2 | leg.audio_type, ours, send

    def _receiver(self) -> tuple[Receive, NativeSession | None]:
        """Return what reads from the connected socket, and what decrypts that."""
        receive: Receive = self.pair.rtp.recv_into
        leg, capture = self.leg, self.capture
        theirs = None if leg.srtp is None else leg.srtp.theirs(leg.reception.ssrc)
        if capture is None:
            if leg.srtp is None or theirs is not None:
                return receive, theirs
            return receive_through(leg.srtp, receive, leg, self._moment, self._on_change), None
        if leg.srtp is not None:
            receive = receive_through(leg.srtp, receive, leg, self._moment, None)
        return receive_noted(receive, self._note_received), None

    def _sender(self) -> tuple[Send, NativeSession | None]:
        """Return what sends the audio that comes now to the other leg's peer, and encrypts it."""
        leg, other = self.leg, self.other.leg
        number, shift, ssrc = leg.audio_number_at(other), leg.reception.shift, leg.shown_ssrc
        if self.capture is not None or number is None or not leg.goes_straight_to(other):
            return self.relay, None
        send: Send = self.other.pair.rtp.send
        is_plain = number == leg.audio_type and shift is None
        if other.srtp is not None:
            ours = other.srtp.ours(ssrc)
            if is_plain and ours is not None:
                return send, ours
            send = send_through(other.srtp, send, ssrc, self._on_change if is_plain else None)
        return send if is_plain else send_rewritten(number, shift, send), None

    def judge(self, packet: bytes) -> None:
        """Let the leg judge a packet in clear from the latched source, and obey."""
        leg, source = self.leg, self.leg.latch.source
        if source is None:
            return
        if leg.srtp is not None:
            if not leg.srtp.admits(packet):
                leg.unauthentic += 1
                return
            if leg.srtp.theirs(leg.reception.ssrc) is None:
                self._on_change()
        audio_type = leg.audio_type
        self._obey(leg.on_authentic(packet, source, self._moment.now), audio_type)

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
        leg, other = self.leg, self.other
        translated = None
        if leg.forwards_to(other.leg):
            went_straight = leg.goes_straight_to(other.leg)
            translated = leg.translated(packet, other.leg)
            if leg.goes_straight_to(other.leg) != went_straight:
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

    def _note_received(self, packet: bytes) -> None:
        if self.capture is not None:
            source, now = self.leg.latch.source, self._moment.now
            self.capture.received(self.pair.port, source, packet, now)
