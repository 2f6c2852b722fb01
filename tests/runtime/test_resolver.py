"""Names of the configuration: looked up ahead, filtered, kept when the name service fails."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest

from edge.directory import Directory, Service
from edge.runtime.dns_client import Answer, LookupFailedError
from edge.runtime.log import Field
from edge.runtime.resolver import MAX_NAMES, STALE_S, STARTS_PER_TURN, Resolver

PBX = "pbx.example"
SRV = "_sip._udp.pbx.example"


class Names:
    """A name service in memory."""

    def __init__(self) -> None:
        self.hosts: dict[str, Answer[str]] = {}
        self.records: dict[str, Answer[Service]] = {}
        self.is_away = False
        self.asked: Counter[str] = Counter()

    async def addresses(self, name: str) -> Answer[str]:
        self._ask(name)
        return self.hosts.get(name, Answer((), 0.0))

    async def services(self, name: str) -> Answer[Service]:
        self._ask(name)
        return self.records.get(name, Answer((), 0.0))

    def _ask(self, name: str) -> None:
        self.asked[name] += 1
        if self.is_away:
            raise LookupFailedError("no server answers")


class World:
    """A resolver with a clock that a test moves."""

    def __init__(self, *, private_addresses: bool = False) -> None:
        self.names = Names()
        self.now = 0.0
        self.reports: list[Directory] = []
        self.logged: list[tuple[str, Field]] = []
        self.resolver = Resolver(
            names=self.names,
            report=self.reports.append,
            log=lambda event, fields: self.logged.append((event, fields.get("name"))),
            private_addresses=private_addresses,
            monotonic=lambda: self.now,
        )
        self._wanted: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())

    @property
    def directory(self) -> Directory:
        return self.reports[-1]

    def want(self, *hosts: str, services: tuple[str, ...] = ()) -> None:
        self._wanted = (hosts, services)
        self.resolver.set_names(*self._wanted)

    async def pass_time(self, seconds: float) -> None:
        """Let time pass and everything happen that is due then."""
        self.now += seconds
        self.resolver.set_names(*self._wanted)
        await asyncio.sleep(0.15)

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(5):
            while not condition():
                await asyncio.sleep(0.001)


def play(script: Callable[[World], Awaitable[None]], *, private_addresses: bool = False) -> World:
    async def run() -> World:
        world = World(private_addresses=private_addresses)
        running = asyncio.create_task(world.resolver.run())
        await script(world)
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        return world

    return asyncio.run(run())


def test_all_addresses_of_a_name_are_reported_and_outlive_the_name_service() -> None:
    # EDGE W11: stale answers are kept for an hour
    async def script(world: World) -> None:
        world.names.hosts[PBX] = Answer(("198.51.100.7", "198.51.100.8"), 60.0)
        world.want(PBX)
        await world.until(lambda: bool(world.reports))
        world.names.is_away = True
        await world.pass_time(61.0)
        assert world.names.asked[PBX] == 2
        await world.pass_time(STALE_S - 62.0)
        assert world.directory.addresses == {PBX: ("198.51.100.7", "198.51.100.8")}
        await world.pass_time(62.0)
        assert world.directory.addresses == {}

    world = play(script)
    assert world.logged == [("name-unresolved", PBX)]


@pytest.mark.parametrize(("ttl", "kept_s"), [(0.0, 5.0), (42.0, 42.0), (86_400.0, 300.0)])
def test_an_answer_is_kept_for_its_time_within_bounds(ttl: float, kept_s: float) -> None:
    # EDGE W11: 5-300 s
    async def script(world: World) -> None:
        world.names.hosts[PBX] = Answer(("198.51.100.7",), ttl)
        world.want(PBX)
        await world.until(lambda: bool(world.reports))
        world.names.hosts[PBX] = Answer(("198.51.100.9",), ttl)
        await world.pass_time(kept_s - 0.1)
        assert world.names.asked[PBX] == 1
        await world.pass_time(0.2)
        assert world.directory.addresses == {PBX: ("198.51.100.9",)}

    play(script)


def test_a_name_that_does_not_exist_is_asked_for_ever_more_rarely() -> None:  # EDGE W11
    async def script(world: World) -> None:
        world.want(PBX)
        await world.until(lambda: world.names.asked[PBX] == 1)
        for wait_s, asked in ((0.9, 1), (0.2, 2), (1.8, 2), (0.3, 3)):
            await world.pass_time(wait_s)
            assert world.names.asked[PBX] == asked
        world.names.hosts[PBX] = Answer(("198.51.100.7",), 60.0)
        await world.pass_time(60.0)
        assert world.directory.addresses == {PBX: ("198.51.100.7",)}

    assert play(script).logged == [("name-unresolved", PBX)]


def test_private_and_metadata_answers_are_refused_unless_admitted() -> None:
    # EDGE S11, S12
    async def script(world: World) -> None:
        found = ("10.0.0.7", "169.254.169.254", "198.51.100.7")
        world.names.hosts[PBX] = Answer(found, 60.0)
        world.want(PBX)
        await world.until(lambda: bool(world.reports))

    world = play(script)
    assert world.directory.addresses == {PBX: ("198.51.100.7",)}
    assert world.logged == [("address-refused", PBX)]
    lab = play(script, private_addresses=True)
    assert lab.directory.addresses == {PBX: ("10.0.0.7", "198.51.100.7")}


def test_hosts_that_srv_records_name_are_looked_up_as_well() -> None:  # EDGE W11
    record = Service(1, 10, "a.example", 5070)

    async def script(world: World) -> None:
        world.names.records[SRV] = Answer((record,), 60.0)
        world.names.hosts["a.example"] = Answer(("198.51.100.7",), 60.0)
        world.want(services=(SRV,))
        await world.until(lambda: bool(world.reports) and bool(world.directory.addresses))
        assert world.directory.services == {SRV: (record,)}
        assert world.directory.addresses == {"a.example": ("198.51.100.7",)}
        # What a name stood for goes with the name.
        world.want()
        await world.until(lambda: world.directory == Directory({}, {}))

    play(script)


def test_records_that_are_not_known_yet_are_not_missing() -> None:  # EDGE W11
    async def script(world: World) -> None:
        world.names.is_away = True
        world.want(services=(SRV,))
        await world.until(lambda: bool(world.reports))
        assert world.directory.services == {SRV: ()}
        world.names.is_away = False
        await world.pass_time(60.0)
        # There are none: the host itself is called (RFC 3263 §4.2).
        assert world.directory.services == {}

    play(script)


def test_the_number_of_names_is_bounded() -> None:
    async def script(world: World) -> None:
        world.want(*[f"host{n:05}.example" for n in range(MAX_NAMES + 5)])
        await world.until(lambda: len(world.names.asked) >= STARTS_PER_TURN)
        # Not all at once: each turn starts a few.
        assert len(world.names.asked) <= 3 * STARTS_PER_TURN
        assert len(world.resolver._hosts) == MAX_NAMES

    play(script)
