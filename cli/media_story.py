"""How a call's media is or was, in a few lines for people."""

from model.quality import CallQuality, SideQuality, StreamQuality


def media_lines(quality: CallQuality | None) -> list[str]:
    """Return what is known of a call's media, nothing when nothing is (EDGE X5, X6)."""
    if quality is None:
        return []
    return [
        "",
        f"Media:       {_summary('customer', quality.customer)}",
        *_ways("customer", quality.customer),
        f"             {_summary('other side', quality.remote)}",
        *_ways("other side", quality.remote),
    ]


def _summary(peer: str, side: SideQuality) -> str:
    if side.mos is None:
        return f"{peer}: no packet either way"
    rtt = "unknown, no RTCP tells" if side.rtt_us is None else _ms(side.rtt_us)
    return f"{peer}: MOS {side.mos:.2f} of 4.40, round trip {rtt}"


def _ways(peer: str, side: SideQuality) -> list[str]:
    return [
        f"               from {peer:<11} {_stream(side.received)}",
        f"               to {peer:<13} {_stream(side.sent)}",
    ]


def _stream(stream: StreamQuality) -> str:
    lost = "?" if stream.packets_lost is None else f"{stream.packets_lost:,}"
    jitter = "?" if stream.jitter_us is None else _ms(stream.jitter_us)
    return f"{stream.rtp_packets:,} packets, {lost} lost, jitter {jitter}"


def _ms(microseconds: int) -> str:
    return f"{microseconds / 1000:.1f} ms"
