"""A journal file that is being written: appended to, flushed, locked, and made small again.

Everything here blocks; it is for a thread. Whatever the disk says is raised as it is (OSError).
"""

import fcntl
import os
from collections.abc import Iterable
from pathlib import Path
from uuid import uuid4

from edge.runtime.journal_lines import Header, header_line

SUFFIX = ".journal"
_MODE = 0o600
"""Call detail is nobody else's business (EDGE S14)."""


def prepare(directory: Path) -> None:
    """Make sure that journals can be kept in a directory; raises OSError."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    JournalFile(directory, Header("", "")).close(remove=True)


class UnflushedError(OSError):
    """The disk could not flush: what it has of the file nobody knows."""


class JournalFile:
    """One process's journal, from its first line to its removal.

    The file is locked as long as it is open: who finds one without a lock may take it over.
    """

    def __init__(self, directory: Path, header: Header) -> None:
        """Make the file in a directory, under a name of its own; raises OSError."""
        self._directory = directory
        self._first_line = header_line(header)
        self._path, self._descriptor = self._made()
        self.size = len(self._first_line)
        """Octets that were written and flushed."""

    def append(self, lines: bytes) -> int:
        """Write lines and flush them to the disk; return where they begin.

        When that fails the file is cut to what it was; after an UnflushedError it had better be
        written anew.
        """
        start = self.size
        try:
            _write_all(self._descriptor, lines)
        except OSError:
            self._cut(start)
            raise
        try:
            os.fdatasync(self._descriptor)
        except OSError as error:
            self._cut(start)
            raise UnflushedError(*error.args) from error
        self.size = start + len(lines)
        return start

    def read(self, start: int, length: int) -> bytes:
        """Return what stands at a place."""
        return os.pread(self._descriptor, length, start)

    def clear(self) -> None:
        """Leave nothing but the header."""
        self._cut(len(self._first_line))

    def rewrite(self, lines: Iterable[bytes]) -> list[int]:
        """Go on in a new file that begins with these lines; return where each begins.

        The old file goes when the new one is flushed: the disk needs room for both.
        """
        path, descriptor = self._made()
        starts, size = [], len(self._first_line)
        try:
            for line in lines:
                _write_all(descriptor, line)
                starts.append(size)
                size += len(line)
            os.fdatasync(descriptor)
        except OSError:
            path.unlink(missing_ok=True)
            os.close(descriptor)
            raise
        self.close(remove=True)
        self._path, self._descriptor, self.size = path, descriptor, size
        return starts

    def close(self, *, remove: bool) -> None:
        """Let go of the file, and remove it if nobody needs it any more."""
        if remove:
            self._path.unlink(missing_ok=True)
        os.close(self._descriptor)

    def _made(self) -> tuple[Path, int]:
        path = self._directory / f"{uuid4().hex}{SUFFIX}"
        # Nobody shall find it before it is locked.
        unlocked = path.with_suffix(".new")
        descriptor = os.open(unlocked, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_APPEND, _MODE)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _write_all(descriptor, self._first_line)
            os.fsync(descriptor)
            unlocked.rename(path)
            _flush_directory(self._directory)
        except OSError:
            for made in (unlocked, path):
                made.unlink(missing_ok=True)
            os.close(descriptor)
            raise
        return path, descriptor

    def _cut(self, size: int) -> None:
        os.ftruncate(self._descriptor, size)
        self.size = size


def _write_all(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _flush_directory(directory: Path) -> None:
    """Let the disk know which files there are, not only what is in them."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
