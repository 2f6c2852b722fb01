"""The probe of the signalling process, with clocks that a test moves (EDGE R30)."""

import asyncio
import time
from collections.abc import Callable

import pytest
import uvloop

from edge.runtime.load import EVERY_S, LoadProbe
from edge.seam import LoadMeasured
from tests.runtime.scripted import until


class Loop:
    """A loop whose timers a test fires."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], None]] = []

    def call_later(self, wait_s: float, callback: Callable[[], None]) -> "Loop":
        assert wait_s == EVERY_S
        self.waiting.append(callback)
        return self

    def cancel(self) -> None:
        self.waiting.clear()


def test_lateness_and_cpu_are_measured() -> None:
    loop, now, cpu = Loop(), [10.0], [3.0]
    looks: list[LoadMeasured] = []
    probe = LoadProbe(
        looks.append,
        loop=loop,  # type: ignore[arg-type]  # it needs one method
        monotonic=lambda: now[0],
        cpu_time=lambda: cpu[0],
    )
    for late_s, used_s in ((0.0, 0.05), (0.2, 0.3), *[(0.0, 0.01)] * 6):
        now[0] += EVERY_S + late_s
        cpu[0] += used_s
        loop.waiting.pop()()
    assert [round(it.lag_s, 3) for it in looks] == [0.0, 0.2, *[0.0] * 6]
    assert round(looks[0].cpu, 3) == 0.5
    # What was longer ago than half a second has been forgotten.
    assert round(looks[1].cpu, 3) == round(0.35 / 0.4, 3)
    assert round(looks[-1].cpu, 3) == 0.1
    probe.close()
    assert not loop.waiting


@pytest.mark.sockets
def test_a_loop_that_is_held_up_is_late() -> None:
    async def run() -> list[LoadMeasured]:
        looks: list[LoadMeasured] = []
        probe = LoadProbe(looks.append, loop=asyncio.get_running_loop())
        time.sleep(0.4)
        await until(lambda: bool(looks))
        probe.close()
        return looks

    assert uvloop.run(run())[0].lag_s >= 0.25
