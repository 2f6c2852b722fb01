"""Rows into a file of lines, and a file that is there as a whole or not at all."""

import csv
import io
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Protocol

from cli.errors import CommandError
from cli.records.table import COLUMNS, row_of
from model.cdr_reader import ReadRecord


class RecordWriter(Protocol):
    """Writes records in one format to what it was made with."""

    def write(self, record: ReadRecord) -> None:
        """Write a record, now or with others."""

    def close(self) -> None:
        """Write what is left; the file itself stays open."""


class JsonLines:
    """One JSON object a line."""

    def __init__(self, out: IO[bytes]) -> None:
        self._out = out

    def write(self, record: ReadRecord) -> None:
        """Write a line."""
        line = json.dumps(row_of(record), separators=(",", ":"), ensure_ascii=False)
        self._out.write(line.encode() + b"\n")

    def close(self) -> None:
        """Do nothing: every line is written."""


class CsvLines:
    """A head of names and a line for each record (RFC 4180, with line feeds alone)."""

    def __init__(self, out: IO[bytes]) -> None:
        self._out = out
        self._text = io.StringIO()
        names = [column.name for column in COLUMNS]
        self._rows = csv.DictWriter(self._text, names, lineterminator="\n")
        self._rows.writeheader()
        self._flush()

    def write(self, record: ReadRecord) -> None:
        """Write a line."""
        self._rows.writerow(row_of(record))
        self._flush()

    def close(self) -> None:
        """Do nothing: every line is written."""

    def _flush(self) -> None:
        self._out.write(self._text.getvalue().encode())
        self._text.seek(0)
        self._text.truncate()


@contextmanager
def whole_file(path: Path) -> Iterator[IO[bytes]]:
    """Give a file that takes the name `path` once all is written; only its owner may read it.

    Whatever goes wrong before that, Ctrl-C included, leaves what was there. Raises CommandError.
    """
    try:
        descriptor, name = tempfile.mkstemp(
            dir=path.parent, prefix=f".{path.name}.", suffix=".part"
        )
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}") from error
    try:
        with os.fdopen(descriptor, "wb") as out:
            yield out
            out.flush()
            os.fsync(out.fileno())
        os.replace(name, path)
    except BaseException as error:
        with suppress(FileNotFoundError):
            os.unlink(name)
        if isinstance(error, OSError):
            raise CommandError(f"{path}: {error.strerror}; nothing was written") from error
        raise
