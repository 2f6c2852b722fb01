"""RTCP as it crosses the relay: reports pass, what tells about the sender does not (EDGE V3)."""

from collections.abc import Iterator
from struct import Struct

HEADER = Struct("!BBH")
LONGEST_BYTES = 1500
SHORTEST_BYTES = 8

SENDER_REPORT = 200
RECEIVER_REPORT = 201
SOURCE_DESCRIPTION = 202
GOODBYE = 203
CNAME = 1


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
