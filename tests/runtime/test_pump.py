"""A channel on an event loop: one write per turn, no lost end."""

import asyncio
import socket

import pytest
import uvloop

from edge.runtime.channel import CONGESTED_BYTES, Channel
from edge.runtime.pump import Pump
from tests.runtime.scripted import until

pytestmark = pytest.mark.sockets


class End:
    """One end of a pair with a pump, and what it has heard."""

    def __init__(self, sock: socket.socket) -> None:
        self.batches: list[list[int]] = []
        self.ended = 0
        self.pump: Pump[int, int] = Pump(
            Channel(sock),
            loop=asyncio.get_running_loop(),
            on_messages=self.batches.append,
            on_closed=self._on_closed,
        )

    def _on_closed(self) -> None:
        self.ended += 1


def test_messages_of_one_turn_travel_together() -> None:
    async def run() -> None:
        here, there = (End(sock) for sock in socket.socketpair())
        for number in range(3):
            here.pump.send(number)
        await until(lambda: there.batches)
        assert there.batches == [[0, 1, 2]]
        here.pump.close()
        await until(lambda: there.ended)
        there.pump.close()
        assert (here.ended, there.ended) == (0, 1)

    uvloop.run(run())


def test_what_lingers_goes_with_the_next_that_does_not() -> None:
    async def run() -> None:
        here, there = (End(sock) for sock in socket.socketpair())
        here.pump.send(1, linger_s=60.0)
        here.pump.send(2, linger_s=60.0)
        await asyncio.sleep(0.02)
        assert there.batches == []
        here.pump.send(3)
        await until(lambda: there.batches)
        assert there.batches == [[1, 2, 3]]
        here.pump.close()
        there.pump.close()

    uvloop.run(run())


def test_what_lingers_goes_alone_when_nothing_comes() -> None:
    async def run() -> None:
        here, there = (End(sock) for sock in socket.socketpair())
        here.pump.send(1, linger_s=0.01)
        await until(lambda: there.batches)
        here.pump.send(2, linger_s=60.0)
        here.pump.close()
        await until(lambda: there.ended)
        assert there.batches == [[1], [2]]
        there.pump.close()

    uvloop.run(run())


def test_falling_behind_and_catching_up_are_told_once_each() -> None:  # A8
    async def run() -> None:
        ours, theirs = socket.socketpair()
        told: list[bool] = []
        pump: Pump[bytes, bytes] = Pump(
            Channel(ours),
            loop=asyncio.get_running_loop(),
            on_messages=lambda batch: None,
            on_closed=lambda: None,
            on_congestion=told.append,
        )
        for _ in range(2 * CONGESTED_BYTES // 65_536):
            pump.send(bytes(65_536))
            await asyncio.sleep(0)
        assert told == [True]
        reader: Channel[bytes, bytes] = Channel(theirs)

        def has_read_all() -> bool:
            reader.receive()
            return told == [True, False]

        await until(has_read_all)
        pump.close()
        reader.close()

    uvloop.run(run())


def test_what_was_sent_before_closing_arrives() -> None:
    async def run() -> None:
        here, there = (End(sock) for sock in socket.socketpair())
        here.pump.send(1)
        here.pump.close()
        await until(lambda: there.ended)
        assert there.batches == [[1]]
        there.pump.close()

    uvloop.run(run())


def test_more_than_the_socket_takes_goes_out_bit_by_bit() -> None:
    async def run() -> None:
        near, far = socket.socketpair()
        here = End(near)
        count = 400_000
        for number in range(count):
            here.pump.send(number)
        await asyncio.sleep(0.02)
        there = End(far)
        await until(lambda: there.batches)
        assert sum(map(len, there.batches)) == count
        here.pump.close()
        there.pump.close()

    uvloop.run(run())


def test_a_peer_that_dies_with_unread_messages_is_noticed() -> None:
    # The kernel reports EPOLLERR then, not a plain end of the stream.
    async def run() -> None:
        near, far = socket.socketpair()
        here = End(near)
        here.pump.send(1)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        far.close()
        await until(lambda: here.ended)
        assert here.ended == 1
        here.pump.send(2)
        await asyncio.sleep(0)
        here.pump.close()

    uvloop.run(run())
