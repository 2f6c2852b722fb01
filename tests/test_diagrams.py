"""The pictures of docs/architecture.md belong to their texts, that of the rooms to the code."""

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from scripts import diagrams, ladder
from tests.test_architecture import MAY_IMPORT, ROOMS

TEXTS = diagrams.texts()
PAGE = diagrams.FOLDER.parent / "architecture.md"
SVG = "{http://www.w3.org/2000/svg}"
REMEDY = "run make diagrams, look at the pictures, commit them"


@pytest.mark.parametrize("text", TEXTS, ids=[path.name for path in TEXTS])
def test_a_picture_was_made_of_the_text_beside_it(text: Path) -> None:
    drawn = text.with_suffix(".svg").read_text()
    assert diagrams.made_of(drawn) == diagrams.hash_of(text.read_text()), REMEDY
    ElementTree.fromstring(drawn)
    # Only Graphviz may be another one here than where the picture was made.
    if text.suffix == ".ladder":
        assert drawn == diagrams.picture(text), REMEDY


def test_the_page_shows_every_picture_and_no_other() -> None:
    shown = re.findall(r"!\[[^\]]+\]\(diagrams/([\w-]+)\.svg\)", PAGE.read_text())
    assert sorted(shown) == sorted({path.stem for path in TEXTS})
    assert sorted(shown) == sorted(path.stem for path in diagrams.FOLDER.glob("*.svg"))


def test_the_picture_of_the_rooms_is_the_table_of_imports() -> None:
    text = (diagrams.FOLDER / diagrams.ROOMS).read_text()
    assert text == diagrams.rooms(), REMEDY
    arrows = set(re.findall(r'"([\w.]+)" -> "([\w.]+)"', text))
    # What an arrow leads to may be imported, and whatever may be imported is led to.
    reached = {name: {name} for pair in arrows for name in pair}
    for _ in reached:
        for name, below in arrows:
            reached[name] |= reached[below]
    assert {name for name in reached if "." not in name} == set(ROOMS) - {"edge"}
    for name, allowed in MAY_IMPORT.items():
        for it in allowed - {"edge"}:
            room, below = (each if each in reached else _stands_for(each) for each in (name, it))
            assert below in reached[room], f"{name} may import {it}"
    assert not any(below in ("cli", "emulator", "infra") for name, below in arrows if name != "cli")


def _stands_for(module: str) -> str:
    return "edge.ground" if module.startswith("edge.") else module.partition(".")[0]


LADDER = "actor a: one\nactor b: two\nactor c: three\n"


def texts_of(picture: str) -> list[tuple[str, float]]:
    found = ElementTree.fromstring(picture).iter(f"{SVG}text")
    return [(it.text or "", float(it.attrib["x"])) for it in found]


def test_a_long_text_has_room_between_its_columns() -> None:
    said = "something that takes quite some room"
    places = dict(texts_of(ladder.svg(f"{LADDER}a -> b: {said}\nb <-> c: x\n")))
    assert places["two"] - places["one"] >= ladder.width_of([said])
    assert places["three"] - places["two"] < places["two"] - places["one"]
    assert places[said] == (places["one"] + places["two"]) / 2


def test_everything_is_within_the_picture() -> None:
    picture = ladder.svg(
        f"{LADDER}a: what the first one does by itself\nc: and the last\n... & so\n"
    )
    width = float(ElementTree.fromstring(picture).attrib["width"])
    for box in ElementTree.fromstring(picture).iter(f"{SVG}rect"):
        left = float(box.attrib.get("x", 0))
        assert left >= 0 and left + float(box.attrib["width"]) <= width
    assert "& so" in dict(texts_of(picture))


@pytest.mark.parametrize(
    ("line", "said"),
    [("a -> d: x", "there is no actor 'd'"), ("d: x", "no actor 'd'"), ("a ~ b", "is no line")],
)
def test_a_line_that_means_nothing_is_told(line: str, said: str) -> None:
    with pytest.raises(ladder.LadderProblemError, match=said):
        ladder.svg(LADDER + line)
