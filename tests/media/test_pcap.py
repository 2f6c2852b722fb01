"""Capture files: what is written is what a reader finds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.flow import Address
from edge.media import capture, pcap
from edge.media.capture import Capture
from tests.support.pcap import Packet, packets_in, records_in

EDGE, PEER = ("198.51.100.10", 5060), ("192.0.2.7", 40_000)
HOSTS = st.ip_addresses(v=4).map(str)
ADDRESSES = st.tuples(HOSTS, st.integers(0, 65_535))
MOMENTS = st.integers(0, 2**32 * 1_000_000 - 1).map(lambda microseconds: microseconds / 1e6)


@given(MOMENTS, ADDRESSES, ADDRESSES, st.binary(max_size=2_000))
def test_a_record_holds_time_addresses_and_message(
    at: float, source: Address, destination: Address, message: bytes
) -> None:
    record = pcap.record(at, source, destination, message)
    (found,) = packets_in(pcap.FILE_HEADER + record)
    assert found[1:] == (source, destination, message)
    assert found.at == pytest.approx(at, abs=1e-5)


@given(st.lists(st.tuples(st.integers(0, 3), st.binary(max_size=4)), max_size=20))
def test_records_are_put_in_the_order_of_their_times(said: list[tuple[int, bytes]]) -> None:
    records = b"".join([pcap.record(at, PEER, EDGE, message) for at, message in said])
    found = [(it.at, it.data) for it in records_in(pcap.in_order(records))]
    assert found == sorted(said, key=lambda it: it[0])


def test_a_message_that_no_ip_packet_can_hold_is_cut() -> None:
    fits, not_quite = bytes(65_507), bytes(65_508)
    for message in (fits, not_quite):
        (found,) = records_in(pcap.record(1.0, PEER, EDGE, message))
        assert found.data == fits


def test_a_moment_that_rounds_up_is_in_the_next_second() -> None:
    (found,) = records_in(pcap.record(1.999_999_9, PEER, EDGE, b"x"))
    assert found.at == 2.0


def test_a_capture_shows_our_address_and_port_and_is_taken_once() -> None:
    noted = Capture("198.51.100.10", 1_000.0)
    noted.received(10_000, PEER, b"in", 1.5)
    noted.sent(10_002, PEER, b"out", 1.75)
    assert records_in(noted.take()) == [
        Packet(1_001.5, PEER, ("198.51.100.10", 10_000), b"in"),
        Packet(1_001.75, ("198.51.100.10", 10_002), PEER, b"out"),
    ]
    assert noted.take() == b""
    noted.received(10_000, PEER, b"more", 2.0)
    assert len(records_in(noted.take())) == 1


def test_a_flood_between_two_looks_is_bounded() -> None:
    noted, packet = Capture("198.51.100.10", 0.0), bytes(1_500)
    for _ in range(2_000):
        noted.received(10_000, PEER, packet, 1.0)
    size = len(noted.take())
    assert capture.MOST_BYTES <= size <= capture.MOST_BYTES + 1_544
    noted.received(10_000, PEER, packet, 2.0)
    assert len(records_in(noted.take())) == 1, "the next look begins anew"
