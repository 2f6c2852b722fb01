"""Measures how busy the signalling process is (EDGE R30): its loop's lateness, its CPU time."""

import time
from asyncio import AbstractEventLoop, TimerHandle
from collections import deque
from collections.abc import Callable

from edge.seam import LoadMeasured

EVERY_S = 0.1
WINDOW_S = 0.5
"""CPU time is looked at over so long: a burst of some datagrams is no overload."""


class LoadProbe:
    """Reports ten times a second until closed."""

    def __init__(
        self,
        report: Callable[[LoadMeasured], None],
        *,
        loop: AbstractEventLoop,
        monotonic: Callable[[], float] = time.monotonic,
        cpu_time: Callable[[], float] = time.process_time,
    ) -> None:
        self._report = report
        self._loop = loop
        self._monotonic = monotonic
        self._cpu_time = cpu_time
        self._looks = deque([(monotonic(), cpu_time())])
        self._due = 0.0
        self._timer: TimerHandle | None = None
        self._wait()

    def close(self) -> None:
        """Measure no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _wait(self) -> None:
        self._due = self._monotonic() + EVERY_S
        self._timer = self._loop.call_later(EVERY_S, self._look)

    def _look(self) -> None:
        now, cpu = self._monotonic(), self._cpu_time()
        lag_s = max(0.0, now - self._due)
        looks = self._looks
        looks.append((now, cpu))
        while len(looks) > 2 and looks[1][0] <= now - WINDOW_S:
            looks.popleft()
        since, cpu_then = looks[0]
        self._report(LoadMeasured(lag_s, (cpu - cpu_then) / max(now - since, 1e-3)))
        self._wait()
