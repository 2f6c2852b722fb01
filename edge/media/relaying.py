"""One leg of a relayed call: which packets are taken, where they go and what becomes of them.

Everything a media worker decides is here, without a socket: the worker hands in a packet with its
source and does what the returned Effect says. Only the case that nearly every packet is, the next
one of a latched stream, is repeated in the worker's own loop.
"""

from typing import NamedTuple

from edge.flow import Address
from edge.media import rtcp
from edge.media.latch import Effect, Latch, LatchState, SourceSet
from edge.media.quality import LegAccount
from edge.media.rtp import (
    LONGEST_PAYLOAD_BYTES,
    SEQUENCES,
    Shift,
    is_dtmf,
    parse,
    payload_of,
    rewritten,
    sequence_of,
)
from edge.media.session import Direction, LegMedia, LegStatistics, PayloadTypes
from edge.media.srtp_keys import LegSrtp
from edge.media.srtp_leg import SrtpLeg, SrtpRules
from edge.media.statistics import NOBODY, Arrival, Reception

UNVERIFIED_S = 5.0
UNVERIFIED_PACKETS = 250
"""EDGE S13: what an address gets that nobody has proved to want it."""
RTCP_MOVES_AFTER_S = 2.0
"""RTCP may change its port after the silence that lets RTP move (EDGE Q5, Q6)."""
FIRST_SEQUENCE_BELOW = 1 << 15
"""Of a stream under a new key: its wrap stays far from the packets that may be lost before the
receiver knows the rollover counter (RFC 4568 §6.4, EDGE K13)."""


