"""Measure and print: `python -m bench.signalling [--in-memory [--profile]]`."""

import argparse
import os
import platform
import shutil
import sys
import tempfile
from pathlib import Path
from statistics import median

from bench.signalling import in_memory
from bench.signalling.load import HELD_CALLS, Result, measure
from bench.signalling.middles import LOAD_CORE, MIDDLE_CORE, installed
from bench.signalling.world import CONNECTORS, CPS_LIMIT, NUMBERS_EACH

OURS = "ours"


def print_conditions(calls: int, rate: int, rounds: int) -> None:
    """Say what was measured under which conditions."""
    print(
        f"Signalling: INVITE/100/180/200/ACK/BYE/200 over UDP, median of {rounds} x {calls} calls"
    )
    print(
        f"at {rate} calls/s; SIPp on both sides, core {LOAD_CORE}; the middle on core {MIDDLE_CORE}"
    )
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


def print_table(results: dict[str, list[Result]]) -> None:
    """Print medians, each with its ratio to ours."""
    ours = median(result.signalling_ms for result in results[OURS])
    print("| middle | CPU ms/call | with helpers | ours is | KiB per held call | failed |")
    print("|---|---|---|---|---|---|")
    for name, runs in results.items():
        cpu_ms = median(run.signalling_ms for run in runs)
        print(
            f"| {name} | {cpu_ms:.2f} | {median(run.whole_ms for run in runs):.2f} "
            f"| {ours / cpu_ms:.2f} x | {median(run.held_kib for run in runs):.1f} "
            f"| {sum(run.failed for run in runs)} |"
        )


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog="bench.signalling", description=__doc__)
    parser.add_argument("--in-memory", action="store_true", help="the Core alone, no sockets")
    parser.add_argument("--profile", action="store_true", help="with --in-memory: where time goes")
    parser.add_argument("--calls", type=int, default=3_000, help="calls of one measurement")
    parser.add_argument("--rate", type=int, default=150, help="calls per second")
    parser.add_argument("--rounds", type=int, default=3, help="measurements of every case")
    options = parser.parse_args()
    if options.in_memory:
        in_memory.run(options.calls, options.rounds, profiled=options.profile)
        return
    if shutil.which("sipp") is None:
        sys.exit("bench.signalling: SIPp is missing: apt-get install sip-tester")
    if not {MIDDLE_CORE, LOAD_CORE} <= os.sched_getaffinity(0):
        sys.exit("bench.signalling: two cores are needed, one for the middle and one for the load")
    os.sched_setaffinity(0, {LOAD_CORE})
    print_conditions(options.calls, options.rate, options.rounds)
    results: dict[str, list[Result]] = {}
    for _ in range(options.rounds):
        for name, start in installed().items():
            with tempfile.TemporaryDirectory() as directory:
                result = measure(start, Path(directory), calls=options.calls, rate=options.rate)
                results.setdefault(name, []).append(result)
    print_table(results)


if __name__ == "__main__":
    main()
