"""Measure and print: `python -m bench.signalling [--in-memory [--profile]]`."""

import argparse

from bench.signalling import in_memory


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog="bench.signalling", description=__doc__)
    parser.add_argument("--in-memory", action="store_true", help="the Core alone, no sockets")
    parser.add_argument("--profile", action="store_true", help="with --in-memory: where time goes")
    parser.add_argument("--calls", type=int, default=3_000, help="calls of one measurement")
    parser.add_argument("--rounds", type=int, default=3, help="measurements of every case")
    options = parser.parse_args()
    in_memory.run(options.calls, options.rounds, profiled=options.profile)


if __name__ == "__main__":
    main()
