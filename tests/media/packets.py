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


def receiver_report(ssrc: int = 7, *blocks: bytes) -> bytes:
    """Return a receiver report."""
    body = b"".join(blocks)
    return pack("!BBHL", 0x80 | len(blocks), 201, 1 + len(body) // 4, ssrc) + body


def sender_report(ssrc: int = 7, *blocks: bytes, ntp: int = 0) -> bytes:
    """Return a sender report; `ntp` is its time in 1/2^32 s."""
    body = pack("!LQLLL", ssrc, ntp, 160, 1, 160) + b"".join(blocks)
    return pack("!BBH", 0x80 | len(blocks), 200, len(body) // 4) + body


def report_block(
    ssrc: int = 7, *, lost: int = 0, jitter: int = 0, last_report: int = 0, delay: int = 0
) -> bytes:
    """Return what a receiver tells of one stream."""
    return pack("!LLLLLL", ssrc, lost & 0xFFFFFF, 0, jitter, last_report, delay)


def goodbye(ssrc: int = 7) -> bytes:
    """Return a BYE of one stream."""
    return pack("!BBHL", 0x81, 203, 1, ssrc)
