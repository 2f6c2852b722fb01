"""The node's own journal: rows that the table has not taken, on the disk (EDGE C9, C10).

What is to be kept is collected while the disk is busy and goes to it in one piece, with one flush:
a thousand calls that are answered at the same moment cost one. The file is empty as long as the
table takes what it gets, and never longer than it may be. A disk that is full or broken is told of
once, and tried again. After a flush that failed all that is still to be kept goes into a new file:
what the disk has really got of the old one, nobody knows.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from edge.runtime.journal_file import JournalFile, UnflushedError
from edge.runtime.journal_lines import Entry, Header, entry_line, rows_in, seen_line
from edge.runtime.log import Logger

AT_ONCE = 2_000
"""Rows of one flush: about 2 MB."""
WASTE_BYTES = 4 << 20
"""What may stand in the file and not be needed any more before it is written anew."""
AGAIN_AFTER_S = 1.0
"""How long a disk that refuses is left alone."""

Kept = Callable[[bool], None]
"""Hears whether a row is on the disk, flushed."""


_SEEN = ""
"""The name of the line that says when the node was alive."""


class _Place(NamedTuple):
    start: int
    length: int


class _Waiting(NamedTuple):
    line: bytes
    kept: Kept


class _Group(NamedTuple):
    """What goes to the disk at once."""

    drops: list[str]
    """What is not needed any more; a newer row of the name may be among `rows`."""
    rows: dict[str, _Waiting]
    clears: bool
    """Nothing that stands in the file is needed."""
    moves: dict[str, _Place] | None
    """What is needed of the file goes into a new one: it is too long, or nobody can trust it."""


class _Written(NamedTuple):
    """Where the rows of a group stand, and those that were moved."""

    rows: list[int]
    moved: list[int]


class LocalJournal:
    """Keeps rows by name, the newest of each, until they are dropped."""

    def __init__(self, directory: Path, header: Header, *, longest_bytes: int, log: Logger) -> None:
        """Keep rows in a new file of `directory`: at most `longest_bytes` of them, and while they
        are written anew the disk needs room for them twice."""
        self._directory = directory
        self._header = header
        self._longest = longest_bytes
        self._log = log
        self._places: dict[str, _Place] = {}
        self._needed_bytes = 0
        self._waiting: dict[str, _Waiting] = {}
        self._drops: list[str] = []
        self._group: _Group | None = None
        self._late: set[str] = set()
        """Names that were dropped while they were on their way."""
        self._refuses = self._is_suspect = self._is_full = self._is_closed = False
        self._again_at = 0.0
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="journal")
        self._file: JournalFile | None = None
        try:
            self._file = JournalFile(directory, header)
        except OSError as error:
            self._tell_refusal(error)

    @property
    def pending(self) -> int:
        """Return how many rows are on their way to the disk."""
        return len(self._waiting) + (0 if self._group is None else len(self._group.rows))

    def keep(self, name: str, entry: Entry, kept: Kept) -> None:
        """Bring a row to the disk; `kept` hears whether it got there, False if a newer one did."""
        self._take(name, entry_line(name, entry), kept)

    def seen(self, at: datetime) -> None:
        """Note that the node is alive, for whoever finds the file."""
        self._take(_SEEN, seen_line(at), lambda is_kept: None)

    def drop(self, name: str) -> None:
        """Forget a row: the table has it."""
        waiting = self._waiting.pop(name, None)
        if waiting is not None:
            waiting.kept(False)
        if self._group is not None and name in self._group.rows:
            self._late.add(name)
        self._forget(name)
        self._write()

    def drop_seen(self) -> None:
        """Forget when the node was seen: the table has a later moment."""
        self.drop(_SEEN)

    async def read(self, names: list[str]) -> dict[str, Entry] | None:
        """Return some of the rows that are on the disk, None when it cannot be asked now."""
        file, places = self._file, [self._places[name] for name in names if name in self._places]
        if file is None or (self._group is not None and self._group.moves is not None):
            return None
        loop = asyncio.get_running_loop()

        def read() -> bytes:
            return b"".join(file.read(*place) for place in places)

        try:
            return rows_in(await loop.run_in_executor(self._thread, read))
        except OSError as error:
            self._tell_refusal(error)
            return None

    def close(self) -> None:
        """Let go of the file; it goes if nothing in it is needed."""
        self._is_closed = True
        self._thread.shutdown()
        if self._file is not None:
            self._file.close(remove=not self._places)

    def _take(self, name: str, line: bytes, kept: Kept) -> None:
        older = self._waiting.pop(name, None)
        if older is not None:
            older.kept(False)
        self._waiting[name] = _Waiting(line, kept)
        self._late.discard(name)
        self._write()

    def _forget(self, name: str) -> None:
        place = self._places.pop(name, None)
        if place is not None:
            self._needed_bytes -= place.length
            self._drops.append(name)

    def _write(self) -> None:
        """Let the thread have what waits, unless it is busy or the disk is left alone."""
        loop = asyncio.get_running_loop()
        if self._group is not None or not (self._waiting or self._drops) or self._is_closed:
            return
        if self._refuses and loop.time() < self._again_at:
            waiting, self._waiting = self._waiting, {}
            for it in waiting.values():
                loop.call_soon(it.kept, False)
            return
        self._group = group = self._next_group()
        loop.run_in_executor(self._thread, self._attempt, group).add_done_callback(self._done)

    def _next_group(self) -> _Group:
        rows, size = dict[str, _Waiting](), self._needed_bytes
        for name in list(islice(self._waiting, AT_ONCE)):
            waiting = self._waiting.pop(name)
            size += len(waiting.line)
            if size <= self._longest:
                rows[name] = waiting
            else:
                self._tell_full()
                asyncio.get_running_loop().call_soon(waiting.kept, False)
        self._is_full = self._is_full and size > self._longest // 2
        drops, self._drops = self._drops, []
        clears = not self._places
        moves = dict(self._places) if self._is_suspect or self._is_wasteful(size) else None
        return _Group(drops, rows, clears, moves)

    def _is_wasteful(self, needed: int) -> bool:
        """Tell whether it is time to write the file anew; that costs what all of it costs."""
        in_file = 0 if self._file is None else self._file.size
        waste = in_file - self._needed_bytes
        if in_file + needed - self._needed_bytes > self._longest:
            return waste > self._longest // 8
        return waste > max(WASTE_BYTES, self._needed_bytes)

    def _attempt(self, group: _Group) -> _Written | OSError:
        """Do it, in the thread."""
        try:
            return self._commit(group)
        except OSError as error:
            return error

    def _commit(self, group: _Group) -> _Written:
        file, moved, drops = self._file, list[int](), b""
        if file is None:
            file = self._file = JournalFile(self._directory, self._header)
        elif group.moves is not None:
            moved = file.rewrite([file.read(*place) for place in group.moves.values()])
        elif group.clears:
            file.clear()
        else:
            drops = b"".join(entry_line(name, Entry()) for name in group.drops)
        starts: list[int] = []
        lines = b"".join([it.line for it in group.rows.values()])
        if drops or lines:
            at = file.append(drops + lines) + len(drops)
            for it in group.rows.values():
                starts.append(at)
                at += len(it.line)
        return _Written(starts, moved)

    def _done(self, done: "asyncio.Future[_Written | OSError]") -> None:
        group, written = self._group, done.result()
        assert group is not None
        self._group = None
        if isinstance(written, OSError):
            self._again_at = asyncio.get_running_loop().time() + AGAIN_AFTER_S
            self._is_suspect = self._is_suspect or isinstance(written, UnflushedError)
            self._tell_refusal(written)
            self._drops = group.drops + self._drops
        else:
            self._note(group, written)
        for waiting in group.rows.values():
            waiting.kept(not isinstance(written, OSError))
        self._late.clear()
        self._write()

    def _note(self, group: _Group, written: _Written) -> None:
        """Note where everything stands now."""
        if group.moves is not None:
            self._is_suspect = False
        if self._refuses:
            self._refuses = False
            self._log("journal-back", {"directory": str(self._directory)})
        for (name, before), start in zip((group.moves or {}).items(), written.moved, strict=False):
            if self._places.get(name) is before:
                self._places[name] = _Place(start, before.length)
        for (name, waiting), start in zip(group.rows.items(), written.rows, strict=True):
            older = self._places.pop(name, None)
            self._needed_bytes += len(waiting.line) - (0 if older is None else older.length)
            self._places[name] = _Place(start, len(waiting.line))
            if name in self._late:
                self._forget(name)

    def _tell_refusal(self, error: OSError) -> None:
        if not self._refuses:
            self._refuses = True
            self._log(
                "journal-refuses",
                {
                    "directory": str(self._directory),
                    "error": error.strerror or str(error),
                    "hint": "if the table is away as well, calls are in memory alone: make room on "
                    "this disk, or set OVC_JOURNAL_DIRECTORY to another one",
                },
            )

    def _tell_full(self) -> None:
        if not self._is_full:
            self._is_full = True
            self._log(
                "journal-full",
                {
                    "directory": str(self._directory),
                    "bytes": self._needed_bytes,
                    "hint": "calls are in memory alone until the table takes rows again; "
                    "OVC_JOURNAL_MEGABYTES says how much the journal may hold",
                },
            )
