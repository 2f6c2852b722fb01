"""Capture files as Wireshark and tcpdump read them: the classic format of libpcap.

A record is a message with an IPv4 and a UDP header that are made here, also of what came over TCP
or TLS: what is recorded is the message in clear. Addresses, ports and times are the true ones. The
format is that of draft-ietf-opsawg-pcap.
"""

import struct
from functools import lru_cache
from ipaddress import IPv4Address

from edge.flow import Address

_LINKTYPE_RAW = 101
"""A record begins with its IP header."""
_LARGEST_IP_BYTES = 65_535
_HEADERS_BYTES = 28
_UDP = 17
_HOPS = 64
_NO_CHECKSUM = 0
"""RFC 768: the sender has computed none."""
_RECORD = struct.Struct("<IIII")
_IP = struct.Struct("!BBHHHBBH4s4s")
_UDP_HEADER = struct.Struct("!HHHH")

FILE_HEADER = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, _LARGEST_IP_BYTES, _LINKTYPE_RAW)
"""How a file begins: microseconds, little-endian."""


def record(at: float, source: Address, destination: Address, message: bytes) -> bytes:
    """Return the record of one message; `at` is in seconds since 1970, UTC.

    What an IP packet cannot hold of a message is left out.
    """
    message = message[: _LARGEST_IP_BYTES - _HEADERS_BYTES]
    seconds, microseconds = divmod(round(at * 1e6), 1_000_000)
    length = _HEADERS_BYTES + len(message)
    return b"".join(
        (
            _RECORD.pack(seconds, microseconds, length, length),
            _ip_header(length, _packed(source[0]), _packed(destination[0])),
            _UDP_HEADER.pack(source[1], destination[1], length - _IP.size, _NO_CHECKSUM),
            message,
        )
    )


def in_order(records: bytes) -> bytes:
    """Return whole records by their time; those of the same moment stay as they are."""
    found, position = [], 0
    while position < len(records):
        seconds, microseconds, length, _ = _RECORD.unpack_from(records, position)
        end = position + _RECORD.size + length
        found.append(((seconds, microseconds), records[position:end]))
        position = end
    found.sort(key=lambda it: it[0])
    return b"".join([record for _, record in found])


def _ip_header(length: int, source: bytes, destination: bytes) -> bytes:
    """RFC 791 §3.1, without options and never in fragments."""
    bare = _IP.pack(0x45, 0, length, 0, 0x4000, _HOPS, _UDP, 0, source, destination)
    total: int = sum(struct.unpack("!10H", bare))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return bare[:10] + (total ^ 0xFFFF).to_bytes(2, "big") + bare[12:]


@lru_cache(64)
def _packed(host: str) -> bytes:
    return IPv4Address(host).packed
