"""RTP and RTCP packets for tests."""

from struct import pack

FRAME = 160


def rtp(
    sequence: int,
    *,
    ssrc: int = 7,
    payload_type: int = 0,
    timestamp: int | None = None,
    marker: bool = False,
    payload: bytes = b"\x55" * FRAME,
) -> bytes:
    """Return a packet; its timestamp follows the sequence number unless given."""
    stamp = sequence * FRAME if timestamp is None else timestamp
    second = payload_type | (0x80 if marker else 0)
    return pack("!BBHLL", 0x80, second, sequence % 65536, stamp % 2**32, ssrc) + payload


def receiver_report(ssrc: int = 7) -> bytes:
    """Return a receiver report without blocks."""
    return pack("!BBHL", 0x80, 201, 1, ssrc)
