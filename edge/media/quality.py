"""What RTCP tells of a leg's peer, and what a listener makes of it all (EDGE X5, X6).

The edge sends no RTCP of its own. The peer's reports answer the sender reports of the far end,
which we pass on: the time from then to the answer, less what the peer kept it, is the round trip
between the peer and us.
"""

from edge.media.rtcp import ReportBlock, blocks_in, sender_time
from edge.media.rtp import CLOCK_HZ
from edge.media.session import LegStatistics
from model.quality import SideQuality, StreamQuality

REPORTS_KEPT = 8
"""Sender reports that may be answered yet: 40 s at the usual interval (RFC 3550 §6.2)."""
LONGEST_JITTER = CLOCK_HZ
"""Clock units; a peer that claims more is not believed."""
DELAY_HZ = 65_536
"""Units of a report's delay in a second (RFC 3550 §6.4.1)."""
BEST_MOS = 4.4
WORST_MOS = 1.0
CODEC_DELAY_MS = 10.0
"""EDGE X6: what packets of 20 ms take at the ends, besides network and jitter buffer."""


class PeerReports:
    """What the peer of a leg tells of the RTP that we send it."""

    __slots__ = ("_passed", "jitter_us", "lost", "rtt_us")

    def __init__(self) -> None:
        self.lost: int | None = None
        """Packets, never negative; None until the peer has told."""
        self.jitter_us: int | None = None
        self.rtt_us: int | None = None
        self._passed: dict[int, float] = {}

    def passed(self, sender_time: int, now: float) -> None:
        """Note that a sender report goes to the peer; `sender_time` is what answers name it by."""
        self._passed.pop(sender_time, None)
        self._passed[sender_time] = now
        if len(self._passed) > REPORTS_KEPT:
            del self._passed[next(iter(self._passed))]

    def take(self, block: ReportBlock, now: float) -> None:
        """Take what the peer reports of our stream."""
        self.lost = max(0, block.lost)
        if block.jitter <= LONGEST_JITTER:
            self.jitter_us = block.jitter * 1_000_000 // CLOCK_HZ
        passed_at = self._passed.get(block.last_report)
        if passed_at is not None:
            self.rtt_us = max(0, round(1_000_000 * (now - passed_at - block.delay / DELAY_HZ)))


class LegAccount:
    """What goes between a leg and its peer besides the RTP that comes, which Reception counts.

    No packet is counted on its way out: what came to the leg across is sent, but for what it
    withheld, and with what it was fed. Octets are without what SRTP adds.
    """

    __slots__ = (
        *("fed_bytes", "fed_packets", "peer", "rtcp_bytes", "rtcp_packets"),
        *("sent_rtcp_bytes", "sent_rtcp_packets", "withheld_bytes", "withheld_packets"),
    )

    def __init__(self) -> None:
        self.peer = PeerReports()
        self.rtcp_packets = 0
        self.rtcp_bytes = 0
        self.sent_rtcp_packets = 0
        self.sent_rtcp_bytes = 0
        self.withheld_packets = 0
        """RTP that came and went nowhere: a hold, an event that was not agreed on."""
        self.withheld_bytes = 0
        self.fed_packets = 0
        """RTP that the peer got from us and not from the leg across (EDGE D6)."""
        self.fed_bytes = 0

    def rtcp_came(self, packet: bytes, ssrc: int, now: float) -> None:
        """Take a packet of the peer; `ssrc` is that of the stream that it gets."""
        self.rtcp_packets += 1
        self.rtcp_bytes += len(packet)
        for block in blocks_in(packet):
            if block.ssrc == ssrc:
                self.peer.take(block, now)

    def rtcp_went(self, packet: bytes, now: float) -> None:
        """Note what the peer was sent."""
        self.sent_rtcp_packets += 1
        self.sent_rtcp_bytes += len(packet)
        named = sender_time(packet)
        if named is not None:
            self.peer.passed(named, now)

    def withheld(self, packet: bytes) -> None:
        """Count RTP that came and went nowhere."""
        self.withheld_packets += 1
        self.withheld_bytes += len(packet)

    def fed(self, packet: bytes) -> None:
        """Count RTP of our own that the peer got."""
        self.fed_packets += 1
        self.fed_bytes += len(packet)


def mos(rtt_us: int | None, jitter_us: int, loss: float) -> float:
    """Return what a listener would think of a call, from 1.0 to 4.4 (EDGE X6).

    `loss` is the lost share of the packets. A simplified E-model: delay and loss take from the best
    transmission factor R that there is with G.711; below 0 it would mean nothing.
    """
    delay_ms = (rtt_us or 0) / 2_000 + 2 * jitter_us / 1_000 + CODEC_DELAY_MS
    for_delay = delay_ms / 40 if delay_ms < 160 else (delay_ms - 120) / 10
    r = max(0.0, 93.2 - for_delay - 250 * loss)
    score = 1 + 0.035 * r + 7e-6 * r * (r - 60) * (100 - r)
    return round(min(BEST_MOS, max(WORST_MOS, score)), 2)


def side_quality(leg: LegStatistics, since: LegStatistics = LegStatistics()) -> SideQuality:  # noqa: B008 - an immutable NamedTuple
    """Return what went between a leg and its peer, by default since the session was opened.

    Loss stays that of the whole call (EDGE X4); the MOS is that of the span, by the worse way.
    """
    received = leg.packets - since.packets
    sent = leg.sent_packets - since.sent_packets
    return SideQuality(
        received=StreamQuality(
            rtp_packets=received,
            rtp_bytes=leg.bytes - since.bytes,
            rtcp_packets=leg.rtcp_packets - since.rtcp_packets,
            rtcp_bytes=leg.rtcp_bytes - since.rtcp_bytes,
            packets_lost=leg.lost,
            jitter_us=leg.jitter_us if leg.packets else None,
        ),
        sent=StreamQuality(
            rtp_packets=sent,
            rtp_bytes=leg.sent_bytes - since.sent_bytes,
            rtcp_packets=leg.sent_rtcp_packets - since.sent_rtcp_packets,
            rtcp_bytes=leg.sent_rtcp_bytes - since.sent_rtcp_bytes,
            packets_lost=leg.peer_lost,
            jitter_us=leg.peer_jitter_us,
        ),
        rtt_us=leg.rtt_us,
        mos=_mos_of(leg, since, received, sent) if received or sent else None,
    )


def _mos_of(leg: LegStatistics, since: LegStatistics, received: int, sent: int) -> float:
    lost = max(0, leg.lost - since.lost)
    peer_lost = max(0, (leg.peer_lost or 0) - (since.peer_lost or 0))
    loss = max(_share(lost, received + lost), _share(peer_lost, sent))
    jitter_us = max(leg.jitter_us, leg.peer_jitter_us or 0)
    return mos(leg.rtt_us, jitter_us, loss)


def _share(lost: int, expected: int) -> float:
    return min(1.0, lost / expected) if expected > 0 else 0.0
