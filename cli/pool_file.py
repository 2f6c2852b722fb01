"""The operator's list of numbers to order: CSV, read whole and judged line by line (A6).

    number,type,country,city,state
    +12065550142,Local,US,Seattle,WA
    +18005550142,TollFree,US,,

The first line names the columns, in any order; city and state may be left out.
"""

import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from model.numbers import NumberKind, PoolNumber, facts_of

COLUMNS = ("number", "type", "country", "city", "state")
REQUIRED = COLUMNS[:3]
HOME_COUNTRY = "US"
LONGEST_CITY = 100
_STATE = re.compile(r"[A-Z]{2}", re.ASCII)
_KINDS = {"Local": NumberKind.ORDINARY, "TollFree": NumberKind.TOLL_FREE}


class Entry(NamedTuple):
    """A number of the file that can be offered."""

    line: int
    number: PoolNumber


class Problem(NamedTuple):
    """Why a line cannot be used."""

    line: int
    reason: str

    def __str__(self) -> str:
        """Return what to tell a person."""
        return f"line {self.line}: {self.reason}"


class BadLine(Exception):
    """A line that cannot be used; the text says why."""


def read(lines: Iterable[str]) -> tuple[list[Entry], list[Problem]]:
    """Return the numbers and the problems of a file; with a problem, nothing should be written."""
    entries: list[Entry] = []
    problems: list[Problem] = []
    first_lines: dict[str, int] = {}
    for line, row in _rows(lines, problems):
        try:
            number = _number(row)
            first = first_lines.setdefault(number.e164, line)
            if first != line:
                raise BadLine(f"{number.e164} is on line {first} already")
        except BadLine as bad:
            problems.append(Problem(line, str(bad)))
        else:
            entries.append(Entry(line, number))
    return entries, problems


def _rows(lines: Iterable[str], problems: list[Problem]) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the lines behind the first by their columns; what cannot be read is a problem."""
    reader = csv.reader(lines, strict=True)
    try:
        header = [name.strip().lower() for name in next(reader, [])]
        problem = _header_problem(header)
        if problem is not None:
            problems.append(Problem(1, problem))
            return
        for cells in reader:
            if len(cells) == len(header):
                stripped = [cell.strip() for cell in cells]
                yield reader.line_num, dict(zip(header, stripped, strict=True))
            elif cells:
                reason = f"it has {len(cells)} columns; {len(header)} are wanted"
                problems.append(Problem(reader.line_num, reason))
    except csv.Error as error:
        problems.append(Problem(reader.line_num, f"it is no CSV: {error}"))


def _header_problem(header: list[str]) -> str | None:
    missing = [name for name in REQUIRED if name not in header]
    unknown = [name for name in header if name not in COLUMNS]
    if missing or unknown or len(set(header)) < len(header):
        return (
            f"the first line names the columns {', '.join(map(repr, header)) or 'of nothing'}; "
            f"{', '.join(REQUIRED)} are wanted, city and state are possible, each once"
        )
    return None


def _number(row: Mapping[str, str]) -> PoolNumber:
    e164, number_type, country = (row[name] for name in REQUIRED)
    facts = facts_of(e164)
    if facts is None:
        raise BadLine(f"number is {e164!r}; a valid number in E.164 is wanted")
    if number_type not in _KINDS:
        raise BadLine(f"type is {number_type!r}; one of {', '.join(_KINDS)} is wanted")
    if facts.kind is not _KINDS[number_type]:
        raise BadLine(f"type is {number_type}, but {e164} is {facts.kind.value}")
    if facts.region != country:
        raise BadLine(f"country is {country!r}, but {e164} belongs to {facts.region}")
    city, state = row.get("city") or None, row.get("state") or None
    _check_place(country, city, state)
    return PoolNumber(e164=e164, number_type=number_type, country=country, city=city, state=state)


def _check_place(country: str, city: str | None, state: str | None) -> None:
    if city is not None and not (city.isprintable() and len(city) <= LONGEST_CITY):
        raise BadLine(f"city has {len(city)} characters; at most {LONGEST_CITY}, printable")
    if state is None:
        if city is not None and country == HOME_COUNTRY:
            raise BadLine(f"city is {city!r} without a state; no search would find it (API PN4)")
        return
    if country != HOME_COUNTRY:
        raise BadLine(f"state is {state!r}; only numbers of {HOME_COUNTRY} have one")
    if not _STATE.fullmatch(state):
        raise BadLine(f"state is {state!r}; two capital letters are wanted")
