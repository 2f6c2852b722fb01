"""Route hosts that are names: looked up ahead, filtered, kept when DNS fails."""

import asyncio
from collections.abc import Callable, Mapping

from edge.runtime.resolver import Resolver, system_lookup

Found = Mapping[str, tuple[str, ...]]


class Names:
    """A name service in memory."""

    def __init__(self, **answers: tuple[str, ...]) -> None:
        self.answers = {name.replace("_", "."): found for name, found in answers.items()}

    async def lookup(self, name: str) -> tuple[str, ...]:
        if name not in self.answers:
            raise OSError(f"{name} does not resolve")
        return self.answers[name]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.001)


async def resolve(
    names: Names, *wanted: str, private_addresses: bool = False
) -> tuple[list[Found], list[str]]:
    reports: list[Found] = []
    events: list[str] = []
    resolver = Resolver(
        lookup=names.lookup,
        report=reports.append,
        log=lambda event, fields: events.append(event),
        private_addresses=private_addresses,
    )
    resolver.set_names(wanted)
    running = asyncio.create_task(resolver.run())
    await until(lambda: bool(reports or events))
    # A name that fails after others have been reported must not take them away (EDGE W11).
    names.answers = {}
    resolver.set_names((*wanted, "gone.example"))
    await until(lambda: "name-unresolved" in events)
    running.cancel()
    return reports, events


def test_all_addresses_of_a_name_are_reported_and_outlive_the_name_service() -> None:
    # EDGE W11
    names = Names(pbx_example=("198.51.100.7", "198.51.100.8"))
    reports, _ = asyncio.run(resolve(names, "pbx.example"))
    assert reports == [{"pbx.example": ("198.51.100.7", "198.51.100.8")}]


def test_private_and_metadata_answers_are_refused_unless_admitted() -> None:
    # EDGE S11, S12
    names = Names(pbx_example=("10.0.0.7", "169.254.169.254", "198.51.100.7"))
    reports, events = asyncio.run(resolve(names, "pbx.example"))
    assert reports == [{"pbx.example": ("198.51.100.7",)}]
    assert "address-refused" in events
    names = Names(pbx_example=("10.0.0.7", "169.254.169.254"))
    reports, _ = asyncio.run(resolve(names, "pbx.example", private_addresses=True))
    assert reports == [{"pbx.example": ("10.0.0.7",)}]


def test_the_system_resolves_localhost() -> None:
    assert asyncio.run(system_lookup("localhost")) == ("127.0.0.1",)
