"""Measure the way of records: `python -m bench.records [--rate 100 --seconds 60]`.

SIPp makes calls through one shipped edge and notes when it sends each BYE; a cheap S3 notes when
the object of that call is there. Exit code 1 says that a record is missing, that one in a hundred
takes longer than EDGE C9 has it, or that the edge falls behind its calls.
"""

import argparse
import shutil
import signal
import sys
import tempfile
from pathlib import Path

from bench.records.measure import Delivery, complaints, measure


def report(done: Delivery) -> None:
    """Print what was measured."""
    print("| calls | failed | objects | objects/s | BYE to object: p50 ms | p90 | p99 | longest |")
    print("|---|---|---|---|---|---|---|---|")
    waits = " | ".join(f"{done.percentile(share) * 1e3:.0f}" for share in (0.5, 0.9, 0.99, 1.0))
    print(
        f"| {len(done.ended_at)} | {done.failed} | {len(done.stored_at)} "
        f"| {done.rate:.1f} | {waits} |"
    )


def main() -> None:
    """Read the options and run."""
    parser = argparse.ArgumentParser(prog="bench.records", description=__doc__)
    parser.add_argument("--rate", type=int, default=100, help="calls per second")
    parser.add_argument("--seconds", type=int, default=60, help="how long calls are made")
    options = parser.parse_args()
    if shutil.which("sipp") is None:
        sys.exit("bench.records: SIPp is missing: apt-get install sip-tester")
    # Else the edge and SIPp would outlive whoever is told to stop.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with tempfile.TemporaryDirectory() as folder:
        done = measure(Path(folder), rate=options.rate, seconds=options.seconds)
    report(done)
    wrong = complaints(done, options.rate)
    for complaint in wrong:
        print(f"WRONG: {complaint}")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
