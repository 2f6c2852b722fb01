"""Port pairs are bound ahead, even and odd, used once and rested (EDGE Q1)."""

import socket

import pytest

from edge.runtime.media_ports import PortPool

pytestmark = pytest.mark.sockets
HOST = "127.0.0.9"


def pool(first: int, last: int, rest_s: float = 5.0) -> PortPool:
    return PortPool(HOST, first, last, rest_s)


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        (40000, 40001, {40000}),
        (40000, 40002, {40000}),
        (40000, 40003, {40000, 40002}),
        (39999, 40003, {40000, 40002}),
    ],
)
def test_pairs_are_even_and_odd_inside_the_range(first: int, last: int, expected: set[int]) -> None:
    ports = pool(first, last)
    assert set(ports.bind(100)) == expected
    assert ports.idle == len(expected)
    assert ports.bind(100) == ()
    pair = ports.take(40000)
    assert pair is not None
    assert pair.rtp.getsockname() == (HOST, 40000)
    assert pair.rtcp.getsockname() == (HOST, 40001)
    pair.close()
    ports.close()


def test_a_port_is_used_once_and_rests() -> None:
    ports = pool(40000, 40001, rest_s=5.0)
    assert ports.bind(1) == (40000,)
    pair = ports.take(40000)
    assert pair is not None and ports.take(40000) is None
    ports.give_back(pair, now=100.0)
    assert pair.rtp.fileno() == -1 and pair.rtcp.fileno() == -1
    for now, bound in ((104.9, ()), (105.0, (40000,))):
        ports.end_rests(now)
        assert ports.bind(1) == bound
    ports.close()


def test_ports_of_a_predecessor_rest_before_they_are_bound() -> None:  # A8
    ports = pool(40000, 40005, rest_s=5.0)
    ports.rest((40002, 40004, 50000), now=100.0)
    assert ports.bind(10) == (40000,)
    for now, bound in ((104.9, set()), (105.0, {40002, 40004})):
        ports.end_rests(now)
        assert set(ports.bind(10)) == bound
    ports.close()


@pytest.mark.parametrize("taken", [40000, 40001])
def test_ports_of_others_are_passed_over_until_they_are_free(taken: int) -> None:
    ports = pool(40000, 40003)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind((HOST, taken))
        assert ports.bind(2) == (40002,)
        assert ports.bind(2) == ()
    assert ports.bind(2) == (40000,)
    ports.close()


def test_the_order_is_random() -> None:
    orders = set()
    for _ in range(3):
        ports = pool(40000, 40199)
        orders.add(ports.bind(20))
        ports.close()
    assert len(orders) == 3
