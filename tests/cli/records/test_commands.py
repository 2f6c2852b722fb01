"""`ovc cdr list | get | export` as they are typed, on a bucket with good and bad objects."""

import csv
import io
import json
import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq  # type: ignore[import-untyped]  # it has none
import pytest

from cli.errors import ExitCode
from model.call_items import due_members, ended_members, live_members
from model.cdr import CallDetailRecord, CallStatus, Disposition
from model.record_form import KEY_PREFIX
from model.record_settings import RecordSettings
from model.tables import CALLS
from tests.cli.records.conftest import Shelf, ovc
from tests.cli.records.samples import NOON, ONE, OTHER, V2, a_call
from tests.runtime.records import a_live_call

pytestmark = pytest.mark.sockets

BUSY = a_call(4, status=CallStatus.REJECTED, status_message="486 Busy Here")
INBOUND = a_call(
    5,
    disposition=Disposition.ORIGINATION,
    from_number="+493012345678",
    to_number="+12065550100",
    connector_id=OTHER,
    form=V2,
)
YESTERDAY = a_call(6, started_at=NOON - timedelta(days=1))
CALLS_OF_A_DAY = [a_call(1), a_call(2, connector_id=OTHER), a_call(3), BUSY, INBOUND]
EVERYTHING = [*CALLS_OF_A_DAY, YESTERDAY]


def ids(records: list[CallDetailRecord]) -> list[str]:
    return [record.transaction_id for record in records]


def exported(shelf: Shelf, *arguments: str) -> list[str]:
    done = shelf.ovc("export", *arguments)
    assert done.code == 0, done.err
    return [json.loads(line)["TransactionId"] for line in done.out.splitlines()]


@pytest.fixture
def full(shelf: Shelf) -> Shelf:
    shelf.put(*EVERYTHING)
    return shelf


def test_a_list_is_by_time_over_all_connectors(full: Shelf) -> None:
    done = full.ovc("list", "--during", "2026-11-20")
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert [line.split()[2] for line in lines] == ids(CALLS_OF_A_DAY)
    assert lines[0] == (
        f"2026-11-20 12:01:00Z  {CALLS_OF_A_DAY[0].transaction_id}  "
        "out  +12065550100 -> +12065550001  Completed, billed 30 s"
    )
    assert lines[3].endswith("Rejected, 486 Busy Here")
    assert lines[4].endswith("in   +493012345678 -> +12065550100  Completed, billed 30 s")


@pytest.mark.parametrize("filters", [[], ["--direction", "out"]])
def test_a_list_shows_the_newest(full: Shelf, filters: list[str]) -> None:
    done = full.ovc("list", "--from", "2026-11-01", "--limit", "2", *filters)
    wanted = [it for it in CALLS_OF_A_DAY if not filters or it is not INBOUND]
    assert [line.split()[2] for line in done.out.splitlines()] == ids(wanted[-2:])
    assert "these are the 2 newest of" in done.err


def test_a_list_without_a_time_is_of_the_last_day(shelf: Shelf) -> None:
    now = datetime.now(UTC)
    late = a_call(7, started_at=now - timedelta(hours=23))
    shelf.put(late, a_call(8, started_at=now - timedelta(hours=25)))
    assert [line.split()[2] for line in shelf.ovc("list").out.splitlines()] == ids([late])


def test_json_is_the_objects_as_they_are(full: Shelf) -> None:
    done = full.ovc("list", "--during", "2026-11-20", "--json")
    assert done.out.encode().splitlines() == [it.body() for it in CALLS_OF_A_DAY]


@pytest.mark.parametrize(
    ("filters", "wanted"),
    [
        ([], [a_call(6), a_call(1), a_call(3), BUSY, a_call(2), INBOUND]),
        (["--connector", OTHER], [a_call(2), INBOUND]),
        (["--connector", "nobody"], []),
        (["--during", "2026-11-19"], [YESTERDAY]),
        (["--during", "2026-11"], [a_call(6), a_call(1), a_call(3), BUSY, a_call(2), INBOUND]),
        (["--from", "2026-11-20"], [a_call(1), a_call(3), BUSY, a_call(2), INBOUND]),
        (["--from", "2026-11-20T12:03", "--to", "2026-11-20T12:05"], [a_call(3), BUSY]),
        (["--to", "2026-11-20"], [YESTERDAY]),
        (["--caller", "+49*"], [INBOUND]),
        (["--called", "+12065550003"], [a_call(3)]),
        (["--number", "+12065550100", "--direction", "in"], [INBOUND]),
        (["--status", "rejected"], [BUSY]),
        (["--direction", "inbound"], [INBOUND]),
        (["--min-duration", "30s"], []),
        (["--min-duration", "29"], [a_call(6), a_call(1), a_call(3), a_call(2), INBOUND]),
        (["--limit", "1"], [YESTERDAY]),
    ],
)
def test_filters_choose(full: Shelf, filters: list[str], wanted: list[CallDetailRecord]) -> None:
    assert exported(full, *filters) == ids(wanted)


