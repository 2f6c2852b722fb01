"""Draws who says what to whom, from a text, as SVG.

    actor pbx: PBX              one column; \\n in a text begins another line
    pbx -> edge: INVITE         a message; <-> goes both ways, => is the one that matters
    edge: checks                what somebody does by itself
    ... every two seconds       what is between the rows above and below
    # whatever                  nobody sees it

The columns stand as far apart as the texts between them want. The same text gives the same
picture everywhere, which the page compares.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise

FONT = "DejaVu Sans, Verdana, sans-serif"
_SIZE, _LINE, _GAP, _PAD = 12, 15, 12, 14
_WIDTH = 7.0
"""Of an average character of DejaVu Sans at that size, rounded up."""
_INK, _FAINT, _STRONG = "#44546a", "#b0b7c3", "#c00000"
_ACTOR = re.compile(r"actor (\w+): (.+)")
_MESSAGE = re.compile(r"(\w+) (->|<->|=>) (\w+): (.+)")
_ACTION = re.compile(r"(\w+): (.+)")
_PAUSE = re.compile(r"\.\.\. (.+)")


class LadderProblemError(Exception):
    """A line that means nothing; the message has it."""


@dataclass(frozen=True)
class Row:
    """One line of the text: a message, an action of one column, or a pause over all of them."""

    lines: list[str]
    start: int
    end: int
    arrow: str = ""
    """Empty if nothing goes from one column to another."""

    @property
    def width(self) -> float:
        """Return how wide the text is."""
        return width_of(self.lines)


def width_of(lines: Sequence[str]) -> float:
    """Return how wide lines of text are, the margins included."""
    return max(map(len, lines)) * _WIDTH + 2 * _PAD


def svg(text: str) -> str:
    """Return the picture; raises LadderProblemError."""
    actors, rows = _read(text)
    places = _columns(actors, rows)
    heads = [actor.split(r"\n") for actor in actors]
    top = _GAP + max(map(len, heads)) * _LINE + _PAD
    drawn, y = [], float(top + _GAP)
    for row in rows:
        height = len(row.lines) * _LINE
        drawn.append(_row(row, places, y))
        y += height + (_PAD + _GAP if not row.arrow else _GAP + 4)
    right = places[-1] + _overhang(heads[-1], rows, len(places) - 1)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{right + _GAP:g}" height="{y:g}" '
        f'viewBox="0 0 {right + _GAP:g} {y:g}" font-family="{FONT}" font-size="{_SIZE}">',
        f'<rect width="{right + _GAP:g}" height="{y:g}" fill="white"/>',
        *(_line(x, top, x, y - _GAP, _FAINT) for x in places),
        *(
            _box(x, _GAP, head, "#f2f2f2", top - _GAP)
            for x, head in zip(places, heads, strict=True)
        ),
        *drawn,
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _read(text: str) -> tuple[list[str], list[Row]]:
    names: dict[str, str] = {}
    rows: list[Row] = []
    for line in map(str.strip, text.splitlines()):
        if not line or line.startswith("#"):
            continue
        if found := _ACTOR.fullmatch(line):
            names[found[1]] = found[2]
        else:
            rows.append(_row_of(line, {name: place for place, name in enumerate(names)}))
    return list(names.values()), rows


def _row_of(line: str, places: Mapping[str, int]) -> Row:
    try:
        if found := _PAUSE.fullmatch(line):
            return Row(found[1].split(r"\n"), 0, len(places) - 1)
        if found := _MESSAGE.fullmatch(line):
            return Row(found[4].split(r"\n"), places[found[1]], places[found[3]], found[2])
        if found := _ACTION.fullmatch(line):
            return Row(found[2].split(r"\n"), places[found[1]], places[found[1]])
    except KeyError as error:
        raise LadderProblemError(f"{line!r}: there is no actor {error}") from error
    raise LadderProblemError(f"{line!r} is no line of a ladder")


def _overhang(head: Sequence[str], rows: Sequence[Row], place: int) -> float:
    """Return how far what stands on the first or last column reaches beyond its middle."""
    own = [row.width / 2 for row in rows if not row.arrow and row.start == row.end == place]
    return max([_half(head), *own])


def _half(lines: Sequence[str]) -> float:
    return width_of(lines) / 2


def _columns(actors: Sequence[str], rows: Sequence[Row]) -> list[float]:
    """Return where the columns stand: every text has room between the columns that it spans."""
    heads = [actor.split(r"\n") for actor in actors]
    gaps = [_half(one) + _half(other) + _GAP for one, other in pairwise(heads)]
    for row in sorted(rows, key=lambda row: abs(row.end - row.start)):
        if row.arrow:
            first, last = sorted((row.start, row.end))
            missing = row.width - sum(gaps[first:last])
            for place in range(first, last):
                gaps[place] += max(0.0, missing) / (last - first)
    places = [_overhang(heads[0], rows, 0) + _GAP]
    for gap in gaps:
        places.append(places[-1] + gap)
    return [round(place) for place in places]


def _row(row: Row, places: Sequence[float], y: float) -> str:
    if not row.arrow:
        if row.start != row.end:
            middle = (places[0] + places[-1]) / 2
            return _box(middle, y, row.lines, "#f2f2f2", len(row.lines) * _LINE + _PAD, plain=True)
        return _box(places[row.start], y, row.lines, "#deebf7", len(row.lines) * _LINE + _PAD)
    start, end = places[row.start], places[row.end]
    colour = _STRONG if row.arrow == "=>" else _INK
    line = y + len(row.lines) * _LINE
    heads = [_head(end, line, 1 if end > start else -1, colour)]
    if row.arrow == "<->":
        heads.append(_head(start, line, -1 if end > start else 1, colour))
    text = _text((start + end) / 2, y, row.lines, colour if row.arrow == "=>" else "black")
    return "\n".join([_line(start, line, end, line, colour), *heads, text])


def _head(x: float, y: float, way: int, colour: str) -> str:
    back = x - 9 * way
    return f'<path d="M{x:g} {y:g}L{back:g} {y - 4:g}L{back:g} {y + 4:g}z" fill="{colour}"/>'


def _line(x1: float, y1: float, x2: float, y2: float, colour: str) -> str:
    return f'<path d="M{x1:g} {y1:g}L{x2:g} {y2:g}" stroke="{colour}" stroke-width="1.2"/>'


def _box(
    x: float, y: float, lines: Sequence[str], fill: str, height: float, *, plain: bool = False
) -> str:
    """Return a box with a text in it, its middle at x; `plain` has no border."""
    width = width_of(lines)
    border = "none" if plain else _INK
    rectangle = (
        f'<rect x="{x - width / 2:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="6" '
        f'fill="{fill}" stroke="{border}"/>'
    )
    above = (height - len(lines) * _LINE) / 2
    return rectangle + "\n" + _text(x, y + above, lines, "black", backed=False)


def _text(x: float, y: float, lines: Sequence[str], colour: str, *, backed: bool = True) -> str:
    """Return lines of text; `backed` hides what would cross them."""
    width = width_of(lines) - 2 * _PAD
    backing = (
        f'<rect x="{x - width / 2:g}" y="{y:g}" width="{width:g}" '
        f'height="{len(lines) * _LINE - 3}" fill="white"/>'
    )
    texts = [
        f'<text x="{x:g}" y="{y + number * _LINE + _SIZE - 1:g}" text-anchor="middle" '
        f'fill="{colour}">{escape(line)}</text>'
        for number, line in enumerate(lines)
    ]
    return "\n".join([*([backing] if backed else []), *texts])
