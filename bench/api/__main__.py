"""Measure and print: `python -m bench.api`."""

import argparse
import os
import platform
from statistics import median, quantiles

from bench.api import cold, warm

IMPORT_TARGET_MS = 600
ANSWER_TARGET_MS = 10


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog="bench.api", description=__doc__)
    parser.add_argument("--imports", type=int, default=15, help="fresh processes")
    parser.add_argument("--requests", type=int, default=3_000, help="requests of each operation")
    options = parser.parse_args()
    print(f"Python {platform.python_version()}, Linux {platform.release()}, {os.cpu_count()} cores")
    imports, size = cold.measure(options.imports)
    print(f"package: {size.zipped / 1e6:.1f} MB zipped, {size.unzipped / 1e6:.1f} MB unpacked")
    print(f"cold import of lambdas.management.handler out of it, median of {options.imports}:")
    for what, seconds in zip(("sources", "bytecode"), imports, strict=True):
        print(
            f"  of {what}: {median(seconds) * 1000:.0f} ms (fastest {min(seconds) * 1000:.0f}, "
            f"slowest {max(seconds) * 1000:.0f}; target {IMPORT_TARGET_MS})"
        )
    print(
        f"\nwarm handler, {options.requests} requests each, AWS answers at once "
        f"(target: p99 {ANSWER_TARGET_MS} ms)\n"
    )
    print("| operation | DynamoDB | p50 ms | p99 ms |")
    print("|---|---|---|---|")
    for case, taken, calls in warm.measure(options.requests):
        parts = quantiles(taken, n=100)
        print(
            f"| {case.name} | {', '.join(calls)} "
            f"| {parts[49] * 1000:.2f} | {parts[98] * 1000:.2f} |"
        )


if __name__ == "__main__":
    main()
