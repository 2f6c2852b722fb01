"""One leg of a relayed call: which packets are taken, where they go and what becomes of them.

Everything a media worker decides is here, without a socket: the worker hands in a packet with its
source and does what the returned Effect says. Only the case that nearly every packet is, the next
one of a latched stream, is repeated in the worker's own loop.
"""

from typing import NamedTuple

from edge.flow import Address
from edge.media import rtcp
from edge.media.latch import Effect, Latch, LatchState, SourceSet
from edge.media.rtp import is_dtmf, parse, payload_of, rewritten
from edge.media.session import Direction, LegMedia, LegStatistics, PayloadTypes
from edge.media.statistics import Arrival, Reception

UNVERIFIED_S = 5.0
UNVERIFIED_PACKETS = 250
"""EDGE S13: what an address gets that nobody has proved to want it."""
RTCP_MOVES_AFTER_S = 2.0
"""RTCP may change its port after the silence that lets RTP move (EDGE Q5, Q6)."""


class Judgement(NamedTuple):
    """What becomes of a packet: the effect on the socket, and whether it goes to the other leg."""

    effect: Effect
    relay: bool


_UNKNOWN = LegMedia(
    remote=None,
    remote_rtcp=None,
    sources=(),
    expects=PayloadTypes(),
    peer_expects=PayloadTypes(),
    direction=Direction.INACTIVE,
)


