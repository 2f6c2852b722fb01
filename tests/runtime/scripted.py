"""A Core of a few lines for tests of the shell: it records inputs and does what a script says."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta

from edge.flow import Address
from edge.meter import Figures
from edge.runtime.log import Field
from edge.seam import Drain, Input, NodeReport, Output, Resume
from tests.runtime.records import STARTED_AT


class ScriptedCore:
    """Takes inputs, answers each with the outputs of `script`, and has a deadline to set."""

    def __init__(self, script: Callable[[Input], list[Output]] = lambda happened: []) -> None:
        self.script = script
        self.inputs: list[Input] = []
        self.times: list[float] = []
        self.at: float | None = None
        self.active_calls = 0
        self.dialogs = 0
        self.counted: list[Figures] = [Figures({}, {"PortsFree": 7})]
        """What every minute brings."""
        self.known: set[Address] = set()
        self._outputs: deque[Output] = deque()

    def handle(self, happened: Input, now: float, /) -> None:
        self.inputs.append(happened)
        self.times.append(now)
        self._outputs.extend(self.script(happened))

    def poll(self) -> Output | None:
        return self._outputs.popleft() if self._outputs else None

    def deadline(self) -> float | None:
        return self.at

    def knows(self, remote: Address, /) -> bool:
        return remote in self.known

    def report(self, now: float, /) -> NodeReport:
        told = [it for it in self.inputs if isinstance(it, Drain | Resume)]
        draining = bool(told) and isinstance(told[-1], Drain)
        return NodeReport(STARTED_AT + timedelta(seconds=now), self.active_calls, draining, ())

    def minute(self) -> list[Figures]:
        return self.counted

    @property
    def pending(self) -> dict[str, int]:
        return {"calls": self.active_calls, "dialogs": self.dialogs, "recordings": 0}


class Lines:
    """A NodeLog that keeps what it is told."""

    def __init__(self) -> None:
        self.written: list[tuple[str, dict[str, Field]]] = []
        self.figures: list[Figures] = []

    def metrics(self, dimensions: Mapping[str, str], figures: Mapping[str, int | float]) -> None:
        self.figures.append(Figures(dict(dimensions), dict(figures)))

    def __call__(self, event: str, fields: Mapping[str, Field]) -> None:
        self.written.append((event, dict(fields)))

    def events(self) -> list[str]:
        return [event for event, _ in self.written]

    def of(self, event: str) -> list[dict[str, Field]]:
        return [fields for name, fields in self.written if name == event]


async def until(condition: Callable[[], object], within_s: float = 5.0) -> None:
    """Wait for a condition on the event loop; AssertionError when it does not come true."""
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, f"not within {within_s} s"
        await asyncio.sleep(0.005)


def wait_for(condition: Callable[[], object], within_s: float = 5.0) -> None:
    """Wait for a condition outside of an event loop."""
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, f"not within {within_s} s"
        time.sleep(0.01)


@contextmanager
def within(limit_s: float) -> Iterator[None]:
    """Assert that the block takes no longer."""
    started = time.monotonic()
    yield
    took = time.monotonic() - started
    assert took <= limit_s, f"took {took:.2f} s, at most {limit_s} s are allowed"
