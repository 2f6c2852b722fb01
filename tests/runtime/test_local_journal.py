"""The node's own journal: what is on the disk can be read again, whatever the disk does.

EDGE C9
"""

import asyncio
import errno
import os
import shutil
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.runtime import local_journal
from edge.runtime.journal_lines import (
    JOURNAL,
    VERSION,
    Content,
    Entry,
    ForeignJournalError,
    Header,
    content_of,
    entry_line,
    header_line,
    line_of,
    seen_line,
)
from edge.runtime.local_journal import LocalJournal
from model.codec import Item
from tests.runtime.scripted import Lines, until

HEADER = Header("node1", "ovc")
SEEN_AT = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)


def row(name: str, value: str = "1") -> Item:
    return {"transaction_id": {"S": name}, "v": {"S": value}}


def put(name: str, value: str = "1") -> Entry:
    return Entry(put=row(name, value))


def a_file(*lines: bytes, header: bytes = header_line(HEADER)) -> bytes:
    return header + b"".join(lines)


def test_of_lines_with_one_name_the_last_counts() -> None:
    data = a_file(
        entry_line("a", put("a")),
        entry_line("b", put("b")),
        seen_line(SEEN_AT),
        entry_line("a", put("a", "2")),
        entry_line("c", Entry(delete=row("c"))),
        entry_line("b", Entry()),
    )
    entries = {"a": put("a", "2"), "c": Entry(delete=row("c"))}
    assert content_of(data) == Content(HEADER, entries, SEEN_AT, 0)


def test_an_empty_journal_says_nothing() -> None:
    assert content_of(a_file()) == Content(HEADER, {}, None, 0)


@given(st.data())
def test_whatever_happens_to_a_line_the_others_are_read(data: st.DataObject) -> None:
    lines = [entry_line(name, put(name)) for name in "abc"]
    hurt = data.draw(st.integers(0, 2))
    line = bytearray(lines[hurt])
    at = data.draw(st.integers(0, len(line) - 2))
    line[at] ^= data.draw(st.integers(1, 255))
    lines[hurt] = bytes(line)
    content = content_of(a_file(*lines))
    assert content.damaged >= 1
    others = set("abc") - {"abc"[hurt]}
    assert set(content.entries) == others


@given(st.integers(1, 200))
def test_a_file_that_was_cut_says_what_was_whole(missing: int) -> None:
    lines = [entry_line(name, put(name)) for name in "abcdef"]
    whole = a_file(*lines)
    cut = whole[:-missing]
    content = content_of(cut)
    kept = [name for name, line in zip("abcdef", lines, strict=True) if line in cut]
    assert list(content.entries) == kept
    assert content.damaged == (0 if cut.endswith(b"\n") else 1)


@given(st.binary(max_size=300))
def test_any_bytes_are_a_journal_or_none(data: bytes) -> None:
    with pytest.raises(ForeignJournalError):
        content_of(data)
    assert content_of(a_file() + data).header == HEADER


def test_a_journal_of_another_version_says_what_to_do() -> None:
    newer = line_of({"journal": JOURNAL, "version": VERSION + 1, "rows": []})
    with pytest.raises(ForeignJournalError, match="of version 2, and this edge reads 1: start an"):
        content_of(newer + entry_line("a", put("a")))


class World:
    """A journal in a directory, and who hears of its rows."""

    def __init__(self, directory: Path, longest_bytes: int = 1 << 20) -> None:
        self.directory, self.log = directory, Lines()
        self.kept: dict[str, list[bool]] = {}
        self.journal = LocalJournal(directory, HEADER, longest_bytes=longest_bytes, log=self.log)

    def keep(self, name: str, value: str = "1") -> None:
        told = self.kept.setdefault(name, [])
        self.journal.keep(name, put(name, value), told.append)

    async def settled(self) -> None:
        await until(lambda: not self.journal.pending and self.journal._group is None)

    @property
    def files(self) -> list[Path]:
        return list(self.directory.iterdir())

    def content(self) -> Content:
        (file,) = self.files
        return content_of(file.read_bytes())

    def rows(self) -> dict[str, str]:
        rows = {name: entry.put for name, entry in self.content().entries.items()}
        return {name: str(item["v"]["S"]) for name, item in rows.items() if item is not None}