class Judgement(NamedTuple):
    """What becomes of a packet."""

    effect: Effect
    """On the socket."""
    packet: bytes | None
    """What goes to the other leg, in clear; None when nothing does."""


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
        *("account", "audio_type", "begins_anew", "foreign", "latch", "malformed", "media"),
        *(
            "over_rate",
            "reception",
            "rtcp_source",
            "since",
            "srtp",
            "unauthentic",
            "unexpected",
            "_announced",
        ),
        *("_contexts", "_last_rtcp_at", "_packets_per_second", "_rtcp_allowed", "_srtp_rules"),
        *("_unverified_left", "_unverified_until"),
    )

    def __init__(self, packets_per_second: int, srtp_rules: SrtpRules, now: float) -> None:
        self.media = _UNKNOWN
        self.srtp: SrtpLeg | None = None
        """None on a plain leg."""
        self._contexts: SrtpLeg | None = None
        """What it was before the leg became plain, or is: its keys may come back."""
        self.audio_type = _UNKNOWN.expects.pcmu
        """The payload type that the peer's audio has had last, of those that we expect."""
        self.begins_anew = False
        """The next packet for the peer is the first that it decrypts with a new key."""
        self.latch = Latch(SourceSet(()))
        self.reception = Reception()
        self.reception.allowed = packets_per_second
        self.account = LegAccount()
        self.rtcp_source: Address | None = None
        self.foreign = 0
        self.malformed = 0
        self.unexpected = 0
        self.over_rate = 0
        self.unauthentic = 0
        """Packets whose SRTP or SRTCP tag did not verify, and repeated ones (EDGE Q7)."""
        self.since = now
        """When the present direction and `answered` began: silence counts from here (EDGE V4)."""
        self._announced: Address | None = None
        """The last address that was not None since the peer moved: a hold is no move."""
        self._last_rtcp_at: float | None = None
        self._packets_per_second = packets_per_second
        self._rtcp_allowed = packets_per_second
        self._srtp_rules = srtp_rules
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

    @property
    def shown_ssrc(self) -> int:
        """Return the SSRC that the leg across shows to its peer, NOBODY before the first packet."""
        shift = self.reception.shift
        return self.reception.ssrc if shift is None else shift.ssrc

    def statistics(self, other: "MediaLeg") -> LegStatistics:
        """Return what went between this leg and its peer so far; `other` is the leg across."""
        reception, account, came = self.reception, self.account, other.reception
        return LegStatistics(
            packets=reception.packets,
            bytes=reception.bytes,
            rtcp_packets=account.rtcp_packets,
            rtcp_bytes=account.rtcp_bytes,
            lost=reception.lost,
            jitter_us=reception.jitter_us,
            sent_packets=came.packets - other.account.withheld_packets + account.fed_packets,
            sent_bytes=came.bytes - other.account.withheld_bytes + account.fed_bytes,
            sent_rtcp_packets=account.sent_rtcp_packets,
            sent_rtcp_bytes=account.sent_rtcp_bytes,
            peer_lost=account.peer.lost,
            peer_jitter_us=account.peer.jitter_us,
            rtt_us=account.peer.rtt_us,
            foreign=self.foreign,
            malformed=self.malformed,
            unexpected=self.unexpected,
            over_rate=self.over_rate,
            unauthentic=self.unauthentic,
        )

    def describe(self, media: LegMedia, now: float) -> Effect:
        """Take a new description; RELEASE when the peer's address has changed (EDGE Q5)."""
        old, self.media = self.media, media
        if (old.direction, old.answered) != (media.direction, media.answered):
            self.since = now
        if self.audio_type not in (media.expects.pcmu, media.expects.g722):
            pcmu, _, g722 = media.expects
            self.audio_type = g722 if pcmu is None else pcmu
        moved = media.moves != old.moves
        self._take_keys(old.srtp, moved, now)
        self._announced = media.remote or (None if moved else self._announced)
        hosts = () if self._announced is None else (self._announced[0],)
        self.latch.accept(SourceSet(media.sources + hosts))
        if not moved:
            return Effect.NOTHING
        self._unverified_left = UNVERIFIED_PACKETS
        self._unverified_until = None
        self.rtcp_source = None
        return self.latch.on_moved()

    def _take_keys(self, old: LegSrtp | None, moved: bool, now: float) -> None:
        """Begin, go on or end to encrypt; equal keys keep their contexts (EDGE K14)."""
        keys, contexts = self.media.srtp, self._contexts
        if keys is None:
            self.srtp, self.begins_anew = None, False
            return
        if contexts is None:
            self._contexts = contexts = SrtpLeg(keys, self._srtp_rules)
            self.begins_anew = True
        elif keys != contexts.keys:
            is_new = keys.ours != contexts.keys.ours
            contexts.rekey(keys, now)
            # Who stays where it is hears the stream go on as it was, without a jump.
            self.begins_anew = self.begins_anew or (is_new and (moved or old is None))
        self.srtp = contexts

    def begin_second(self) -> None:
        """Let the next second's packets in (EDGE Q6)."""
        self.reception.allowed = self.reception.packets + self._packets_per_second
        self._rtcp_allowed = self.account.rtcp_packets + self._packets_per_second

    def on_rtp(self, data: bytes, source: Address, now: float) -> Judgement:
        """Judge and count one packet as it came to the RTP port."""
        if not self.latch.admits(source):
            self.foreign += 1
            return Judgement(Effect.DROP_FOREIGN, None)
        packet = data if self.srtp is None else self.srtp.unprotect(data, now)
        if packet is None:
            self.unauthentic += 1
            return Judgement(Effect.DROP, None)
        return self.on_authentic(packet, source, now)

    def on_authentic(self, packet: bytes, source: Address, now: float) -> Judgement:
        """Judge and count a packet of an admitted source, in clear (EDGE Q7)."""
        header = parse(packet)
        if header is None:
            self.malformed += 1
            return Judgement(Effect.DROP, None)
        if self.reception.packets >= self.reception.allowed:
            self.over_rate += 1
            return Judgement(Effect.DROP, None)
        if not self._is_negotiated(packet):
            self.unexpected += 1
            return Judgement(Effect.DROP, None)
        effect = self.latch.on_packet(
            source, header.ssrc, header.sequence, is_authentic=self.srtp is not None
        )
        if effect not in (Effect.RELAY, Effect.LATCH):
            self.foreign += effect is Effect.DROP_FOREIGN
            return Judgement(effect, None)
        is_audio = header.payload_type != self.media.expects.telephone_event
        if self.reception.accept(header, len(packet), now, timed=is_audio) is Arrival.REFUSED:
            return Judgement(effect, None)
        if is_audio:
            self.audio_type = header.payload_type
        return Judgement(effect, packet)

    def _is_negotiated(self, packet: bytes) -> bool:
        """Tell whether type and size are among those agreed on (EDGE Q6, SD6, V1, V2)."""
        payload_type, expects = packet[1] & 0x7F, self.media.expects
        if payload_type == expects.telephone_event:
            return is_dtmf(payload_of(packet))
        if payload_type not in (expects.pcmu, expects.g722):
            return False
        return len(payload_of(packet)) <= LONGEST_PAYLOAD_BYTES

    def on_rtcp(
        self, data: bytes, source: Address, now: float, *, shown_ssrc: int = NOBODY
    ) -> bytes:
        """Judge and count a packet of the RTCP port; return what the other leg gets of it.

        `shown_ssrc` is that of the stream that the peer gets, and may report on. Its address is
        that of the RTP (EDGE Q6), its port that of the first packet.
        """
        rtp = self.latch.heard_from or self.media.remote
        if rtp is None or rtp[0] != source[0] or not self._is_rtcp_source(source, now):
            self.foreign += 1
            return b""
        if self.account.rtcp_packets >= self._rtcp_allowed:
            self.over_rate += 1
            return b""
        packet = data if self.srtp is None else self.srtp.unprotect_rtcp(data, now)
        if packet is None:
            self.unauthentic += 1
            return b""
        passed = rtcp.passed_on(packet)
        if passed is None:
            self.malformed += 1
            return b""
        self.account.rtcp_came(packet, shown_ssrc, now)
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

    def goes_straight_to(self, other: "MediaLeg") -> bool:
        """Tell whether the audio of this leg goes to the other one's connected socket, changed by
        nothing but its keys, `audio_number_at` and the shift of its numbers."""
        return (
            other.is_latched
            and not other.begins_anew
            and not self.reception.switched
            and self.forwards_to(other)
        )

    def audio_number_at(self, other: "MediaLeg") -> int | None:
        """Return what the other leg's peer calls the audio that comes now; None if it has none."""
        return None if self.audio_type is None else self._number_at(other, self.audio_type)

    def translated(self, packet: bytes, other: "MediaLeg") -> bytes | None:
        """Return a packet of this leg as the other leg's peer expects it, None when it does not.

        Apart from the payload type only the header of a switched source changes (EDGE SD5, V1),
        and where a peer begins to decrypt (K13).
        """
        payload_type = packet[1] & 0x7F
        wanted = self._number_at(other, payload_type)
        if wanted is None:
            return None
        reception = self.reception
        if other.begins_anew:
            other.begins_anew = False
            self._begin_low(packet)
        if wanted == payload_type and reception.shift is None:
            return packet
        marked, reception.switched = reception.switched, False
        return rewritten(packet, wanted, reception.shift, marked=marked)

    def _number_at(self, other: "MediaLeg", payload_type: int) -> int | None:
        """Return what the other leg's peer calls a payload type of ours."""
        here, there = self.media.expects, other.media.peer_expects
        if payload_type == here.telephone_event:
            return there.telephone_event
        return there.pcmu if payload_type == here.pcmu else there.g722

    def _begin_low(self, packet: bytes) -> None:
        """Shift the stream so that this packet's number is low, but not at the very beginning:
        an earlier packet may still come, and must not be taken for one before a wrap (K13)."""
        shift = self.reception.shift or Shift(self.reception.ssrc, 0, 0)
        first = (sequence_of(packet) + shift.sequence) % SEQUENCES
        if first >= FIRST_SEQUENCE_BELOW:
            half = FIRST_SEQUENCE_BELOW // 2
            low = half + first % half
            self.reception.shift = shift._replace(
                sequence=(shift.sequence + low - first) % SEQUENCES
            )

    def sealed(self, packet: bytes) -> bytes | None:
        """Return RTP as this leg's peer gets it; None for a number that its key has encrypted."""
        return packet if self.srtp is None else self.srtp.protect(packet)

    def sealed_rtcp(self, packet: bytes) -> bytes | None:
        """Return RTCP as this leg's peer gets it; None once its key is used up."""
        return packet if self.srtp is None else self.srtp.protect_rtcp(packet)

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
