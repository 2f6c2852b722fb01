"""Every benchmark, one after the other: `make bench`. Each can be run alone with options."""

import subprocess
import sys

BENCHMARKS = ("bench.api", "bench.relay", "bench.srtp", "bench.signalling", "bench.records")


def main() -> None:
    """Run each in a process of its own, so that none inherits another's memory or affinity."""
    failed = False
    for name in BENCHMARKS:
        print(f"\n== python -m {name}", flush=True)
        failed = subprocess.run([sys.executable, "-m", name], check=False).returncode != 0 or failed
    sys.exit(failed)


if __name__ == "__main__":
    main()
