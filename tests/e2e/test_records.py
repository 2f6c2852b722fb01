"""Records in the form that the operator has chosen, from a call on `ovc up` to a table of them."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from model.cdr_reader import read_key, read_record
from tests.e2e.running import RunningStand

pytestmark = [pytest.mark.sockets, pytest.mark.xdist_group("records")]

SETTINGS = {"records": {"format": "v2", "prefix": "telephony/cdrs", "quality": True}}


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStand]:
    folder = tmp_path_factory.mktemp("stand")
    (folder / "settings.json").write_text(json.dumps(SETTINGS))
    with RunningStand(folder, "--settings", str(folder / "settings.json")) as running:
        yield running


@pytest.fixture(scope="module")
def s3(stand: RunningStand) -> Any:  # boto3's clients have no static type
    offered = stand.offered()
    return boto3.client(
        "s3",
        endpoint_url=offered["AWS_ENDPOINT_URL_S3"],
        aws_access_key_id=offered["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=offered["AWS_SECRET_ACCESS_KEY"],
        region_name=offered["AWS_DEFAULT_REGION"],
    )


def test_a_call_becomes_a_record_of_the_newer_format_that_every_command_reads(
    stand: RunningStand, s3: Any, tmp_path: Path
) -> None:
    # EDGE C1, C3, C4, C5
    offered = stand.offered()
    number = offered["OVC_NUMBERS"].split(",")[0]
    assert stand.call(number, duration_s=1.0)["exit_code"] == 0
    whole = stand.run("cdr", "tail", "-n", "1", "--json").stdout.strip()
    members = json.loads(whole)
    assert (members["SchemaVersion"], members["Direction"]) == ("2.0", "Inbound")
    assert (members["BillableDurationSeconds"], members["BillableDurationMinutes"]) == (6, 0.1)
    assert members["UsageType"] == "USE1-US-inbound-minutes"
    assert members["DestinationPhoneNumber"] == number
    listed = s3.list_objects_v2(Bucket=offered["OVC_CDR_BUCKET"], Prefix="telephony/cdrs/")
    (entry,) = listed["Contents"]
    assert read_key(entry["Key"]).connector_id == offered["OVC_CONNECTOR_ID"]
    record = read_record(entry["Key"], whole.encode())

    shown = stand.run("cdr", "list", "--called", number, "--direction", "in")
    assert record.transaction_id in shown.stdout and f"-> {number}  Completed" in shown.stdout
    assert stand.run("cdr", "list", "--direction", "out").stdout == ""
    found = stand.run("cdr", "get", record.transaction_id, "--json")
    assert found.stdout.strip() == whole

    table = tmp_path / "calls.csv"
    done = stand.run("cdr", "export", "--out", str(table), "--from", "1h")
    assert done.returncode == 0, done.stderr
    with table.open(newline="") as lines:
        (row,) = csv.DictReader(lines)
    assert (row["TransactionId"], row["ObjectKey"]) == (record.transaction_id, entry["Key"])
    # EDGE X10: the quality record lies beside it and is no detail record.
    quality = s3.list_objects_v2(
        Bucket=offered["OVC_CDR_BUCKET"], Prefix="Amazon-Chime-Voice-Connector-CQRs/json/"
    )
    assert quality["KeyCount"] == 1


def test_a_bucket_can_be_tried_and_strays_in_it_do_no_harm(stand: RunningStand, s3: Any) -> None:
    bucket = stand.offered()["OVC_CDR_BUCKET"]
    tried = stand.run("cdr", "check-bucket", bucket)
    assert tried.returncode == 0, tried.stdout
    assert "a second one was refused, as it must be" in tried.stdout
    s3.put_object(Bucket=bucket, Key="telephony/cdrs/notes.txt", Body=b"not mine")
    done = stand.run("cdr", "export")
    assert done.returncode == 0
    assert "telephony/cdrs/notes.txt is no call detail record: its key is not" in done.stderr
    assert "check-bucket" not in done.stderr
