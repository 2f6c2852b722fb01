"""What a node looks at before it lets go of its task's protection."""

import asyncio

import pytest

from edge.runtime import commanded_drain
from edge.runtime.aws_messages import DrainOrder
from edge.runtime.commanded_drain import STORED_LOOKS, CommandedDrain
from edge.runtime.draining import DrainTimes
from edge.seam import Drain, HangUp, Input, Resume
from tests.runtime.scripted import Lines, until

ORDER = DrainOrder("operator", is_unlisted=True)
SOON = DrainTimes(unlisted_s=0.0, unnoted_s=30.0, longest_s=60.0)


class Shell:
    """The calls and records of a node, as the test has them."""

    def __init__(self, times: DrainTimes = SOON, *, is_protected: bool = True) -> None:
        self.active_calls = self.owed = self.backlog = self.recordings = 0
        self.pending = {"calls": 0, "dialogs": 0, "recordings": 0}
        self.fed: list[Input] = []
        self.renewed = self.released = self.stopped = 0
        self.log = Lines()
        self.drain = CommandedDrain(
            times,
            is_protected=is_protected,
            loop=asyncio.get_running_loop(),
            driver=self,
            aws=self,
            renew=self._renew,
            stop=self._stop,
            log=self.log,
        )

    def feed(self, happened: Input) -> None:
        self.fed.append(happened)

    def unprotect(self) -> None:
        self.released += 1

    def _renew(self) -> None:
        self.renewed += 1

    def _stop(self) -> None:
        self.stopped += 1


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commanded_drain, "LOOK_EVERY_S", 0.01)


@pytest.mark.parametrize("what", ["calls", "dialogs", "recordings"])
def test_what_is_still_held_keeps_the_protection(what: str) -> None:  # A11
    async def run() -> None:
        shell = Shell()
        shell.pending[what] = 1
        shell.drain.told(ORDER)
        await until(lambda: shell.fed == [Drain()])
        await asyncio.sleep(0.1)
        assert not shell.released
        shell.pending[what] = 0
        await until(lambda: shell.released)
        assert shell.renewed == 2

    asyncio.run(run())


@pytest.mark.parametrize("what", ["backlog", "recordings"])
def test_what_is_not_stored_keeps_the_protection(what: str) -> None:  # A11
    async def run() -> None:
        shell = Shell()
        setattr(shell, what, 1)
        shell.drain.told(ORDER)
        await asyncio.sleep(0.1)
        assert not shell.released
        setattr(shell, what, 0)
        await until(lambda: shell.released)

    asyncio.run(run())


def test_records_count_as_stored_when_several_looks_find_them_so() -> None:  # A11
    # How many wait is told once a second: the end of a call is not in that number at once.
    async def run() -> None:
        shell = Shell()
        looks = 0

        class Counted(dict[str, int]):
            def __getitem__(self, name: str) -> int:
                nonlocal looks
                looks += name == "calls"
                return 0

        shell.pending = Counted()
        shell.drain.told(ORDER)
        await until(lambda: shell.released)
        assert looks >= STORED_LOOKS

    asyncio.run(run())


def test_an_order_that_is_taken_back_too_late_ends_the_node() -> None:  # A11
    # ECS would count it as a task that runs, and start none in its place.
    async def run() -> None:
        shell = Shell()
        shell.drain.told(ORDER)
        await until(lambda: shell.released)
        assert not shell.stopped
        shell.drain.told(None)
        await until(lambda: shell.stopped == 1)

    asyncio.run(run())


def test_a_node_that_stops_hears_nothing_more() -> None:  # EDGE C9
    async def run() -> None:
        shell = Shell()
        shell.active_calls = shell.pending["calls"] = 1
        shell.drain.told(ORDER)
        await until(lambda: shell.fed == [Drain()])
        shell.drain.close()
        shell.drain.told(None)
        shell.pending["calls"] = 0
        await asyncio.sleep(0.1)
        assert (shell.fed, shell.released) == ([Drain()], 0)

    asyncio.run(run())


def test_nothing_is_looked_at_without_an_order() -> None:
    async def run() -> None:
        shell = Shell(DrainTimes(unlisted_s=0.0, unnoted_s=0.0, longest_s=0.0))
        shell.drain.told(None)
        await asyncio.sleep(0.05)
        assert (shell.fed, shell.log.events()) == ([], [])

    asyncio.run(run())


def test_each_step_is_told() -> None:
    async def run() -> None:
        shell = Shell(DrainTimes(unlisted_s=0.0, unnoted_s=0.0, longest_s=0.05), is_protected=False)
        shell.active_calls = shell.pending["calls"] = 1
        shell.drain.told(ORDER)
        await until(lambda: HangUp("Service shutdown") in shell.fed)
        shell.active_calls = shell.pending["calls"] = 0
        await until(lambda: shell.released)
        shell.drain.told(None)
        assert shell.fed == [Drain(), HangUp("Service shutdown"), Resume()]
        assert shell.log.events() == [
            *("drain-ordered", "drain-refusing", "drain-too-long", "drain-ended", "drain-undone"),
        ]

    asyncio.run(run())