def test_an_export_is_one_table_of_both_formats(full: Shelf, tmp_path: Path) -> None:
    rows: dict[str, list[dict[str, Any]]] = {}
    for name in ("calls.jsonl", "calls.csv", "calls.parquet"):
        done = full.ovc("export", "--out", str(tmp_path / name))
        assert (done.code, done.out) == (0, "")
        assert f"{name}: records written: 6" in done.err
    with open(tmp_path / "calls.jsonl") as lines:
        rows["json"] = [json.loads(line) for line in lines]
    with open(tmp_path / "calls.csv", newline="") as lines:
        rows["csv"] = list(csv.DictReader(lines))
    rows["parquet"] = pq.read_table(tmp_path / "calls.parquet").to_pylist()
    for table in rows.values():
        assert [it["TransactionId"] for it in table] == [it["TransactionId"] for it in rows["json"]]
        assert {it["Format"] for it in table} == {"seed", "v2"}
        assert [int(it["BillableDuration"]) for it in table] == [30, 30, 30, 0, 30, 30]
    assert sorted(os.listdir(tmp_path)) == ["calls.csv", "calls.jsonl", "calls.parquet"]


def test_csv_may_go_into_a_pipe(full: Shelf) -> None:
    done = full.ovc("export", "--format", "csv", "--connector", OTHER)
    assert len(list(csv.DictReader(io.StringIO(done.out)))) == 2
    assert done.err == ""


def test_objects_that_are_no_records_are_told_counted_and_left_out(full: Shelf) -> None:
    folder = f"{KEY_PREFIX}/{ONE}/2026/11/20"
    broken = a_call(20)
    full.lay(broken.key(), broken.body()[:-9])
    full.lay(a_call(21).key(), a_call(22).body())
    full.lay(f"{folder}/", b"")
    full.lay(f"{folder}//empty", b"")
    full.lay(f"{folder}/report.csv", b"a,b\n")
    full.lay(f"{KEY_PREFIX}/readme\x07.txt", b"hello")
    full.lay(f"{folder}/12.30.00.000_big", b" " * 70_000)
    done = full.ovc("export")
    assert done.code == 0
    assert len(done.out.splitlines()) == 6
    for told in (
        f"{broken.key()} is no call detail record: it is not JSON: ",
        f"{a_call(21).key()} is no call detail record: TransactionId is ",
        f"{folder}/ is no call detail record: its key is not of the form",
        f"{folder}//empty is no call detail record: its key",
        f"{folder}/report.csv is no call detail record: its key",
        f"{KEY_PREFIX}/readme\\x07.txt is no call detail record: its key",
        f"{folder}/12.30.00.000_big is no call detail record: it has 70000 octets",
    ):
        assert f"ovc: s3://{full.bucket}/{told}" in done.err
    assert done.err.endswith("ovc: objects that are no call detail records and were skipped: 7\n")


def test_keys_with_a_hyphen_and_with_odd_letters_are_read(shelf: Shelf) -> None:
    # EDGE C1: what Amazon's own format line says
    call = a_call(1)
    folder, _, name = call.key().rpartition("/")
    shelf.lay(f"{folder}/{name.replace('_', '-', 1)}", call.body())
    for number, odd in enumerate(("a b+c", "100%25", "ü?#", "x=~y", "..")):
        record = a_call(number + 2, transaction_id=odd)
        shelf.put(record)
    assert exported(shelf) == [call.transaction_id, "a b+c", "100%25", "ü?#", "x=~y", ".."]


def test_another_prefix_is_named(shelf: Shelf) -> None:  # EDGE C1
    form = RecordSettings(prefix="telephony/cdrs").form_in("us-east-1")
    shelf.put(a_call(form=form))
    done = shelf.ovc("export")
    assert (done.code, done.out) == (0, "")
    assert "does `records.prefix` say another one? see --key-prefix" in done.err
    assert exported(shelf, "--key-prefix", "telephony/cdrs") == ids([a_call()])


def test_another_bucket_is_named(shelf: Shelf, full: Shelf) -> None:
    shelf.clear()
    done = shelf.ovc("export")
    assert done.code == ExitCode.FAILED
    assert "no bucket is configured, and so no record is stored" in done.err
    assert len(exported(shelf, "--bucket", shelf.bucket)) == 6
    done = shelf.ovc("export", "--bucket", "nobody-has-this-one")
    assert (done.code, done.err) == (
        ExitCode.FAILED,
        "ovc: there is no bucket nobody-has-this-one\n",
    )


def test_a_record_is_found_by_its_row(full: Shelf) -> None:
    members = ended_members(INBOUND, "node", INBOUND.key())
    full.deployment.put(CALLS, members)
    done = full.ovc("get", INBOUND.transaction_id)
    assert done.code == 0
    told = dict(line.split(None, 1) for line in done.out.splitlines())
    assert told["TransactionId"] == INBOUND.transaction_id
    assert told["ObjectKey"] == INBOUND.key()
    assert told["UsageType"] == "USE1-US-inbound-minutes"
    whole = full.ovc("get", INBOUND.transaction_id, "--json")
    assert whole.out.encode() == INBOUND.body() + b"\n"


