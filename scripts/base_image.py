"""Pins the base of the edge's image to what its tag is today, in the ARG of edge/Dockerfile.

python -m scripts.base_image            the digest of the tag that stands there
python -m scripts.base_image TAG        another tag, e.g. 3.13.17-slim-trixie, and its digest
python -m scripts.base_image --check    writes nothing; is the pin what the tag is now?

Exit codes: 0 pinned or current, 1 not current, 2 the registry could not be asked or has no such
image. Both platforms of the edge must be behind the tag.
"""

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from scripts.registry import Reference, RegistryProblemError, index_of

DOCKERFILE = Path(__file__).parent.parent / "edge" / "Dockerfile"
PLATFORMS = frozenset({"linux/amd64", "linux/arm64"})
EXIT_STALE, EXIT_PROBLEM = 1, 2
_BASE = re.compile(r"^ARG BASE=(\S+)$", re.M)


def base_of(dockerfile: str) -> Reference:
    """Return the base that a Dockerfile's text names; raises RegistryProblemError."""
    found = _BASE.findall(dockerfile)
    if len(found) != 1:
        raise RegistryProblemError(f"{len(found)} lines are an ARG BASE=..., one is wanted")
    return Reference.parse(found[0])


def current(reference: Reference) -> Reference:
    """Return the reference, pinned to what its tag is now; raises RegistryProblemError."""
    index = index_of(reference)
    missing = sorted(PLATFORMS - index.platforms)
    if missing:
        raise RegistryProblemError(
            f"{reference} has nothing for {' and '.join(missing)}; the edge runs on both"
        )
    return reference.pinned(index.digest)


def pin(file: Path, tag: str | None) -> Reference:
    """Write the digest of the tag, or of another one, into the file; return what it says now."""
    text = file.read_text()
    there = base_of(text)
    wanted = current(Reference.parse(f"{there.host}/{there.repository}:{tag or there.tag}"))
    file.write_text(_BASE.sub(f"ARG BASE={wanted}", text))
    return wanted


def staleness(file: Path) -> str | None:
    """Return what is wrong with the pin, None if it is what its tag is now."""
    there = base_of(file.read_text())
    now = current(there)
    if there.digest is None:
        return f"{there} is not pinned; today it is {now.digest}"
    if there.digest != now.digest:
        return f"{there.tag} has been built anew: pinned is {there.digest}, today's is {now.digest}"
    return None


def main(arguments: Sequence[str] | None = None, file: Path = DOCKERFILE) -> int:
    """Pin or check; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m scripts.base_image")
    parser.add_argument("tag", nargs="?", help="take this tag instead of the one that is there")
    parser.add_argument("--check", action="store_true", help="only say whether it is current")
    given = parser.parse_args(arguments)
    if given.check and given.tag:
        parser.error("--check looks at the tag that is there; leave the other one out")
    try:
        if not given.check:
            print(f"the base is {pin(file, given.tag)}")
            return 0
        stale = staleness(file)
    except RegistryProblemError as error:
        print(f"base image: {error}", file=sys.stderr)
        return EXIT_PROBLEM
    print(stale or "the pin is what its tag is now")
    return EXIT_STALE if stale else 0


if __name__ == "__main__":
    sys.exit(main())
