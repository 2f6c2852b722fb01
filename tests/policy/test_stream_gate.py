"""Who may open stream connections: counted, banned, slowed down (EDGE W4, S2, S9)."""

import pytest

from edge.flow import Address, Transport
from edge.policy.stream_gate import MOST_BANS, StreamGate, StreamLimits

PBX: Address = ("192.0.2.7", 40_000)
STRANGER: Address = ("203.0.113.99", 40_000)
LIMITS = StreamLimits()


def test_the_limits_are_those_of_the_specification() -> None:
    assert (LIMITS.per_source, LIMITS.connections, LIMITS.unsent_bytes) == (
        32,
        4_000,
        262_144,
    )  # W4
    assert (LIMITS.handshake_s, LIMITS.first_message_s, LIMITS.message_s) == (5, 10, 30)  # W4
    assert (LIMITS.idle_s, LIMITS.connect_s) == (900, 3)  # EDGE W4, F4
    assert (LIMITS.handshakes_per_s, LIMITS.handshakes_per_stranger_s) == (20, 2)  # EDGE S9


def gate(limits: StreamLimits = LIMITS) -> StreamGate:
    return StreamGate(limits, lambda remote: remote[0] == PBX[0])


@pytest.mark.parametrize("remote", [PBX, STRANGER], ids=["listed", "stranger"])
def test_a_source_has_32_connections_and_no_more(remote: Address) -> None:  # EDGE W4
    door = gate()
    opened = [door.opens(remote, Transport.TCP, 0.0) for _ in range(LIMITS.per_source + 1)]
    assert opened == [True] * 32 + [False]
    assert door.opens(("192.0.2.200", 1), Transport.TCP, 0.0)
    door.closed(remote[0])
    assert door.opens(remote, Transport.TCP, 0.0)
    assert not door.opens(remote, Transport.TCP, 0.0)


def test_the_node_has_an_end_and_refuses_the_newest() -> None:  # EDGE W4
    door = gate(StreamLimits(connections=3))
    assert [door.opens((f"192.0.2.{n}", 1), Transport.TCP, 0.0) for n in range(4)] == [
        *(True, True, True, False)
    ]
    assert door.is_full
    door.closed("192.0.2.0")
    door.opened("192.0.2.9")  # one of our own counts as well
    assert not door.opens(PBX, Transport.TCP, 0.0)


def test_a_banned_address_comes_back_when_its_time_is_over() -> None:  # EDGE S2
    door = gate()
    door.ban(STRANGER[0], 60.0, 0.0)
    assert not door.opens(STRANGER, Transport.TCP, 59.9)
    assert door.opens(PBX, Transport.TCP, 59.9)
    assert door.opens(STRANGER, Transport.TCP, 60.0)


def test_bans_are_bounded_and_the_oldest_is_forgotten() -> None:  # EDGE S2
    door = gate()
    for number in range(MOST_BANS + 1):
        door.ban(f"2001:db8::{number:x}", 60.0, 0.0)
    assert door.opens(("2001:db8::0", 1), Transport.TCP, 1.0)
    assert not door.opens(("2001:db8::1", 1), Transport.TCP, 1.0)
    assert not door.opens((f"2001:db8::{MOST_BANS:x}", 1), Transport.TCP, 1.0)


def shaken(door: StreamGate, remotes: list[Address], now: float) -> int:
    return sum([door.opens(remote, Transport.TLS, now) for remote in remotes])


def test_a_stranger_gets_two_tls_handshakes_a_second() -> None:  # EDGE S9
    door = gate()
    assert shaken(door, [STRANGER] * 5, 0.0) == 2
    assert shaken(door, [STRANGER] * 5, 1.0) == 2
    assert door.opens(STRANGER, Transport.TCP, 1.0)


def test_the_node_shakes_twenty_hands_a_second() -> None:  # EDGE S9
    assert shaken(gate(), [PBX] * 25, 0.0) == 20


def test_strangers_from_everywhere_leave_half_of_the_handshakes_to_customers() -> None:  # EDGE S9
    door = gate()
    strangers = [(f"203.0.113.{n}", 1) for n in range(100)]
    assert shaken(door, strangers, 0.0) == 10
    assert shaken(door, [PBX] * 15, 0.0) == 10


def test_a_connection_that_may_not_shake_hands_is_not_counted() -> None:
    door = gate(StreamLimits(per_source=3))
    assert shaken(door, [STRANGER] * 5, 0.0) == 2
    assert door.opens(STRANGER, Transport.TCP, 0.0)
    assert not door.opens(STRANGER, Transport.TCP, 0.0)
