"""Reads capture files back, and refuses what no capture program would have written."""

import struct
from ipaddress import IPv4Address
from typing import NamedTuple

from edge.flow import Address

_MAGIC = 0xA1B2C3D4
_LINKTYPE_RAW = 101


class Packet(NamedTuple):
    """One UDP packet of a file."""

    at: float
    source: Address
    destination: Address
    data: bytes


def packets_in(file: bytes) -> list[Packet]:
    """Return the packets of a whole file; fails on anything odd."""
    magic, major, minor, zone, accuracy, longest, link = struct.unpack_from("<IHHiIII", file)
    assert (magic, major, minor, zone, accuracy) == (_MAGIC, 2, 4, 0, 0)
    assert (longest, link) == (65_535, _LINKTYPE_RAW)
    return records_in(file[24:])


def records_in(records: bytes) -> list[Packet]:
    """Return the packets of records without a file's header."""
    found, position = [], 0
    while position < len(records):
        seconds, microseconds, length, original = struct.unpack_from("<IIII", records, position)
        assert microseconds < 1_000_000 and length == original
        packet = records[position + 16 : position + 16 + length]
        assert len(packet) == length, "the file is cut off"
        found.append(_packet(seconds + microseconds / 1e6, packet))
        position += 16 + length
    return found


def _packet(at: float, packet: bytes) -> Packet:
    first, _, total, _, fragment, hops, protocol = struct.unpack_from("!BBHHHBB", packet)
    assert (first, total, fragment, protocol) == (0x45, len(packet), 0x4000, 17) and hops
    assert _sum(packet[:20]) == 0xFFFF, "the checksum of RFC 791 §3.1"
    source_port, destination_port, length, _ = struct.unpack_from("!HHHH", packet, 20)
    assert length == len(packet) - 20
    hosts = (str(IPv4Address(packet[12:16])), str(IPv4Address(packet[16:20])))
    return Packet(at, (hosts[0], source_port), (hosts[1], destination_port), packet[28:])


def _sum(header: bytes) -> int:
    total: int = sum(struct.unpack("!10H", header))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return total