class MediaLeg:
    """The state of one leg, from the opening of its session to its end."""

    __slots__ = (
        *("foreign", "latch", "malformed", "media", "reception", "rtcp_packets", "rtcp_source"),
        *("since", "_announced", "_last_rtcp_at", "_packets_per_second", "_rtcp_allowed"),
        *("_unverified_left", "_unverified_until"),
    )

    def __init__(self, packets_per_second: int, now: float) -> None:
        self.media = _UNKNOWN
        self.latch = Latch(SourceSet(()))
        self.reception = Reception()
        self.reception.allowed = packets_per_second
        self.rtcp_source: Address | None = None
        self.rtcp_packets = 0
        self.foreign = 0
        self.malformed = 0
        self.since = now
        """When the present direction and `answered` began: silence counts from here (EDGE V4)."""
        self._announced: Address | None = None
        """The last address that was not None since the peer moved: a hold is no move."""
        self._last_rtcp_at: float | None = None
        self._packets_per_second = packets_per_second
        self._rtcp_allowed = packets_per_second
        self._unverified_left = UNVERIFIED_PACKETS
        self._unverified_until: float | None = None

    @property
    def last_at(self) -> float | None:
        """Return the monotonic time of the last valid packet, RTP or RTCP."""
        rtp_at, rtcp_at = self.reception.last_at, self._last_rtcp_at
        if rtp_at is None or rtcp_at is None:
            return rtcp_at if rtp_at is None else rtp_at
        return max(rtp_at, rtcp_at)

    @property
    def is_latched(self) -> bool:
        """Tell whether the leg's RTP socket is connected to its peer."""
        return self.latch.state is LatchState.LATCHED

    def statistics(self) -> LegStatistics:
        """Return what has arrived so far."""
        return LegStatistics(
            packets=self.reception.packets,
            bytes=self.reception.bytes,
            rtcp_packets=self.rtcp_packets,
            lost=self.reception.lost,
            jitter_us=self.reception.jitter_us,
            foreign=self.foreign,
            malformed=self.malformed,
        )

    def describe(self, media: LegMedia, now: float) -> Effect:
        """Take a new description; RELEASE when the peer's address has changed (EDGE Q5)."""
        old, self.media = self.media, media
        if (old.direction, old.answered) != (media.direction, media.answered):
            self.since = now
        moved = media.moves != old.moves
        self._announced = media.remote or (None if moved else self._announced)
        hosts = () if self._announced is None else (self._announced[0],)
        self.latch.accept(SourceSet(media.sources + hosts))
        if not moved:
            return Effect.NOTHING
        self._unverified_left = UNVERIFIED_PACKETS
        self._unverified_until = None
        self.rtcp_source = None
        return self.latch.on_moved()

    def begin_second(self) -> None:
        """Let the next second's packets in (EDGE Q6)."""
        self.reception.allowed = self.reception.packets + self._packets_per_second
        self._rtcp_allowed = self.rtcp_packets + self._packets_per_second

    def on_rtp(self, data: bytes, source: Address, now: float) -> Judgement:
        """Judge and count one packet that came to the RTP port."""
        if not self.latch.admits(source):
            self.foreign += 1
            return Judgement(Effect.DROP_FOREIGN, relay=False)
        header = parse(data)
        if header is None or not self._is_negotiated(data):
            self.malformed += 1
            return Judgement(Effect.DROP, relay=False)
        effect = self.latch.on_packet(source, header.ssrc, header.sequence)
        if effect in (Effect.RELAY, Effect.LATCH):
            timed = header.payload_type == self.media.expects.pcmu
            arrival = self.reception.accept(header, len(data), now, timed=timed)
            return Judgement(effect, relay=arrival is Arrival.TAKEN)
        self.foreign += effect is Effect.DROP_FOREIGN
        return Judgement(effect, relay=False)

    def _is_negotiated(self, data: bytes) -> bool:
        """Tell whether payload type and rate are those agreed on (EDGE Q6, V1, V2)."""
        if self.reception.packets >= self.reception.allowed:
            return False
        payload_type = data[1] & 0x7F
        if payload_type == self.media.expects.telephone_event:
            return is_dtmf(payload_of(data))
        return payload_type == self.media.expects.pcmu

    def on_rtcp(self, data: bytes, source: Address, now: float) -> bytes:
        """Judge and count a packet of the RTCP port; return what the other leg gets of it.

        Its address is that of the RTP (EDGE Q6), its port that of the first packet.
        """
        rtp = self.latch.heard_from or self.media.remote
        if rtp is None or rtp[0] != source[0] or not self._is_rtcp_source(source, now):
            self.foreign += 1
            return b""
        passed = rtcp.passed_on(data)
        if passed is None or self.rtcp_packets >= self._rtcp_allowed:
            self.malformed += 1
            return b""
        self.rtcp_packets += 1
        self.rtcp_source = source
        self._last_rtcp_at = now
        return passed

    def _is_rtcp_source(self, source: Address, now: float) -> bool:
        if self.rtcp_source in (None, source) or self._last_rtcp_at is None:
            return True
        return now - self._last_rtcp_at >= RTCP_MOVES_AFTER_S

    def forwards_to(self, other: "MediaLeg") -> bool:
        """Tell whether the directions let RTP through to the other leg (RFC 3264 §5.1)."""
        return self.media.direction.sends and other.media.direction.receives

    def is_plain_to(self, other: "MediaLeg") -> bool:
        """Tell whether PCMU from this leg goes to the other one's connected socket as it is."""
        return (
            other.is_latched
            and self.forwards_to(other)
            and self.media.expects.pcmu == other.media.peer_expects.pcmu
            and self.reception.shift is None
        )

    def translated(self, data: bytes, other: "MediaLeg") -> bytes | None:
        """Return a packet of this leg as the other leg's peer expects it, None when it does not.

        Apart from the payload type only the header of a switched source changes (EDGE SD5, V1).
        """
        payload_type = data[1] & 0x7F
        numbers = other.media.peer_expects
        if payload_type == self.media.expects.pcmu:
            wanted: int | None = numbers.pcmu
        else:
            wanted = numbers.telephone_event
        if wanted is None:
            return None
        reception = self.reception
        if wanted == payload_type and reception.shift is None:
            return data
        marked, reception.switched = reception.switched, False
        return rewritten(data, wanted, reception.shift, marked=marked)

    def rtp_target(self, now: float) -> Address | None:
        """Return where RTP for the peer goes while the socket is not connected; it counts as sent.

        None when there is no permitted address, or when it has had what S13 allows.
        """
        address = self.latch.heard_from or self.media.remote
        return address if address is not None and self._may_send(now) else None

    def rtcp_target(self, now: float) -> Address | None:
        """Return where RTCP for the peer goes; it counts as sent."""
        address = self.rtcp_source or self.media.remote_rtcp
        return address if address is not None and self._may_send(now) else None

    def _may_send(self, now: float) -> bool:
        if self.latch.source is not None or self.media.verified:
            return True
        if self._unverified_until is None:
            self._unverified_until = now + UNVERIFIED_S
        if now >= self._unverified_until or self._unverified_left == 0:
            return False
        self._unverified_left -= 1
        return True
