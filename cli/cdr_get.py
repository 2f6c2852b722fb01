"""`ovc cdr get`: the record of one call."""

import sys
from collections.abc import Iterator

from botocore.exceptions import BotoCoreError, ClientError

from cli.deployment import repository
from cli.errors import CommandError
from cli.records.bucket import Listed, ObjectGone
from cli.records.lines import described
from cli.records.progress import Teller
from cli.records.source import Place, Source, opened
from cli.records.stream import Found, RecordStream
from cli.records.wanted import Wanted
from lambdas.management.errors import ApiError
from model.call_items import due_bucket_of, has_ended
from model.cdr_reader import NotARecord, read_key, read_record
from model.codec import Item, optional_string


def get(place: Place, wanted: Wanted, transaction_id: str, *, as_json: bool) -> None:
    """Print the record of a call: the object's octets, or member by member.

    The table of calls knows for 90 days where the object lies; of older ones, and of buckets that
    others filled, the keys are searched.
    """
    source, tell = opened(place), Teller()
    row = None if place.bucket else _row(place, transaction_id, tell)
    if row is not None and not has_ended(row):
        raise CommandError(f"the call {transaction_id} is up; its record comes at its end")
    key = None if row is None else optional_string(row, "object_key")
    if row is not None and key is None:
        raise CommandError(
            f"the record of {transaction_id} was given up, for S3 was away for too long; "
            "`ovc explain` shows what is known of the call"
        )
    found = _at(source, key) if key is not None else None
    due_to = None if row is None else due_bucket_of(row)
    if found is None and due_to is not None:
        raise CommandError(
            f"the record of {transaction_id} is on its way to s3://{due_to}/{key}, or waits for S3"
        )
    if found is None:
        found = _searched(source, wanted, transaction_id, tell)
    if as_json:
        sys.stdout.write(found.body.decode().strip() + "\n")
    else:
        sys.stdout.write("\n".join(described(found.record)) + "\n")


def _row(place: Place, transaction_id: str, tell: Teller) -> "Item | None":
    """Return the row of a call; None when there is none, or none may be read."""
    try:
        found = repository(prefix=place.prefix, region=place.region, api_port=place.api_port)
        return found.calls.call(transaction_id)
    except (ApiError, BotoCoreError, ClientError) as error:
        tell(f"the table of calls cannot be read, the bucket is searched: {error}")
        return None


def _at(source: Source, key: str) -> Found | None:
    """Return the record at a key; None when it is not there (yet, or any more)."""
    try:
        body = source.bucket.read(key)
        return Found(read_record(key, body), body)
    except ObjectGone:
        return None
    except NotARecord as reason:
        where = f"s3://{source.bucket.name}/{key}"
        raise CommandError(f"{where} is no call detail record: {reason}") from reason


def _searched(source: Source, wanted: Wanted, transaction_id: str, tell: Teller) -> Found:
    """Look through the keys; raises CommandError when no record is that of the call."""
    strays: list[str] = []
    stream = RecordStream(source.bucket, source.key_prefix, wanted, tell=strays.append)
    with tell.watched(stream, is_free=True):
        listed = next(_named(stream.keys(), transaction_id), None)
    found = None if listed is None else _at(source, listed.key)
    if found is None:
        where = f"s3://{source.bucket.name}/{source.key_prefix}/"
        raise CommandError(
            f"there is no record of {transaction_id} under {where}, as far as it was searched"
        )
    return found


def _named(objects: Iterator[Listed], transaction_id: str) -> Iterator[Listed]:
    return (it for it in objects if read_key(it.key).transaction_id == transaction_id)
