"""Messages between our own processes arrive whole, once and in order, or the channel is closed."""

import socket
import tracemalloc
from typing import TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.runtime.channel import CONGESTED_BYTES, READ_BYTES, Channel

pytestmark = pytest.mark.sockets

Message: TypeAlias = tuple[int, bytes]


def pair(**limits: int) -> tuple[Channel[Message, Message], Channel[Message, Message]]:
    left, right = socket.socketpair()
    return Channel(left, **limits), Channel(right, **limits)


def states(channel: Channel[Message, Message]) -> tuple[bool, bool, bool]:
    """Closed, wants to write, congested: read anew each time, which mypy's narrowing forgets."""
    return channel.closed, channel.wants_to_write, channel.congested


def raw_pair() -> tuple[socket.socket, Channel[Message, Message]]:
    left, right = socket.socketpair()
    return left, Channel(right)


def frame_of(messages: list[Message]) -> bytes:
    left, right = socket.socketpair()
    with right:
        sender: Channel[Message, Message] = Channel(left)
        for message in messages:
            sender.send(message)
        assert sender.flush()
        sender.close()
        return right.recv(1 << 20)


def test_messages_of_one_turn_arrive_together_and_in_order() -> None:
    here, there = pair()
    here.send((1, b"one"))
    here.send((2, b"two"))
    assert there.receive() == []
    assert states(here) == (False, True, False)
    assert here.flush()
    assert states(here) == (False, False, False)
    assert there.receive() == [(1, b"one"), (2, b"two")]
    assert there.receive() == []
    here.close()
    there.close()


def test_both_directions_are_independent() -> None:
    here, there = pair()
    here.send((1, b"ping"))
    there.send((2, b"pong"))
    assert here.flush() and there.flush()
    assert here.receive() == [(2, b"pong")]
    assert there.receive() == [(1, b"ping")]
    here.close()
    there.close()


@given(
    turns=st.lists(
        st.lists(st.tuples(st.integers(), st.binary(max_size=40)), min_size=1, max_size=4),
        max_size=5,
    ),
    cuts=st.lists(st.integers(min_value=1, max_value=60), min_size=1, max_size=10),
)
def test_framing_is_independent_of_chunking(turns: list[list[Message]], cuts: list[int]) -> None:
    stream = b"".join(frame_of(turn) for turn in turns)
    writer, reader = raw_pair()
    with writer:
        received, position, cut = [], 0, 0
        while position < len(stream):
            size = cuts[cut % len(cuts)]
            writer.sendall(stream[position : position + size])
            received += reader.receive()
            position, cut = position + size, cut + 1
    assert received == [message for turn in turns for message in turn]
    assert reader.receive() == [] and reader.closed


def test_end_of_stream_is_reported_after_what_came_before_it() -> None:
    here, there = pair()
    here.send((7, b"last words"))
    here.flush()
    here.close()
    received = there.receive() + there.receive()
    assert received == [(7, b"last words")]
    assert there.closed and there.fileno() == -1
    there.send((8, b"into the void"))
    assert there.flush() and not there.wants_to_write
    assert there.receive() == []


def test_writing_to_a_vanished_peer_closes_the_channel() -> None:
    here, there = pair()
    there.close()
    here.send((1, b""))
    assert here.flush()
    assert here.closed


def test_a_full_socket_is_no_loss_but_back_pressure() -> None:
    here, there = pair()
    count = 3 * CONGESTED_BYTES // 1024
    for number in range(count):
        here.send((number, bytes(1024)))
    assert not here.flush()
    assert states(here) == (False, True, True)
    received: list[Message] = []
    while len(received) < count:
        here.flush()
        received += there.receive()
    assert [number for number, _ in received] == list(range(count))
    assert states(here) == (False, False, False)
    here.close()
    there.close()


@pytest.mark.parametrize(("payload", "closes"), [(3_000, False), (60_000, True)])
def test_a_peer_too_far_behind_is_given_up(payload: int, closes: bool) -> None:
    here, there = pair(longest_backlog_bytes=50_000)
    here.send((1, bytes(payload)))
    here.flush()
    assert here.closed is closes
    here.close()
    there.close()


def test_what_is_no_frame_closes_the_channel() -> None:
    writer, reader = raw_pair()
    with writer:
        writer.sendall(b"\xff\xff\xff\xff")
        assert reader.receive() == []
        assert reader.closed


def test_receiving_takes_no_more_memory_than_what_comes() -> None:  # EDGE X9: nor leaves holes
    sender, receiver = pair()
    tracemalloc.start()
    try:
        for number in range(3):
            sender.send((number, b"x"))
            sender.flush()
            tracemalloc.reset_peak()
            before, _ = tracemalloc.get_traced_memory()
            assert receiver.receive() == [(number, b"x")]
            _, peak = tracemalloc.get_traced_memory()
            assert peak - before < READ_BYTES / 4
    finally:
        tracemalloc.stop()
    sender.close()
    receiver.close()
