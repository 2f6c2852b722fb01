"""Makes the edge's image without Docker and runs it: `python -m tests.image` (make image-check).

Both architectures are made; the one of this machine is run, if the one who asks is root. Exit code
1 with what is wrong, 2 if this machine has no Python that could stand in.
"""

import os
import platform
import sys

from tests.image.build import Image
from tests.image.dockerfile import DockerfileProblemError
from tests.image.rehearsal import MACHINES, Rehearsal, foreign_machines, problems, rehearsal
from tests.image.stand_in import NoPythonError, version_of

NATIVE = {"x86_64": "amd64", "aarch64": "arm64"}


def main() -> int:
    """Make and run; return the exit code."""
    try:
        with rehearsal() as made:
            have = version_of(made.python)
            say(f"Python {have} stands in for the base's {made.base_version}")
            wrong = [it for name in MACHINES for it in checked(made, name)]
    except NoPythonError as error:
        say(str(error))
        return 2
    for text in wrong:
        say(f"WRONG: {text}")
    return 1 if wrong else 0


def checked(made: Rehearsal, architecture: str) -> list[str]:
    """Make one image, run it if that can be; return what is wrong."""
    try:
        image = made.build(architecture)
    except DockerfileProblemError as error:
        return [f"{architecture}: {error}"]
    say(f"{architecture}: {size(image)}")
    foreign = foreign_machines(image, architecture)
    wrong = [f"{architecture}: {path} is for machine {it}" for path, it in foreign.items()]
    if architecture != NATIVE.get(platform.machine()):
        say(f"{architecture}: not run, this machine is {platform.machine()}")
    elif os.geteuid() != 0:
        say(f"{architecture}: not run, another root and user take root's rights (sudo)")
    else:
        found = made.run(image)
        say(f"{architecture}: ready, alive, stopped; the log told {', '.join(found.events)}")
        wrong += [f"{architecture}: {text}" for text in problems(image, found)]
    return wrong


def size(image: Image) -> str:
    """Return how large the image is without its base."""
    parts = [f"{layer.target} {layer.size / 1e6:.1f}" for layer in image.layers]
    whole = sum(layer.size for layer in image.layers)
    return f"{whole / 1e6:.1f} MB over the base ({', '.join(parts)})"


def say(text: str) -> None:
    """Tell whoever waits."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
