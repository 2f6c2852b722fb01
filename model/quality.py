"""How the media of a call went, direction by direction, in the words of AWS's metrics (EDGE X2).

Four directions: the customer's peer to us and back, the remote party's peer to us and back. On-net
each customer sees the other one as the remote party.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from model.codec import AttributeValue, Item, Plain, decode, mapping, moment, moment_text, sequence

_STREAM_SUFFIXES = (
    *("RtpPackets", "RtpBytes", "RtcpPackets", "RtcpBytes"),
    *("PacketsLost", "Jitter"),
)
"""Of the metrics of a direction, in the order of StreamQuality."""
_STREAM_NUMBERS = len(_STREAM_SUFFIXES)


class StreamQuality(NamedTuple):
    """RTP and RTCP in one direction between us and one peer."""

    rtp_packets: int
    rtp_bytes: int
    """With headers, without what SRTP adds."""
    rtcp_packets: int
    rtcp_bytes: int
    packets_lost: int | None
    """Since the call began, in the figures of a single minute too; None when nobody has told."""
    jitter_us: int | None
    """As it was last, None when there was nothing to measure."""


class SideQuality(NamedTuple):
    """What went between us and one peer."""

    received: StreamQuality
    sent: StreamQuality
    """Loss and jitter are those that the peer reports."""
    rtt_us: int | None
    """Round trip, None when the peer's RTCP does not tell."""
    mos: float | None
    """1.0 to 4.4 (EDGE X6), None when no RTP went either way."""


class CallQuality(NamedTuple):
    """The media of one customer's call: of a minute, or from its beginning."""

    measured_at: datetime
    """UTC."""
    customer: SideQuality
    remote: SideQuality

    def members(self) -> dict[str, int | float]:
        """Return the figures by the names of the metrics, jitter and RTT in microseconds (X2)."""
        members: dict[str, int | float | None] = {}
        for name, side in (("Customer", self.customer), ("Remote", self.remote)):
            for way, stream in ((f"{name}ToVc", side.received), (f"VcTo{name}", side.sent)):
                members |= _named(way, stream)
            members[f"RTTBetweenVcAnd{name}"] = side.rtt_us
            members[f"MOSBetweenVcAnd{name}"] = side.mos
        return {name: value for name, value in members.items() if value is not None}


def _named(way: str, stream: StreamQuality) -> Iterator[tuple[str, int | None]]:
    """Yield the figures of a direction by the names of their metrics."""
    return zip((way + suffix for suffix in _STREAM_SUFFIXES), stream, strict=True)


def quality_members(quality: CallQuality) -> dict[str, Plain]:
    """Return the attribute `quality` of a call's item, its figures in the order of the values.

    Without names, because an item is written every minute and by the kilobyte.
    """
    return {
        "at": moment_text(quality.measured_at),
        "customer": _figures(quality.customer),
        "remote": _figures(quality.remote),
    }


def quality_from(value: AttributeValue) -> CallQuality:
    """Return what the attribute `quality` holds; raises KeyError or ValueError if damaged."""
    members = mapping(value)
    return CallQuality(
        measured_at=moment(members["at"]),
        customer=_side_from(members["customer"]),
        remote=_side_from(members["remote"]),
    )


def optional_quality(item: Item) -> CallQuality | None:
    """Return the quality of a call's item, None when it has none (yet)."""
    return quality_from(item["quality"]) if "quality" in item else None


def _figures(side: SideQuality) -> list[Plain]:
    return [*side.received, *side.sent, side.rtt_us, side.mos]


def _side_from(value: AttributeValue) -> SideQuality:
    figures = [decode(member) for member in sequence(value)]
    if len(figures) != 2 * _STREAM_NUMBERS + 2:
        raise ValueError(f"{len(figures)} figures are no side of a call")
    rtt, mos = figures[2 * _STREAM_NUMBERS :]
    return SideQuality(
        received=_stream_from(figures[:_STREAM_NUMBERS]),
        sent=_stream_from(figures[_STREAM_NUMBERS : 2 * _STREAM_NUMBERS]),
        rtt_us=_optional_whole(rtt),
        mos=float(mos) if isinstance(mos, int | float) else None,
    )


def _stream_from(figures: list[Plain]) -> StreamQuality:
    packets, size, rtcp_packets, rtcp_size, lost, jitter = map(_optional_whole, figures)
    return StreamQuality(
        rtp_packets=packets or 0,
        rtp_bytes=size or 0,
        rtcp_packets=rtcp_packets or 0,
        rtcp_bytes=rtcp_size or 0,
        packets_lost=lost,
        jitter_us=jitter,
    )


def _optional_whole(figure: Plain) -> int | None:
    return figure if isinstance(figure, int) else None
