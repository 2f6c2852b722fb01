"""Measure and print: `python -m bench.relay [--seconds 5] [--rounds 3]`."""

import argparse
import os
import platform
import sys
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict, replace
from pathlib import Path
from statistics import median
from typing import NamedTuple

from bench.relay import ours, rtpengine
from bench.relay.load import (
    LOAD_CORE,
    RELAY_CORE,
    Endpoints,
    Result,
    compile_generator,
    free_endpoints,
    measure,
)
from model.settings import MediaSettings

SESSIONS = (500, 2_000)
SATURATED_RATE_LIMIT = 1_000_000
"""Above what a core can do: with the default of 120 a full core would meet the limit first."""
OURS = "ours"
RTPENGINE = "rtpengine"

Start = Callable[[int, Endpoints, Path, bool], AbstractContextManager[int]]


class Case(NamedTuple):
    """One line of the table."""

    relay: str
    sessions: int
    saturated: bool


def settings_for(saturated: bool) -> MediaSettings:
    """Return the worker's settings of a measurement."""
    defaults = MediaSettings()
    return replace(defaults, packets_per_second=SATURATED_RATE_LIMIT) if saturated else defaults


def start_ours(
    sessions: int, endpoints: Endpoints, file: Path, saturated: bool
) -> AbstractContextManager[int]:
    """Start our worker."""
    return ours.running(sessions, endpoints, file, settings_for(saturated))


def start_rtpengine(
    sessions: int, endpoints: Endpoints, file: Path, saturated: bool
) -> AbstractContextManager[int]:
    """Start rtpengine; it has no setting that depends on the load."""
    return rtpengine.running(sessions, endpoints, file)


def resident_kib(pid: int) -> int:
    """Return the resident memory of a process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024


def run(
    relays: dict[str, Start], rounds: int, seconds: float
) -> tuple[dict[Case, list[Result]], dict[tuple[str, int], list[int]]]:
    """Measure every case in turn, round after round, so that noise meets all of them."""
    results: dict[Case, list[Result]] = {}
    memory: dict[tuple[str, int], list[int]] = {}
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        generator = compile_generator(directory)
        if generator is None:
            sys.exit("bench.relay: no C compiler (gcc or cc) is here, the load needs one")
        for _ in range(rounds):
            for sessions in SESSIONS:
                for saturated in (False, True):
                    for relay, start in relays.items():
                        endpoints, file = free_endpoints(), directory / "sessions"
                        with start(sessions, endpoints, file, saturated) as pid:
                            result = measure(
                                *(generator, file, endpoints, pid),
                                saturated=saturated,
                                seconds=seconds,
                            )
                            kib = resident_kib(pid)
                        results.setdefault(Case(relay, sessions, saturated), []).append(result)
                        memory.setdefault((relay, sessions), []).append(kib)
    return results, memory


def print_conditions(rounds: int, seconds: float, other: str | None) -> None:
    """Say what was measured under which conditions."""
    print(f"Relay: 172-byte G.711 packets, both directions, median of {rounds} x {seconds:g} s")
    print(
        f"Python {platform.python_version()}, Linux {platform.release()}, {os.cpu_count()} cores;"
    )
    print("relay on core 0, load on core 1, loopback; CPU from /proc/PID/task/*/schedstat")
    print(
        f"beside it: {'rtpengine ' + other + ', user space' if other else 'nothing, no rtpengine'}"
    )
    changed = {
        name: value
        for name, value in asdict(settings_for(saturated=True)).items()
        if value != asdict(MediaSettings())[name]
    }
    print(f"settings that differ from the defaults: paced none; saturated {changed}")
    print("for rtpengine: table=-1 (no kernel module), interface=127.0.0.1, log-level=2\n")


def print_table(
    results: dict[Case, list[Result]], memory: dict[tuple[str, int], list[int]]
) -> None:
    """Print medians and, where rtpengine ran, the ratio of ours to it."""
    # Delay suffers from whatever else runs on the two cores; the best round suffered least.
    print("| relay | sessions | load | packets/s | CPU us/packet | ratio | best p99 us | loss % |")
    print("|---|---|---|---|---|---|---|---|")
    for case, runs in sorted(results.items(), key=lambda item: (item[0][1:], item[0][0])):
        cpu_us = median(run.cpu_us for run in runs)
        theirs = results.get(case._replace(relay=RTPENGINE))
        ratio = f"{cpu_us / median(run.cpu_us for run in theirs):.2f}" if theirs else "-"
        print(
            f"| {case.relay} | {case.sessions} | {'saturated' if case.saturated else 'paced'} "
            f"| {median(run.packets_per_second for run in runs):.0f} | {cpu_us:.2f} | {ratio} "
            f"| {min(run.p99_us for run in runs):.0f} "
            f"| {median(run.loss_percent for run in runs):.3f} |"
        )
    fewer, more = SESSIONS
    for relay in sorted({relay for relay, _ in memory}):
        grown = median(memory[relay, more]) - median(memory[relay, fewer])
        print(
            f"\n{relay}: {grown / (more - fewer):.1f} KiB per session, RTCP sockets included "
            f"({median(memory[relay, fewer]):.0f} KiB at {fewer}, "
            f"{median(memory[relay, more]):.0f} KiB at {more})"
        )


def main() -> None:
    """Run the benchmark."""
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
    print_conditions(options.rounds, options.seconds, other)
    print_table(*run(relays, options.rounds, options.seconds))


if __name__ == "__main__":
    main()
