"""Media workers are started, shared out, watched and replaced."""

import asyncio
import os
import signal
import socket
from collections.abc import Awaitable, Callable

import pytest
import uvloop

from edge.media.session import (
    CloseSession,
    LegMedia,
    OpenSession,
    PayloadTypes,
    PortsLeased,
    SessionClosed,
    SessionId,
    SetLeg,
    Side,
)
from edge.media.srtp_leg import SrtpRules
from edge.runtime.media_workers import LINGER_S, MediaWorkers, port_shares
from edge.seam import MediaCongested, MediaLost, MediaReported
from model.settings import MediaSettings
from tests.runtime.processes import is_running
from tests.runtime.scripted import Lines, until

pytestmark = pytest.mark.sockets


def free_range(count: int) -> MediaSettings:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        first = min(sock.getsockname()[1], 65_000 - count)
    return MediaSettings(first_port=first, last_port=first + count, port_rest_s=0.1)


class World:
    """Running workers and what they have reported."""

    def __init__(self, count: int) -> None:
        self.heard: list[MediaReported | MediaLost | MediaCongested] = []
        self.log = Lines()
        self.workers = MediaWorkers(
            count=count,
            address="127.0.0.1",
            settings=free_range(400),
            srtp=SrtpRules(),
            loop=asyncio.get_running_loop(),
            feed=lambda *inputs: self.heard.extend(inputs),
            log=self.log,
        )

    def leased(self, worker: int) -> list[int]:
        """Return the ports that a worker has leased since it was last lost."""
        ports: list[int] = []
        for heard in self.heard:
            match heard:
                case MediaLost(number) if number == worker:
                    ports = []
                case MediaReported(number, PortsLeased(more)) if number == worker:
                    ports += more
        return ports


def in_world(count: int, test: Callable[[World], Awaitable[None]]) -> None:
    async def run() -> None:
        world = World(count)
        try:
            await asyncio.wait_for(world.workers.ready.wait(), 10.0)
            await test(world)
        finally:
            pids = world.workers.pids
            world.workers.close()
            assert not any(is_running(pid) for pid in pids)

    uvloop.run(run())


def test_workers_lease_disjoint_ports_and_obey_commands() -> None:
    async def test(world: World) -> None:
        assert not set(world.leased(0)) & set(world.leased(1))
        a_port, b_port = world.leased(1)[:2]
        session = SessionId(1)
        world.workers.command(1, OpenSession(session, a_port, b_port))
        world.workers.command(1, CloseSession(session))

        def closed() -> list[int]:
            return [
                it.worker
                for it in world.heard
                if isinstance(it, MediaReported) and isinstance(it.report, SessionClosed)
            ]

        await until(closed)
        assert closed() == [1]

    in_world(2, test)


def test_a_worker_that_dies_is_reported_once_and_replaced() -> None:
    # A8
    async def test(world: World) -> None:
        before = world.workers.pids
        os.kill(before[0], signal.SIGSTOP)
        # Unread commands in a dying child's socket make its end an error, not a plain end.
        world.workers.command(0, CloseSession(SessionId(9)))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        os.kill(before[0], signal.SIGKILL)
        await until(lambda: MediaLost(0) in world.heard)
        world.workers.command(0, CloseSession(SessionId(9)))
        await until(lambda: world.leased(0))
        assert world.heard.count(MediaLost(0)) == 1
        assert len(world.log.of("media-worker-lost")) == 1
        assert world.workers.pids[0] != before[0] and world.workers.pids[1] == before[1]

    in_world(2, test)


def test_ports_in_use_rest_when_their_worker_has_died() -> None:  # A8, EDGE Q1
    async def test(world: World) -> None:
        ports = world.leased(0)
        for number in range(3):
            pair = ports[2 * number : 2 * number + 2]
            world.workers.command(0, OpenSession(SessionId(number), *pair))
        world.workers.command(0, CloseSession(SessionId(2)))
        os.kill(world.workers.pids[0], signal.SIGKILL)
        await until(lambda: MediaLost(0) in world.heard)
        # All that may be had comes in one go; the rest of the others takes a tenth of a second.
        await until(lambda: world.leased(0))
        assert not set(world.leased(0)) & set(ports[:4])
        await until(lambda: set(ports[:4]) <= set(world.leased(0)))

    in_world(2, test)


def test_a_worker_that_does_not_take_its_commands_is_told_of_until_it_does() -> None:  # A8
    async def test(world: World) -> None:
        session, pid = SessionId(1), world.workers.pids[1]
        world.workers.command(1, OpenSession(session, *world.leased(1)[:2]))
        await asyncio.sleep(2 * LINGER_S)
        os.kill(pid, signal.SIGSTOP)
        try:
            legs = SetLeg(session, Side.A, a_leg(sources=200))
            while MediaCongested(1, True) not in world.heard:
                world.workers.command(1, legs)
                await asyncio.sleep(0)
        finally:
            os.kill(pid, signal.SIGCONT)
        await until(lambda: MediaCongested(1, False) in world.heard)
        assert [it["is_behind"] for it in world.log.of("media-worker-congested")] == [True, False]
        assert not [it for it in world.heard if isinstance(it, MediaCongested) and it.worker == 0]

    in_world(2, test)


def a_leg(sources: int) -> LegMedia:
    """Return a description of some size."""
    return LegMedia(
        remote=None,
        remote_rtcp=None,
        sources=tuple(f"10.0.{number}.0/24" for number in range(sources)),
        expects=PayloadTypes(),
        peer_expects=PayloadTypes(),
    )


@pytest.mark.parametrize(
    ("first", "last", "count", "shares"),
    [
        (10_000, 59_999, 1, [(10_000, 59_999)]),
        (10_000, 10_007, 2, [(10_000, 10_003), (10_004, 10_007)]),
        (10_001, 10_009, 2, [(10_002, 10_005), (10_006, 10_009)]),
        (10_000, 10_010, 2, [(10_000, 10_003), (10_004, 10_007)]),
    ],
)
def test_ports_are_shared_out_in_pairs(
    first: int, last: int, count: int, shares: list[tuple[int, int]]
) -> None:
    # EDGE Q1
    parts = port_shares(MediaSettings(first_port=first, last_port=last), count)
    assert [(part.first_port, part.last_port) for part in parts] == shares
