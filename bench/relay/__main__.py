"""Measure and print: `python -m bench.relay [--seconds 5] [--rounds 3]`."""

import argparse
import os
import sys
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from bench.relay import ours, rtpengine
from bench.relay.load import (
    LOAD_CORE,
    RELAY_CORE,
    Endpoints,
    Media,
    Result,
    SessionLine,
    compile_generator,
    free_endpoints,
    measure,
)
from bench.relay.report import OURS, RTPENGINE, Case, Figures, print_figures, worst_ratio
from model.settings import MediaSettings

SESSIONS = (500, 2_000)
WORKERS = (1, 2)
SETUPS = 1_000
"""Sessions that the cost of a set-up is the mean of."""
SATURATED_RATE_LIMIT = 1_000_000
"""Above what a core can do: with the default of 120 a full core would meet the limit first."""
SATURATED = replace(MediaSettings(), packets_per_second=SATURATED_RATE_LIMIT)


class Bench(Protocol):
    """A relay that runs."""

    @property
    def pids(self) -> tuple[int, ...]:
        """Return the process ids of the relay."""

    def open(self, sessions: int, endpoints: Endpoints, media: Media) -> list[SessionLine]:
        """Open sessions between the load's two ports."""

    def setup_us(self, sessions: int, media: Media) -> float:
        """Return the CPU time of a session from its beginning to its end, without packets."""


Start = Callable[[bool], AbstractContextManager[Bench]]
"""Starts a relay, for a saturating load or not."""


def start_ours(saturated: bool) -> AbstractContextManager[Bench]:
    """Start a worker of ours."""
    return ours.running(SATURATED if saturated else MediaSettings())


def start_rtpengine(saturated: bool) -> AbstractContextManager[Bench]:
    """Start rtpengine; it has no setting that depends on the load."""
    return rtpengine.running()


class Measurement:
    """A run of the whole benchmark."""

    def __init__(self, relays: dict[str, Start], directory: Path, seconds: float) -> None:
        self._relays = relays
        self._generator = compile_generator(directory)
        self._seconds = seconds
        self.figures = Figures(seconds)

    def round(self) -> None:
        """Measure every case in turn, so that noise meets all of them."""
        for media in Media:
            for sessions in SESSIONS:
                for saturated in (False, True):
                    for relay in self._relays:
                        self._load(Case(relay, media, sessions, saturated))
            for relay, start in self._relays.items():
                with start(False) as bench:
                    cost = bench.setup_us(SETUPS, media)
                self.figures.setups.setdefault((relay, media), []).append(cost)
            for workers in WORKERS:
                self._scale(media, workers)

    def _load(self, case: Case) -> None:
        with self._relays[case.relay](case.saturated) as bench:
            result = self._measure(bench, case.sessions, case.media, saturated=case.saturated)
            kib = sum(_resident_kib(pid) for pid in bench.pids)
        self.figures.results.setdefault(case, []).append(result)
        self.figures.memory.setdefault((case.relay, case.media, case.sessions), []).append(kib)

    def _scale(self, media: Media, workers: int) -> None:
        with ours.running(SATURATED, workers) as bench:
            result = self._measure(bench, SESSIONS[0], media, saturated=True)
        self.figures.scaling.setdefault((media, workers), []).append(result)

    def _measure(self, bench: Bench, sessions: int, media: Media, *, saturated: bool) -> Result:
        endpoints = free_endpoints()
        lines = bench.open(sessions, endpoints, media)
        return measure(
            *(self._generator, lines, endpoints, bench.pids),
            saturated=saturated,
            seconds=self._seconds,
        )


def _resident_kib(pid: int) -> int:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024


def main() -> None:
    """Run the benchmark; fail when a packet costs us more than it costs rtpengine."""
    parser = argparse.ArgumentParser(prog="bench.relay", description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0, help="length of one measurement")
    parser.add_argument("--rounds", type=int, default=3, help="measurements of every case")
    options = parser.parse_args()
    if not {RELAY_CORE, LOAD_CORE} <= os.sched_getaffinity(0):
        sys.exit("bench.relay: two cores are needed, one for the relay and one for the load")
    relays: dict[str, Start] = {OURS: start_ours}
    other = rtpengine.version()
    if other is not None:
        relays[RTPENGINE] = start_rtpengine
    with tempfile.TemporaryDirectory() as name:
        measurement = Measurement(relays, Path(name), options.seconds)
        for _ in range(options.rounds):
            measurement.round()
    figures = measurement.figures
    print_figures(figures, options.rounds, other)
    if other is None:
        print("\nNo ratio: rtpengine is not installed.")
        return
    plain, srtp = (worst_ratio(figures, media) for media in Media)
    print(
        "\nCPU per packet, ours to rtpengine's, in the worst of the cases above: "
        f"RTP {plain:.2f}, SRTP {srtp:.2f}"
    )
    sys.exit(max(plain, srtp) > 1.0)


if __name__ == "__main__":
    main()
