"""`ovc cdr tail`: call detail records as they land in the bucket."""

import json
import os
import sys
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from cli.errors import CommandError
from cli.stand import running_stand
from emulator.environment import isolate
from emulator.stand_file import StandFacts
from model.cdr import NORMAL_CALL_CLEARING
from model.record_form import KEY_PREFIX

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

_LOOK_EVERY_S = 0.5


def run(*, count: int | None, once: bool, api_port: int | None, as_json: bool) -> None:
    """Print records, those that are there first, until `count` or Ctrl-C."""
    facts = running_stand(api_port)
    isolate(os.environ)
    shown = 0
    try:
        for body in _records(facts, once):
            sys.stdout.write((body.decode() if as_json else line_of(json.loads(body))) + "\n")
            sys.stdout.flush()
            shown += 1
            if shown == count:
                return
    except BotoCoreError as error:
        running_stand(api_port)  # says it better when the stand has ended meanwhile
        raise _unreadable(facts, error) from error
    except ClientError as error:
        raise _unreadable(facts, error) from error


def line_of(record: Mapping[str, object]) -> str:
    """Return a record as one line for people."""
    start = record["StartTime"]
    assert isinstance(start, int | float), "milliseconds since 1970 (EDGE C4)"
    message = record["StatusMessage"]
    billed = f", billed {record['BillableDuration']} s" if record["BillableDuration"] else ""
    return (
        f"{datetime.fromtimestamp(start / 1000, UTC).astimezone():%H:%M:%S}  "
        f"{'out' if record['Disposition'] == 'Termination' else 'in':<4} "
        f"{record['FromNumber']:<12} -> {record['ToNumber']:<12}  "
        f"{record['Status']}{billed}{'' if message == NORMAL_CALL_CLEARING else f', {message}'}"
    )


def _records(facts: StandFacts, once: bool) -> Iterator[bytes]:
    s3: S3Client = boto3.client(
        "s3",
        endpoint_url=facts.aws_url,
        region_name=facts.region,
        aws_access_key_id=facts.access_key_id,
        aws_secret_access_key=facts.secret_access_key,
    )
    seen: set[str] = set()
    while True:
        for key in sorted(_keys(s3, facts.cdr_bucket) - seen, key=_start_of):
            seen.add(key)
            yield s3.get_object(Bucket=facts.cdr_bucket, Key=key)["Body"].read()
        if once:
            return
        time.sleep(_LOOK_EVERY_S)


def _keys(s3: "S3Client", bucket: str) -> set[str]:
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=KEY_PREFIX + "/")
    return {entry["Key"] for page in pages for entry in page.get("Contents", ())}


def _start_of(key: str) -> str:
    """Return the part of a key behind the connector: date and time."""
    return key.removeprefix(KEY_PREFIX + "/").partition("/")[2]


def _unreadable(facts: StandFacts, error: Exception) -> CommandError:
    return CommandError(f"bucket {facts.cdr_bucket} cannot be read: {error}")