def in_world(
    directory: Path, test: Callable[[World], Awaitable[None]], longest_bytes: int = 1 << 20
) -> None:
    async def run() -> None:
        world = World(directory, longest_bytes)
        try:
            await test(world)
        finally:
            world.journal.close()

    asyncio.run(run())


@pytest.fixture
def flushes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return the descriptors that were flushed."""
    seen: list[int] = []
    flush = os.fdatasync

    def counted(descriptor: int) -> None:
        seen.append(descriptor)
        flush(descriptor)

    monkeypatch.setattr("os.fdatasync", counted)
    return seen


def test_what_is_kept_at_the_same_moment_costs_one_flush(
    tmp_path: Path, flushes: list[int]
) -> None:
    async def test(world: World) -> None:
        for number in range(500):
            world.keep(f"r{number}")
        assert world.kept["r0"] == [], "nobody hears of it before it is flushed"
        await world.settled()
        # The first is on its way before the others come.
        assert len(flushes) == 2
        assert all(told == [True] for told in world.kept.values())
        assert len(world.rows()) == 500

    in_world(tmp_path, test)


def test_the_file_is_empty_once_the_table_has_everything(tmp_path: Path) -> None:
    async def test(world: World) -> None:
        for name in "abc":
            world.keep(name)
        await world.settled()
        world.journal.drop("a")
        await world.settled()
        assert set(world.rows()) == {"b", "c"}
        for name in "bc":
            world.journal.drop(name)
        await world.settled()
        world.keep("d")
        await world.settled()
        assert world.rows() == {"d": "1"}
        assert len(world.files[0].read_bytes()) < 250, "what was there is gone"
        world.journal.drop("d")
        await world.settled()
        assert world.content() == Content(HEADER, {}, None, 0)

    in_world(tmp_path, test)
    assert list(tmp_path.iterdir()) == []


def test_of_a_name_the_newest_row_is_kept_and_the_older_one_hears_so(tmp_path: Path) -> None:
    async def test(world: World) -> None:
        world.keep("first")
        for value in "123":
            world.keep("a", value)
        await world.settled()
        assert world.kept["a"] == [False, False, True]
        assert world.rows()["a"] == "3"
        world.keep("a", "4")
        await world.settled()
        assert world.rows()["a"] == "4"
        assert list(tmp_path.iterdir()), "a row is needed"

    in_world(tmp_path, test)


@pytest.mark.parametrize("settles", [False, True], ids=["on its way", "there"])
def test_a_row_that_the_table_has_is_not_needed(tmp_path: Path, settles: bool) -> None:
    async def test(world: World) -> None:
        world.keep("a")
        world.keep("b")
        if settles:
            await world.settled()
        world.journal.drop("a")
        world.journal.drop("unknown")
        await world.settled()
        assert set(world.rows()) == {"b"}

    in_world(tmp_path, test)


def test_a_row_that_was_dropped_may_be_kept_again(tmp_path: Path) -> None:
    async def test(world: World) -> None:
        for name in ("a", "other"):
            world.keep(name)
        await world.settled()
        world.journal.drop("a")
        world.keep("a", "2")
        await world.settled()
        assert world.rows() == {"other": "1", "a": "2"}
        world.keep("on the way")
        world.journal.drop("a")
        world.keep("a", "3")
        await world.settled()
        assert world.rows()["a"] == "3"

    in_world(tmp_path, test)


def test_what_was_dropped_while_the_disk_refused_is_not_needed_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_journal, "AGAIN_AFTER_S", 0.05)
    disk = Disk(monkeypatch)

    async def test(world: World) -> None:
        for name in "abc":
            world.keep(name)
        await world.settled()
        disk.when, disk.error = "write", OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        for name in "ab":
            world.journal.drop(name)
            await world.settled()
        disk.error = None
        await asyncio.sleep(0.06)
        world.keep("d")
        await until(lambda: world.kept["d"] == [True])
        assert set(world.rows()) == {"c", "d"}

    in_world(tmp_path, test)


def test_when_the_node_was_seen_is_kept_until_the_table_knows_better(tmp_path: Path) -> None:
    async def test(world: World) -> None:
        world.keep("a")
        world.journal.seen(SEEN_AT)
        await world.settled()
        assert world.content().seen_at == SEEN_AT
        assert await world.journal.read(["a", "unknown"]) == {"a": put("a")}
        world.journal.drop_seen()
        world.journal.drop("a")
        await world.settled()

    in_world(tmp_path, test)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_has_grown_is_written_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_journal, "WASTE_BYTES", 500)

    async def test(world: World) -> None:
        world.keep("kept")
        for number in range(30):
            world.keep("again", str(number))
            world.keep(f"gone{number}")
            await world.settled()
            world.journal.drop(f"gone{number}")
        await world.settled()
        assert world.rows() == {"kept": "1", "again": "29"}
        assert world.files[0].stat().st_size < 1_500
        assert await world.journal.read(["kept"]) == {"kept": put("kept")}

    in_world(tmp_path, test)


def test_a_full_journal_says_so_and_keeps_what_it_has(tmp_path: Path) -> None:
    async def test(world: World) -> None:
        for number in range(30):
            world.keep(f"r{number:02d}", "x" * 100)
        await world.settled()
        told = [name for name, kept in world.kept.items() if kept == [True]]
        assert 5 < len(told) < 15
        assert set(world.rows()) == set(told)
        assert all(kept in ([True], [False]) for kept in world.kept.values())
        assert world.log.events() == ["journal-full"]
        assert "OVC_JOURNAL_MEGABYTES" in str(world.log.of("journal-full")[0]["hint"])
        for name in told:
            world.journal.drop(name)
        world.keep("later")
        await world.settled()
        assert world.rows() == {"later": "1"}

    in_world(tmp_path, test, longest_bytes=2_000)


class Disk:
    """A disk whose moods are switches."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.error: OSError | None = None
        self.when = ""
        self._write, self._flush = os.write, os.fdatasync
        monkeypatch.setattr("os.write", self.write)
        monkeypatch.setattr("os.fdatasync", self.flush)

    def write(self, descriptor: int, data: bytes) -> int:
        if self.error is not None and self.when == "write":
            self._write(descriptor, bytes(data[: len(data) // 2]))
            raise self.error
        return self._write(descriptor, data)

    def flush(self, descriptor: int) -> None:
        if self.error is not None and self.when == "flush":
            raise self.error
        self._flush(descriptor)


@pytest.mark.parametrize("when", ["write", "flush"])
def test_a_disk_that_refuses_is_told_of_once_and_tried_again_with_everything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    monkeypatch.setattr(local_journal, "AGAIN_AFTER_S", 0.05)
    disk = Disk(monkeypatch)

    async def test(world: World) -> None:
        world.keep("before")
        await world.settled()
        disk.when, disk.error = when, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        world.keep("a")
        await until(lambda: world.kept["a"])
        world.keep("b")  # left alone for a while
        await until(lambda: world.kept["b"])
        assert (world.kept["a"], world.kept["b"]) == ([False], [False])
        assert set(world.rows()) == {"before"}, "half a line is cut off again"
        await asyncio.sleep(0.06)
        world.keep("c")
        await until(lambda: world.kept["c"] == [False])
        assert world.log.events() == ["journal-refuses"]
        assert world.log.of("journal-refuses")[0]["error"] == "No space left on device"
        disk.error = None
        await asyncio.sleep(0.06)
        world.keep("d")
        await until(lambda: world.kept["d"] == [True])
        assert set(world.rows()) == {"before", "d"}, "in a file that can be trusted"
        assert world.log.events() == ["journal-refuses", "journal-back"]

    in_world(tmp_path, test)


def test_a_directory_that_goes_away_is_no_crash(tmp_path: Path) -> None:
    directory = tmp_path / "gone"
    directory.mkdir()
    shutil.rmtree(directory)

    async def test(world: World) -> None:
        world.keep("a")
        await until(lambda: world.kept["a"] == [False])
        assert world.log.events() == ["journal-refuses"]

    in_world(directory, test)