def test_a_record_without_a_row_is_searched_for(full: Shelf) -> None:
    for more in ([], ["--connector", ONE], ["--during", "2026-11-20"], ["--bucket", full.bucket]):
        done = full.ovc("get", BUSY.transaction_id, *more)
        assert "486 Busy Here" in done.out, done.err
    done = full.ovc("get", BUSY.transaction_id, "--connector", OTHER)
    assert (done.code, done.out) == (ExitCode.FAILED, "")
    assert f"there is no record of {BUSY.transaction_id} under s3://{full.bucket}/" in done.err


def test_what_has_no_record_yet_or_never_will_is_told(full: Shelf) -> None:
    full.deployment.put(CALLS, live_members(a_live_call("up"), "node"))
    full.deployment.put(CALLS, ended_members(a_call(transaction_id="lost"), "node", None))
    waiting = a_call(transaction_id="due")
    full.deployment.put(CALLS, due_members(waiting, "node", "elsewhere", waiting.key()))
    told = f"the record of due is on its way to s3://elsewhere/{waiting.key()}, or waits for S3"
    assert full.ovc("get", "due").err == f"ovc: {told}\n"
    full.put(waiting)
    assert full.ovc("get", "due").code == 0
    assert "the call up is up; its record comes at its end" in full.ovc("get", "up").err
    done = full.ovc("get", "lost")
    assert done.code == ExitCode.FAILED
    assert "the record of lost was given up" in done.err


def test_a_record_that_is_none_is_told_by_get(full: Shelf) -> None:
    full.lay(a_call(30).key(), b"{}")
    full.deployment.put(CALLS, ended_members(a_call(30), "node", a_call(30).key()))
    done = full.ovc("get", a_call(30).transaction_id)
    assert done.code == ExitCode.FAILED
    assert "is no call detail record: it has no member AwsAccountId" in done.err


def test_a_tail_of_aws_shows_what_is_new(shelf: Shelf) -> None:
    now = datetime.now(UTC)
    new = a_call(40, started_at=now - timedelta(minutes=5))
    shelf.put(new, a_call(41, started_at=now - timedelta(hours=2)))
    done = shelf.ovc("tail", "--once")
    (line,) = done.out.splitlines()
    assert line.endswith("out  +12065550100 -> +12065550040  Completed, billed 30 s")
    older = shelf.ovc("tail", "--once", "--from", "3h", "--json")
    assert len(older.out.splitlines()) == 2
    assert len(shelf.ovc("tail", "-n", "1", "--from", "3h").out.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["list", "--from", "soon"], "--from: it is 'soon'; a moment is wanted"),
        (["list", "--to", "2026-02-30"], "--to: it is '2026-02-30'; a moment is wanted"),
        (["list", "--from", "2h", "--to", "3h"], "--to is '3h'; a moment behind --from"),
        (["list", "--during", "2026-13"], "--during: it is '2026-13'; wanted is a day"),
        (["list", "--during", "today", "--from", "2h"], "--during stands for both"),
        (["list", "--status", "ok"], "--status: it is 'ok'; one of Completed"),
        (["list", "--direction", "up"], "--direction: it is 'up'; one of in"),
        (["list", "--number", "a b"], "--number: it is 'a b'; a number"),
        (["list", "--connector", "a/b"], "--connector: it is 'a/b'"),
        (["list", "--min-duration", "long"], "--min-duration: it is 'long'; a length"),
        (["list", "--limit", "0"], "--limit"),
        (["list", "--limit", "10001"], "--limit"),
        (["export", "--format", "xml"], "--format is 'xml'; one of json, csv, parquet is wanted"),
        (["export", "--out", "calls.xlsx"], "--out is 'calls.xlsx'; say --format, or a name"),
        (["get", "a/b"], "'a/b' is no TransactionId"),
    ],
    ids=" ".join,
)
def test_an_option_that_cannot_be_used_is_named(arguments: list[str], told: str) -> None:
    done = ovc(*arguments, "--region", "us-east-1")
    assert (done.code, done.out) == (ExitCode.USAGE, "")
    assert told in done.err


def test_an_export_that_fails_leaves_the_file_as_it_was(full: Shelf, tmp_path: Path) -> None:
    path = tmp_path / "calls.csv"
    path.write_text("before")
    done = full.ovc("export", "--out", str(path), "--bucket", "nobody-has-this-one")
    assert done.code == ExitCode.FAILED
    assert path.read_text() == "before"
    done = full.ovc("export", "--out", str(tmp_path / "none" / "calls.csv"))
    assert done.code == ExitCode.FAILED
    assert "none/calls.csv: No such file or directory" in done.err


def test_without_pyarrow_it_is_said_how_to_get_it(
    full: Shelf, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "cli.records.parquet", None)
    done = full.ovc("export", "--out", str(tmp_path / "calls.parquet"))
    assert done.code == ExitCode.USAGE
    assert "pip install 'open-voice-connector[parquet]'" in done.err
    assert os.listdir(tmp_path) == []
