"""Draws docs/diagrams: every text there as SVG beside it (`make diagrams`).

python -m scripts.diagrams

*.ladder are drawn by scripts/ladder.py, *.dot by Graphviz. The picture of the rooms is made of the
table that tests/test_architecture.py holds every import against, so that it shows what is so. A
picture says of which text it was made; a test compares.
"""

import hashlib
import re
import subprocess
import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from scripts import ladder
from tests.test_architecture import GROUND, MAY_IMPORT

FOLDER = Path(__file__).parent.parent / "docs" / "diagrams"
ROOMS = "rooms.dot"
_GROUND_FLOOR = "edge.ground"
"""Modules that everything in the edge may import, as one."""
_SPOKEN_OF = re.compile(r"<!-- made of the text with SHA-256 ([0-9a-f]{64}) -->")
_HEAD = """\
// Written by scripts/diagrams.py from MAY_IMPORT of tests/test_architecture.py. An arrow leads to
// what may be imported; what follows from other arrows is left out.
digraph rooms {
    graph [rankdir=TB, bgcolor=white, nodesep=0.25, ranksep=0.4, pad=0.3, newrank=true]
    graph [fontname="DejaVu Sans", fontsize=13]
    node [shape=box, style="rounded,filled", fillcolor=white, color="#44546a", fontsize=12]
    node [fontname="DejaVu Sans", margin="0.14,0.07"]
    edge [color="#44546a", arrowsize=0.7]
"""


class DiagramProblemError(Exception):
    """A picture cannot be drawn; the message says what to do."""


def texts() -> list[Path]:
    """Return all texts that are drawn."""
    return sorted(chain(FOLDER.glob("*.dot"), FOLDER.glob("*.ladder")))


def made_of(picture: str) -> str | None:
    """Return the hash of the text that a picture was made of."""
    found = _SPOKEN_OF.search(picture)
    return found and found[1]


def hash_of(text: str) -> str:
    """Return the hash by which a picture names its text."""
    return hashlib.sha256(text.encode()).hexdigest()


def picture(file: Path) -> str:
    """Draw one text; raises DiagramProblemError or LadderProblemError."""
    text = file.read_text()
    drawn = ladder.svg(text) if file.suffix == ".ladder" else _graphviz(text)
    return f"<!-- made of the text with SHA-256 {hash_of(text)} -->\n{drawn}"


def rooms() -> str:
    """Return the text of the picture of the rooms."""
    names = sorted({_room(name) for name in MAY_IMPORT})
    inner = [name for name in names if name.startswith("edge.")]
    outer = [name for name in names if name not in inner]
    lines = [
        *(f'    "{name}" [fillcolor="#fbe5d6"]' for name in outer),
        '    subgraph cluster_edge { label="edge"; labeljust=l; style=rounded; color="#b0b7c3"',
        *(f'        "{name}" [label="{_label(name)}", fillcolor="#deebf7"]' for name in inner),
        "    }",
        *(f'    "{name}" -> "{below}"' for name, below in _arrows()),
    ]
    return _HEAD + "\n".join(lines) + "\n}\n"


def _label(name: str) -> str:
    names = sorted(GROUND - {"model"}) if name == _GROUND_FLOOR else [name]
    return ", ".join(it.removeprefix("edge.") for it in names)


def _room(name: str) -> str:
    """Return the room, or the part of the edge, that stands for a module."""
    if name in GROUND and name != "model":
        return _GROUND_FLOOR
    return name if name.startswith("edge.") else name.partition(".")[0]


def _arrows() -> Iterator[tuple[str, str]]:
    """Yield what may import what, but for what follows from other pairs."""
    whole_edge = {name for name in MAY_IMPORT if name.startswith("edge.")}
    direct: dict[str, set[str]] = {}
    for name, allowed in MAY_IMPORT.items():
        modules = allowed - {"edge"} | (whole_edge if "edge" in allowed else set())
        direct.setdefault(_room(name), set()).update(_room(it) for it in modules)
    for name, allowed in sorted(direct.items()):
        further = set().union(*(_below(it, direct) for it in allowed))
        yield from ((name, below) for below in sorted(allowed - further))


def _below(name: str, direct: dict[str, set[str]]) -> set[str]:
    found: set[str] = set()
    waiting = list(direct[name])
    while waiting:
        below = waiting.pop()
        if below not in found:
            found.add(below)
            waiting += direct[below]
    return found


def _graphviz(text: str) -> str:
    try:
        done = subprocess.run(["dot", "-Tsvg"], input=text, capture_output=True, text=True)
    except FileNotFoundError as error:
        problem = "Graphviz is not installed: sudo ./scripts/system-packages graphviz"
        raise DiagramProblemError(problem) from error
    if done.returncode != 0:
        raise DiagramProblemError(done.stderr)
    # What comes before names the version that drew it.
    return done.stdout[done.stdout.index("<svg") :]


def main() -> int:
    """Draw all; return the exit code."""
    (FOLDER / ROOMS).write_text(rooms())
    try:
        for file in texts():
            file.with_suffix(".svg").write_text(picture(file))
    except (DiagramProblemError, ladder.LadderProblemError) as error:
        print(f"diagrams: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
