"""A long chaos: `python -m tests.chaos [--minutes 10] [--seed N]`.

Exit code 1 says that a record is missing, doubled or wrong; the seed makes the same calls and the
same faults again.
"""

import argparse
import secrets
import signal
import sys
import tempfile
from pathlib import Path

from tests.chaos.storm import chaos


def main() -> None:
    """Read the options and run."""
    parser = argparse.ArgumentParser(prog="tests.chaos", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="how long calls are made")
    parser.add_argument("--seed", type=int, default=None, help="of an earlier run")
    options = parser.parse_args()
    seed = secrets.randbelow(1 << 32) if options.seed is None else options.seed
    # Else the edges would outlive whoever is told to stop.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    say = sys.stdout.write
    say(f"seed {seed}\n")
    sys.stdout.flush()
    with tempfile.TemporaryDirectory() as folder:
        done = chaos(options.minutes * 60, seed, Path(folder))
    for complaint in done.verdict.complaints:
        say(f"WRONG: {complaint}\n")
    say(f"{done}\n")
    if done.verdict.complaints:
        sys.exit(1)
    say("every answered call has exactly one record, and the right one\n")


if __name__ == "__main__":
    main()
