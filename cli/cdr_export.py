"""`ovc cdr export`: all wanted records as one table, into a file or a pipe."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum
from importlib import import_module
from pathlib import Path
from typing import IO

from cli.cdr import nothing_there, tell_rest
from cli.errors import CommandError, ExitCode
from cli.records.files import CsvLines, JsonLines, RecordWriter, whole_file
from cli.records.progress import Teller
from cli.records.source import Place, opened
from cli.records.stream import RecordStream
from cli.records.wanted import Wanted

STDOUT = "-"


class FileFormat(Enum):
    """What a table can be written as."""

    JSON = "json"
    CSV = "csv"
    PARQUET = "parquet"


_ENDINGS = {
    ".json": FileFormat.JSON,
    ".jsonl": FileFormat.JSON,
    ".ndjson": FileFormat.JSON,
    ".csv": FileFormat.CSV,
    ".parquet": FileFormat.PARQUET,
}


def export(
    place: Place, wanted: Wanted, *, out: str, file_format: FileFormat | None, limit: int | None
) -> None:
    """Write the records in the order of their keys, and say how many there are."""
    chosen = file_format or _by_ending(out)
    make = writer_of(chosen)
    if out == STDOUT and chosen is FileFormat.PARQUET and sys.stdout.isatty():
        raise CommandError("Parquet is not for a terminal: write it to a file", ExitCode.USAGE)
    source, tell = opened(place), Teller()
    stream = RecordStream(source.bucket, source.key_prefix, wanted, tell=tell)
    is_free = out != STDOUT or not sys.stdout.isatty()
    with _opened(out) as file, tell.watched(stream, is_free=is_free):
        written = _write(stream, make(file), limit)
    tell_rest(stream.counts, tell)
    if written == 0:
        tell(nothing_there(source, wanted))
    elif out != STDOUT:
        tell(f"{out}: records written: {written}")


def writer_of(file_format: FileFormat) -> Callable[[IO[bytes]], RecordWriter]:
    """Return what makes a writer; raises CommandError when a library is missing."""
    if file_format is FileFormat.JSON:
        return JsonLines
    if file_format is FileFormat.CSV:
        return CsvLines
    try:
        # Loaded when it is wanted: most people do without it, and it is large.
        module = import_module("cli.records.parquet")
    except ImportError as error:
        raise CommandError(
            f"Parquet needs pyarrow ({error}): pip install 'open-voice-connector[parquet]', or "
            "pip install pyarrow",
            ExitCode.USAGE,
        ) from error
    rows: Callable[[IO[bytes]], RecordWriter] = module.ParquetRows
    return rows


def _by_ending(out: str) -> FileFormat:
    if out == STDOUT:
        return FileFormat.JSON
    ending = Path(out).suffix.lower()
    if ending not in _ENDINGS:
        wanted = ", ".join(_ENDINGS)
        raise CommandError(
            f"--out is {out!r}; say --format, or a name that ends with one of {wanted}",
            ExitCode.USAGE,
        )
    return _ENDINGS[ending]


def _write(stream: RecordStream, writer: RecordWriter, limit: int | None) -> int:
    written = 0
    for found in stream.records():
        writer.write(found.record)
        written += 1
        if written == limit:
            break
    writer.close()
    return written


@contextmanager
def _opened(out: str) -> Iterator[IO[bytes]]:
    if out != STDOUT:
        with whole_file(Path(out)) as file:
            yield file
        return
    yield sys.stdout.buffer
    sys.stdout.buffer.flush()
