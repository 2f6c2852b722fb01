"""RTCP as it crosses the relay: reports pass, what tells about the sender does not (EDGE V3).

What the reports say is read on their way (RFC 3550 §6.4).
"""

from collections.abc import Iterator
from struct import Struct
from typing import NamedTuple

HEADER = Struct("!BBH")
REPORT_BLOCK = Struct("!6L")
"""SSRC, fraction and number lost, highest sequence number, jitter, last SR, delay since it."""
SENDER_BYTES = 28
"""Of a sender report before its blocks; those of a receiver report begin after its SSRC."""
RECEIVER_BYTES = 8
SENDER_TIME = slice(10, 14)
"""The middle of the eight octets of NTP time that a sender report has from its ninth octet on."""
LONGEST_BYTES = 1500
SHORTEST_BYTES = 8

SENDER_REPORT = 200
RECEIVER_REPORT = 201
SOURCE_DESCRIPTION = 202
GOODBYE = 203
CNAME = 1


class ReportBlock(NamedTuple):
    """What a receiver tells of one stream (RFC 3550 §6.4.1)."""

    ssrc: int
    lost: int
    """Of all packets so far; negative when more came than were sent, as with duplicates."""
    jitter: int
    """Clock units."""
    last_report: int
    """Middle 32 bits of the NTP time of the last sender report that came; 0 for none."""
    delay: int
    """Since that report came, in 1/65536 s."""


def blocks_in(data: bytes) -> list[ReportBlock]:
    """Return the blocks of all reports of a compound packet."""
    found = []
    for kind, count, packet in _packets(data):
        if packet is None or kind not in (SENDER_REPORT, RECEIVER_REPORT):
            continue
        start = SENDER_BYTES if kind == SENDER_REPORT else RECEIVER_BYTES
        end = min(len(packet), start + count * REPORT_BLOCK.size)
        for position in range(start, end - REPORT_BLOCK.size + 1, REPORT_BLOCK.size):
            ssrc, losses, _, jitter, last, delay = REPORT_BLOCK.unpack_from(packet, position)
            lost = losses & 0xFFFFFF
            lost -= (lost & 0x800000) << 1
            found.append(ReportBlock(ssrc, lost, jitter, last, delay))
    return found


def sender_time(data: bytes) -> int | None:
    """Return the middle 32 bits of the NTP time of a compound packet's sender report."""
    for kind, _, packet in _packets(data):
        if packet is not None and kind == SENDER_REPORT and len(packet) >= SENDER_BYTES:
            return int.from_bytes(packet[SENDER_TIME], "big")
    return None


def passed_on(data: bytes) -> bytes | None:
    """Return the compound packet for the other leg, None when it is no RTCP (RFC 3550 §6).

    Reports keep SSRCs and times. A source description is reduced to a CNAME made of its SSRC and a
    BYE to its SSRCs, so that no name or address crosses; every other type is left out, so that the
    result may be empty.
    """
    if not SHORTEST_BYTES <= len(data) <= LONGEST_BYTES:
        return None
    parts: list[bytes] = []
    for kind, count, packet in _packets(data):
        if packet is None:
            return None
        if kind in (SENDER_REPORT, RECEIVER_REPORT):
            parts.append(packet)
        elif kind == SOURCE_DESCRIPTION:
            parts.append(_anonymous(packet, count))
        elif kind == GOODBYE:
            parts.append(_packet(GOODBYE, count, packet[4 : 4 + 4 * count]))
    return b"".join(parts)


def _packets(data: bytes) -> Iterator[tuple[int, int, bytes | None]]:
    """Yield type, count and octets of each packet; None for one that is broken, which is last."""
    position = 0
    while position < len(data):
        if len(data) - position < HEADER.size:
            yield 0, 0, None
            return
        first, kind, words = HEADER.unpack_from(data, position)
        end = position + 4 + 4 * words
        if first >> 6 != 2 or not SENDER_REPORT <= kind <= 207 or end > len(data):
            yield kind, 0, None
            return
        yield kind, first & 0x1F, data[position:end]
        position = end


def _anonymous(packet: bytes, count: int) -> bytes:
    """Return a source description with one CNAME for each SSRC of the given one."""
    chunks = b""
    position = 4
    for _ in range(count):
        ssrc = packet[position : position + 4]
        if len(ssrc) < 4:
            break
        name = ssrc.hex().encode()
        chunks += ssrc + bytes((CNAME, len(name))) + name + b"\0\0"
        position = _end_of_chunk(packet, position + 4)
    return _packet(SOURCE_DESCRIPTION, len(chunks) // 16, chunks)


def _end_of_chunk(packet: bytes, position: int) -> int:
    """Skip items up to the null octet and its padding (RFC 3550 §6.5)."""
    while position + 1 < len(packet) and packet[position]:
        position += 2 + packet[position + 1]
    return (position // 4 + 1) * 4


def _packet(kind: int, count: int, body: bytes) -> bytes:
    """Return a packet of SSRCs or chunks; nothing at all when there is none."""
    if not body:
        return b""
    count = min(count, len(body) // 4)
    return HEADER.pack(0x80 | count, kind, len(body) // 4) + body
