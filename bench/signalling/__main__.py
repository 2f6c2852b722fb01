"""Measure and print: `python -m bench.signalling [--in-memory | --growth | --reload]`."""

import argparse
import os
import platform
import shutil
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import NamedTuple

from bench.signalling import growth, in_memory, reload
from bench.signalling.load import HELD_CALLS, Result, measure
from bench.signalling.middles import LOAD_CORE, MIDDLE_CORE, installed
from bench.signalling.world import CONNECTORS, CPS_LIMIT, NUMBERS_EACH

OURS = "ours"
GROWTH = {"held": (100, 1_000, 5_000), "connectors": (10, 10_000), "entries": (10, 100_000)}


class Case(NamedTuple):
    """One line of the table."""

    middle: str
    rate: int


def cases(rate: int, busy_rate: int) -> list[Case]:
    """Return every middle at one rate, and ours once more where a core is half busy.

    A middle that sleeps between two messages pays for being woken; sippy cannot go much faster.
    """
    return [*(Case(name, rate) for name in installed()), Case(OURS, busy_rate)]


def print_conditions(calls: int, rounds: int) -> None:
    """Say what was measured under which conditions."""
    print(
        f"Signalling: INVITE/100/180/200/ACK/BYE/200 over UDP, median of {rounds} x {calls} calls;"
    )
    print(f"SIPp on both sides, core {LOAD_CORE}; the middle on core {MIDDLE_CORE}")
    print(
        f"Python {platform.python_version()}, Linux {platform.release()}, {os.cpu_count()} cores;"
    )
    print("CPU from /proc/PID/task/*/schedstat; memory as growth of RSS per held call between")
    print(f"{HELD_CALLS[0]} and {HELD_CALLS[1]} calls")
    print("ours: `python -m edge` with its AWS worker and one media worker, default policy but for")
    print("  lab_mode true (every peer is on loopback), one carrier at SIPp's address and port;")
    print(
        f"  {CONNECTORS} connectors with {NUMBERS_EACH} numbers each, CpsLimit {CPS_LIMIT}, allow"
    )
    print("  lists that all name SIPp's address, no credentials; records are PUT into a cheap S3")
    print("  stand-in (moto would be the limit above some 70 calls/s)")
    print(
        "sippy: its own b2bua_simple, log off; kamailio: stateful record-routing proxy, one worker,"
    )
    print("  tlsf; neither checks, limits or records anything\n")


def print_table(results: dict[Case, list[Result]], rate: int) -> None:
    """Print medians; the ratio is that of our line at `rate` to this one."""
    ours = median(result.signalling_ms for result in results[Case(OURS, rate)])
    print(
        "| middle | calls/s | CPU ms/call | with helpers | ours is | INVITE to 200, p99 ms "
        "| KiB/held call | failed |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for case, runs in results.items():
        cpu_ms = median(run.signalling_ms for run in runs)
        print(
            f"| {case.middle} | {case.rate} "
            f"| {cpu_ms:.2f} | {median(run.whole_ms for run in runs):.2f} | {ours / cpu_ms:.2f} x "
            f"| {median(run.answer_ms for run in runs):.1f} "
            f"| {median(run.held_kib for run in runs):.1f} | {sum(run.failed for run in runs)} |"
        )


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog="bench.signalling", description=__doc__)
    parser.add_argument("--in-memory", action="store_true", help="the Core alone, no sockets")
    parser.add_argument("--profile", action="store_true", help="with --in-memory: where time goes")
    parser.add_argument("--calls", type=int, default=3_000, help="calls of one measurement")
    parser.add_argument("--rate", type=int, default=150, help="calls per second")
    parser.add_argument("--busy-rate", type=int, default=500, help="the same, for ours once more")
    parser.add_argument("--rounds", type=int, default=3, help="measurements of every case")
    parser.add_argument("--growth", action="store_true", help="cost against what is held")
    for name, sizes in GROWTH.items():
        help_ = f"with --growth: numbers of {name} to compare"
        parser.add_argument(f"--{name}", type=int, nargs="+", default=sizes, help=help_)
    parser.add_argument("--reload", action="store_true", help="a configuration that comes again")
    options = parser.parse_args()
    if options.reload:
        reload.report(max(options.connectors))
        return
    if options.in_memory:
        in_memory.run(options.calls, options.rounds, profiled=options.profile)
        return
    if shutil.which("sipp") is None:
        sys.exit("bench.signalling: SIPp is missing: apt-get install sip-tester")
    if not {MIDDLE_CORE, LOAD_CORE} <= os.sched_getaffinity(0):
        sys.exit("bench.signalling: two cores are needed, one for the middle and one for the load")
    os.sched_setaffinity(0, {LOAD_CORE})
    if options.growth:
        found = growth.cases(options.held, options.connectors, options.entries)
        growth.report(found, calls=options.calls, rate=options.rate, rounds=options.rounds)
        return
    print_conditions(options.calls, options.rounds)
    results: dict[Case, list[Result]] = {}
    for _ in range(options.rounds):
        for case in cases(options.rate, options.busy_rate):
            start = installed()[case.middle]
            with tempfile.TemporaryDirectory() as directory:
                result = measure(start, Path(directory), calls=options.calls, rate=case.rate)
                results.setdefault(case, []).append(result)
    print_table(results, options.rate)


if __name__ == "__main__":
    main()
