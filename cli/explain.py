"""`ovc explain`: the story of one call, and why it was refused."""

import json
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from cli.call_events import CloudEvents, Events, StandEvents
from cli.call_story import Story, lines_of, members_of, strangers_of, unknown
from cli.deployment import repository
from cli.errors import CommandError, ExitCode
from cli.stand import running_stand
from emulator.environment import isolate
from lambdas.management.repository import Repository
from model.call_items import has_ended, record_from
from model.codec import Item, optional_string
from model.quality import optional_quality
from model.tables import DEFAULT_PREFIX, edge_log_group_name

_STRANGERS_SHOWN = 5


def run(
    call: str | None,
    *,
    last: bool,
    hours: float,
    api_port: int | None,
    prefix: str | None,
    region: str | None,
    as_json: bool,
) -> None:
    """Print the story of a call; exit code 1 when nothing is known of it."""
    if (call is None) != last:
        raise CommandError("name one call, or say --last", ExitCode.USAGE)
    try:
        events = _events(hours=hours, api_port=api_port, prefix=prefix, region=region)
        calls = repository(prefix=prefix, region=region, api_port=api_port)
        wanted = events.last() if call is None else call
        if wanted is None:
            raise CommandError(f"no call has ended or was refused in {events.searched}")
        story = _story(wanted, events, calls)
        if not story.events and story.record is None and not story.is_live:
            strangers = strangers_of(events.strangers(), _STRANGERS_SHOWN)
            _print(unknown(wanted, strangers, events.searched), {"Events": []}, as_json)
            sys.exit(ExitCode.FAILED)
    except (BotoCoreError, ClientError) as error:
        raise CommandError(f"the log or the calls cannot be read: {error}") from error
    _print(lines_of(story), members_of(story), as_json)


def _events(
    *, hours: float, api_port: int | None, prefix: str | None, region: str | None
) -> Events:
    if prefix is None and region is None:
        isolate(os.environ)
        return StandEvents(Path(running_stand(api_port).event_log))
    client = boto3.client("logs", region_name=region)
    group = edge_log_group_name(prefix or DEFAULT_PREFIX)
    return CloudEvents(client, group, hours, round(1000 * time.time()))


def _story(wanted: str, events: Events, calls: Repository) -> Story:
    found = events.of(wanted)
    names = {str(it["transaction_id"]) for it in found if it.get("transaction_id")} | {wanted}
    for transaction_id in sorted(names):
        item = calls.calls.call(transaction_id)
        if item is not None:
            ended = has_ended(item)
            record = _record(item, calls.configuration.cdr_bucket()) if ended else None
            return Story(found, record, is_live=not ended, quality=optional_quality(item))
    return Story(found, None)


def _record(item: Item, bucket: str | None) -> Mapping[str, object]:
    """Return the members of the record, and where it lies."""
    record = record_from(item, "")
    members: dict[str, Any] = record.seed_members()
    members.pop("AwsAccountId", None)
    key = optional_string(item, "object_key")
    where = {} if key is None or bucket is None else {"Object": f"s3://{bucket}/{key}"}
    return members | where


def _print(lines: list[str], members: Mapping[str, object], as_json: bool) -> None:
    sys.stdout.write((json.dumps(members) if as_json else "\n".join(lines)) + "\n")
