"""The lines of a journal file: what is written of rows, and what can be read of it again.

A file is a header and lines; of lines with the same name the last one counts.

    5f0c3a1e {"journal": "ovc-edge", "version": 1, "node_id": "...", "prefix": "ovc"}
    91b0e2d4 {"name": "<TransactionId>", "put": {...}}       the row shall be this
    0a3f8c77 {"name": "<TransactionId>", "delete": {...}}    there shall be no row
    c6d21b90 {"name": "<TransactionId>"}                     the table has it: nothing is to be done
    77e5a4f2 {"seen": "2026-01-01T12:00:00.000+00:00"}       the node was alive

Each begins with the CRC-32 of the rest, so that a line that a crash has cut, or that a disk has
mixed up, is known for what it is.
"""

import json
from binascii import crc32
from datetime import datetime
from typing import Any, NamedTuple

from model.codec import Item, moment_text

JOURNAL = "ovc-edge"
VERSION = 1

_SUM = 9
"""Characters of the checksum and the blank behind it."""


class Header(NamedTuple):
    """Whose journal it is."""

    node_id: str
    prefix: str
    """Of the deployment's tables."""


class Entry(NamedTuple):
    """What shall become of a row; both None: it has."""

    put: "Item | None" = None
    delete: "Item | None" = None


class Content(NamedTuple):
    """What a journal file says."""

    header: Header
    entries: dict[str, Entry]
    """What is still to be done, by name."""
    seen_at: datetime | None
    """When the node was last known to live."""
    damaged: int
    """Lines that cannot be read."""


class ForeignJournalError(Exception):
    """A file that this version cannot read; the message says why and what to do."""


def header_line(header: Header) -> bytes:
    """Return the first line of a file."""
    return line_of({"journal": JOURNAL, "version": VERSION, **header._asdict()})


def entry_line(name: str, entry: Entry) -> bytes:
    """Return a line about a row."""
    members: dict[str, object] = {"name": name}
    if entry.put is not None:
        members["put"] = entry.put
    elif entry.delete is not None:
        members["delete"] = entry.delete
    return line_of(members)


def seen_line(at: datetime) -> bytes:
    """Return a line that says when the node was alive."""
    return line_of({"seen": moment_text(at)})


def content_of(data: bytes) -> Content:
    """Return what a file says, its damaged lines left out; raises ForeignJournalError."""
    first, *rest = data.split(b"\n")
    header = _header(first)
    entries: dict[str, Entry] = {}
    seen_at: datetime | None = None
    # Behind the last line end nothing is left, or a line that was never finished.
    damaged = 1 if rest and rest.pop() else 0
    for line in rest:
        try:
            members = _members(line)
            if "seen" in members:
                seen_at = datetime.fromisoformat(members["seen"])
            else:
                _take(entries, members)
        except (ValueError, KeyError, TypeError):
            damaged += 1
    return Content(header, entries, seen_at, damaged)


def rows_in(data: bytes) -> dict[str, Entry]:
    """Return what some lines say of rows; those that cannot be read are left out."""
    entries: dict[str, Entry] = {}
    for line in data.splitlines():
        try:
            _take(entries, _members(line))
        except (ValueError, KeyError, TypeError):
            continue
    return entries


# A line holds whatever JSON there is.
def _take(entries: dict[str, Entry], members: dict[str, Any]) -> None:
    name = members["name"]
    if not isinstance(name, str):
        raise TypeError("a name is text")
    entries.pop(name, None)
    entry = Entry(members.get("put"), members.get("delete"))
    if entry != Entry():
        entries[name] = entry


def _header(line: bytes) -> Header:
    try:
        members = _members(line)
    except ValueError as error:
        raise ForeignJournalError(
            "its first line is none that a journal begins with; look at what it is, and keep other "
            "files elsewhere"
        ) from error
    version = members.get("version")
    if members.get("journal") != JOURNAL or version != VERSION:
        raise ForeignJournalError(
            f"it is of version {version}, and this edge reads {VERSION}: start an edge of that "
            "version on this directory once, and it writes what is in there to the tables"
        )
    return Header(str(members.get("node_id")), str(members.get("prefix")))


def line_of(members: dict[str, object]) -> bytes:
    """Return a line that says this."""
    text = json.dumps(members, separators=(",", ":")).encode()
    return b"%08x %b\n" % (crc32(text), text)


def _members(line: bytes) -> dict[str, Any]:
    """Return what a line says; raises ValueError for a damaged one."""
    text = line[_SUM:]
    if line[:_SUM] != b"%08x " % crc32(text):
        raise ValueError("the checksum is another one")
    members = json.loads(text)
    if not isinstance(members, dict):
        raise ValueError("it is no object")
    return members
