"""RTP packets on the wire: the header, and the few rewritings that a relay may do (RFC 3550 §5.1).

Sequence numbers and timestamps stay in the units of the wire: 16 and 32 bits, 8000 Hz.
"""

from struct import Struct
from typing import NamedTuple

HEADER = Struct("!HHLL")
"""Version, padding, extension, CSRC count, marker and payload type; sequence; timestamp; SSRC."""
HEADER_BYTES = 12
LONGEST_BYTES = 1500
"""EDGE Q6; a longer datagram is no RTP of ours."""
LONGEST_PAYLOAD_BYTES = 480
"""Of audio: 60 ms at 64 kbit/s, which PCMU and G.722 both have (EDGE SD6)."""
SEQUENCES = 1 << 16
VERSION_AND_TYPE = 0xC07F
"""Mask of the header's first word that leaves version and payload type."""
VERSION_2 = 0x8000
MARKER = 0x80
CLOCK_HZ = 8000
"""Of PCMU, of G.722 (RFC 3551 §4.5.2) and of the telephone-events beside them."""
HIGHEST_EVENT = 15
"""DTMF digits 0-9, *, #, A-D (RFC 4733 §3.2)."""


class RtpHeader(NamedTuple):
    """The fixed header fields that a relay looks at."""

    payload_type: int
    sequence: int
    timestamp: int
    ssrc: int


class Shift(NamedTuple):
    """How a stream whose source has switched is made to continue the earlier one (EDGE SD5)."""

    ssrc: int
    """The SSRC that the receiver knows."""
    sequence: int
    """Added to each sequence number."""
    timestamp: int
    """Added to each timestamp, clock units."""


def parse(data: bytes) -> RtpHeader | None:
    """Return the header of a packet; None when version or length are wrong."""
    if not HEADER_BYTES <= len(data) <= LONGEST_BYTES:
        return None
    word, sequence, timestamp, ssrc = HEADER.unpack_from(data)
    if word & 0xC000 != VERSION_2:
        return None
    return RtpHeader(word & 0x7F, sequence, timestamp, ssrc)


def sequence_of(packet: bytes) -> int:
    """Return a packet's sequence number."""
    return packet[2] << 8 | packet[3]


def payload_start(data: bytes) -> int:
    """Return where CSRCs and header extension end; beyond the end of a packet that is cut short."""
    start = HEADER_BYTES + 4 * (data[0] & 0x0F)
    if data[0] & 0x10:
        start += 4 + 4 * int.from_bytes(data[start + 2 : start + 4], "big")
    return start


def payload_of(data: bytes) -> bytes:
    """Return the octets behind CSRCs and header extension; empty when the packet is cut short."""
    return data[payload_start(data) :]


def is_dtmf(payload: bytes) -> bool:
    """Tell whether a telephone-event payload is one of the sixteen DTMF events (EDGE V1)."""
    return len(payload) >= 4 and payload[0] <= HIGHEST_EVENT


def rewritten(
    data: bytes, payload_type: int, shift: Shift | None = None, *, marked: bool = False
) -> bytes:
    """Return a packet with another payload type and, for a switched source, a shifted header."""
    second = data[1] & MARKER | payload_type | (MARKER if marked else 0)
    if shift is None:
        return b"%c%c%b" % (data[0], second, data[2:])
    word, sequence, timestamp, _ = HEADER.unpack_from(data)
    return (
        HEADER.pack(
            word & 0xFF00 | second,
            (sequence + shift.sequence) & 0xFFFF,
            (timestamp + shift.timestamp) & 0xFFFFFFFF,
            shift.ssrc,
        )
        + data[HEADER_BYTES:]
    )
