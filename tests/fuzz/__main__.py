"""Feed a million inputs: `python -m tests.fuzz [--inputs N] [--seed N] [--target T [--only N]]`."""

import argparse
import random
import sys
import time

from tests.fuzz.run import feed, run
from tests.fuzz.targets import TARGETS


def main() -> None:
    """Read the options and feed."""
    parser = argparse.ArgumentParser(prog="tests.fuzz", description=__doc__)
    parser.add_argument("--inputs", type=int, default=1_000_000, help="over all targets")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--target", choices=list(TARGETS), help="this one alone")
    parser.add_argument("--only", type=int, help="with --target: the input of this number")
    options = parser.parse_args()
    if options.only is not None:
        if options.target is None:
            parser.error("--only needs --target")
        feed(options.seed, options.target, options.only)
        return
    say = sys.stdout.write
    say(f"seed {options.seed}\n")
    for target in [options.target] if options.target else TARGETS:
        began = time.monotonic()
        share = options.inputs
        if not options.target:
            whole = sum(weight for _, weight in TARGETS.values())
            share = options.inputs * TARGETS[target][1] // whole
        fed = run(options.seed, share, [target]).inputs[target]
        say(f"{target}: {fed} inputs in {time.monotonic() - began:.0f} s\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
