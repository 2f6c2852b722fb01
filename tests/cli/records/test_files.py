"""Rows of both formats in three kinds of files, and files that are whole or not there."""

import csv
import io
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import pyarrow.parquet as pq  # type: ignore[import-untyped]  # it has none
import pytest

from cli.errors import CommandError
from cli.records import parquet
from cli.records.files import CsvLines, JsonLines, RecordWriter, whole_file
from cli.records.parquet import ParquetRows
from cli.records.table import COLUMNS
from model.cdr import CallDetailRecord
from tests.cli.records.samples import NOON, V2, a_call, read

NAMES = [column.name for column in COLUMNS]
RECORDS = [a_call(1, sip_auth_user='p"b,x\n'), a_call(2, form=V2)]


def written(make: Any, records: list[CallDetailRecord]) -> bytes:
    out = io.BytesIO()
    writer: RecordWriter = make(out)
    for record in records:
        writer.write(read(record))
    writer.close()
    return out.getvalue()


def test_json_is_an_object_a_line() -> None:
    lines = written(JsonLines, RECORDS).decode().splitlines()
    first, second = map(json.loads, lines)
    assert list(first) == list(second) == NAMES
    assert first["StartTime"] == "2026-11-20T12:01:00.000Z"
    assert first["EndTime"] == "2026-11-20T12:01:29.473Z"
    assert first["BillableDuration"] == second["BillableDuration"] == 30
    assert (first["Format"], second["Format"]) == ("seed", "v2")
    assert first["UsageType"] is None
    assert second["UsageType"] == "USE1-US-US-outbound-minutes"
    assert first["ObjectKey"] == RECORDS[0].key()
    assert written(JsonLines, []) == b""


def test_csv_has_a_head_and_quotes_what_needs_it() -> None:
    text = written(CsvLines, RECORDS).decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert list(rows[0]) == NAMES
    assert [row["SipAuthUser"] for row in rows] == ['p"b,x', ""]
    assert [row["StartTime"] for row in rows] == [
        "2026-11-20T12:01:00.000Z",
        "2026-11-20T12:02:00.000Z",
    ]
    assert written(CsvLines, []).decode().splitlines() == [",".join(NAMES)]


def test_parquet_has_types_and_groups_of_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "ROWS_AT_ONCE", 2)
    calls = [a_call(number) for number in range(5)]
    file = pq.ParquetFile(io.BytesIO(written(ParquetRows, calls)))
    assert file.num_row_groups == 3
    table = file.read()
    assert table.column_names == NAMES
    assert table.column("BillableDuration").to_pylist() == [30] * 5
    assert table.column("StartTime").to_pylist()[0] == NOON
    assert table.column("UsageType").to_pylist() == [None] * 5
    assert table.column("TransactionId").to_pylist() == [it.transaction_id for it in calls]


def test_an_empty_parquet_file_is_one() -> None:
    table = pq.read_table(io.BytesIO(written(ParquetRows, [])))
    assert (table.num_rows, table.column_names) == (0, NAMES)


def test_a_moment_is_one_in_every_kind_of_file() -> None:
    start = datetime(2026, 11, 20, 23, 59, 59, 999_000, tzinfo=UTC)
    call = [a_call(started_at=start)]
    (line,) = written(JsonLines, call).decode().splitlines()
    assert json.loads(line)["StartTime"] == "2026-11-20T23:59:59.999Z"
    table = pq.read_table(io.BytesIO(written(ParquetRows, call)))
    assert table.column("StartTime").to_pylist() == [start]


def test_a_file_appears_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "calls.csv"
    with whole_file(path) as out:
        out.write(b"all of it")
        assert not path.exists()
    assert path.read_bytes() == b"all of it"
    assert path.stat().st_mode & 0o077 == 0
    assert os.listdir(tmp_path) == ["calls.csv"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, CommandError])
def test_what_was_there_stays_when_something_goes_wrong(
    tmp_path: Path, error: type[BaseException]
) -> None:
    path = tmp_path / "calls.csv"
    path.write_bytes(b"before")
    with pytest.raises(error), whole_file(path) as out:
        out.write(b"half of it")
        raise error("no more")
    assert path.read_bytes() == b"before"
    assert os.listdir(tmp_path) == ["calls.csv"]


def test_a_full_disk_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    def write(out: IO[bytes]) -> None:
        raise OSError(28, "No space left on device")

    with (
        pytest.raises(CommandError, match="No space left on device; nothing was written"),
        whole_file(tmp_path / "a") as out,
    ):
        write(out)
    assert os.listdir(tmp_path) == []


def test_a_directory_that_is_not_there_is_told(tmp_path: Path) -> None:
    with (
        pytest.raises(CommandError, match=r"none/a: No such file or directory"),
        whole_file(tmp_path / "none" / "a"),
    ):
        raise AssertionError("there is no file to write")
