"""Translate the signalling core to machine code: python scripts/compile_core.py DESTINATION.

Copies model/ and edge/ to DESTINATION and puts compiled modules (mypyc) beside the sources of those
that a call passes through; put DESTINATION first on PYTHONPATH to run them. What they do is the
same, they take about two thirds of the time (docs/performance.md). The media plane stays as it is:
its loop waits for the kernel. Needs the packages of requirements/compile.txt and a C compiler.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("model", "edge")
COMPILED = (
    *("edge/sip/*.py", "edge/call/*.py", "edge/policy/*.py"),
    *("edge/ids.py", "edge/flow.py", "edge/media/sdp.py", "edge/media/targets.py"),
)


def main(arguments: list[str]) -> int:
    """Compile into the directory that is named; return the exit code."""
    if len(arguments) != 1:
        sys.exit(__doc__)
    destination = Path(arguments[0])
    copy(destination)
    return compile_in(destination)


def copy(destination: Path) -> None:
    """Copy the packages, and nothing that an earlier run left."""
    for package in PACKAGES:
        shutil.rmtree(destination / package, ignore_errors=True)
    for library in destination.glob("*.so"):
        library.unlink()
    for package in PACKAGES:
        shutil.copytree(
            ROOT / package,
            destination / package,
            ignore=shutil.ignore_patterns("__pycache__", "*.so", "Dockerfile"),
        )


def compile_in(destination: Path) -> int:
    """Run mypyc on the copy; its intermediate files are removed."""
    modules = sorted(
        str(path.relative_to(destination))
        for pattern in COMPILED
        for path in destination.glob(pattern)
    )
    done = subprocess.run(
        [sys.executable, "-m", "mypyc", "--ignore-missing-imports", *modules],
        cwd=destination,
        env={**os.environ, "MYPYC_OPT_LEVEL": "3", "MYPYC_DEBUG_LEVEL": "0"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    if done.returncode:
        sys.stderr.buffer.write(done.stdout)
    for leftover in ("build", ".mypy_cache"):
        shutil.rmtree(destination / leftover, ignore_errors=True)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
