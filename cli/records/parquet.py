"""Rows into a Parquet file. This module needs pyarrow, which is an extra of the package."""

from typing import IO, Any

import pyarrow as pa  # type: ignore[import-untyped]  # it has none
import pyarrow.parquet as pq  # type: ignore[import-untyped]  # as above

from cli.records.table import COLUMNS, Cell, Kind
from model.cdr_reader import ReadRecord

ROWS_AT_ONCE = 20_000
"""A row group: what is held in memory, and what a reader of the file takes at a time."""

_TYPES = {Kind.TEXT: pa.string(), Kind.WHOLE: pa.int64(), Kind.MOMENT: pa.timestamp("ms", "UTC")}
SCHEMA = pa.schema([(column.name, _TYPES[column.kind]) for column in COLUMNS])


class ParquetRows:
    """A table in groups of rows."""

    def __init__(self, out: IO[bytes]) -> None:
        # pyarrow has no types of its own.
        self._writer: Any = pq.ParquetWriter(out, SCHEMA, compression="zstd")
        self._columns: list[list[Cell]] = [[] for _ in COLUMNS]

    def write(self, record: ReadRecord) -> None:
        """Take a record, and write a group when it is full."""
        for column, cells in zip(COLUMNS, self._columns, strict=True):
            cells.append(column.cell(record))
        if len(self._columns[0]) == ROWS_AT_ONCE:
            self._write_group()

    def close(self) -> None:
        """Write the last group and the end of the file, without which it is none."""
        if self._columns[0]:
            self._write_group()
        self._writer.close()

    def _write_group(self) -> None:
        self._writer.write_table(pa.table(self._columns, schema=SCHEMA))
        self._columns = [[] for _ in COLUMNS]
