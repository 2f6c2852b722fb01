"""`ovc cdr`: call detail records, from the bucket."""

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from heapq import nlargest
from itertools import islice
from time import sleep

from cli.errors import CommandError
from cli.records.bucket import Listed
from cli.records.lines import call_line, time_here, time_in_utc
from cli.records.progress import Teller
from cli.records.source import Place, Source, opened
from cli.records.stream import Counts, Found, RecordStream
from cli.records.wanted import Wanted
from cli.stand import running_stand
from model.cdr_reader import read_key

LOOK_BACK = timedelta(hours=4, minutes=30)
"""A key tells when its call began, and the record comes at the end: `max_call_s`, and then some."""
LATELY = timedelta(hours=1)
"""What `tail` shows first of a deployment in AWS."""
_STAND_EVERY_S = 0.5
_AWS_EVERY_S = 5.0
"""A list of each connector's keys is a request that S3 charges for."""


def tail(place: Place, wanted: Wanted, *, count: int | None, once: bool, as_json: bool) -> None:
    """Print records as they come, first those that are there, until `count` or Ctrl-C."""
    arriving = _arriving(opened(place), wanted, is_stand=place.is_stand, once=once)
    try:
        for found in islice(arriving, count):
            told = f"{time_here(found.record)}  {call_line(found.record)}"
            _say(_whole(found) if as_json else told)
    except CommandError:
        if place.is_stand:
            running_stand(place.api_port)  # says it better when the stand has ended meanwhile
        raise


def list_records(place: Place, wanted: Wanted, *, limit: int, as_json: bool) -> None:
    """Print the newest of the wanted records, the latest at the end."""
    source, tell = opened(place), Teller()
    stream = RecordStream(source.bucket, source.key_prefix, wanted, tell=tell)
    with tell.watched(stream, is_free=True):
        newest = _newest(stream, wanted, limit)
    for found in newest:
        told = f"{time_in_utc(found.record)}  {found.record.transaction_id}"
        _say(_whole(found) if as_json else f"{told}  {call_line(found.record)}")
    tell_rest(stream.counts, tell)
    more = stream.counts.listed if wanted.is_decided_by_key else stream.counts.wanted
    if more > len(newest) and not as_json:
        tell(f"these are the {len(newest)} newest of {more}; --limit shows more")
    if not newest and not stream.counts.skipped:
        tell(nothing_there(source, wanted))


def tell_rest(counts: Counts, tell: Callable[[str], None]) -> None:
    """Sum up what was left out."""
    if counts.skipped:
        tell(f"objects that are no call detail records and were skipped: {counts.skipped}")
    if counts.gone:
        tell(f"objects that went while they were read: {counts.gone}")


def nothing_there(source: Source, wanted: Wanted) -> str:
    """Say where nothing was found, and what may be wrong."""
    where = f"s3://{source.bucket.name}/{source.key_prefix}/"
    if wanted == Wanted():
        return f"{where} holds no records; does `records.prefix` say another one? see --key-prefix"
    return f"no record under {where} is as wanted"


def _newest(stream: RecordStream, wanted: Wanted, limit: int) -> list[Found]:
    """Return the latest records, the oldest of them first; no more than these are kept."""
    if wanted.is_decided_by_key:
        keys = nlargest(limit, stream.keys(), key=_started_at)
        return sorted(stream.records(iter(keys)), key=_start_of)
    return nlargest(limit, stream.records(), key=_start_of)[::-1]


def _arriving(source: Source, wanted: Wanted, *, is_stand: bool, once: bool) -> Iterator[Found]:
    """Yield the wanted records that are there, by their start, and then each that comes."""
    first = wanted.since if is_stand or wanted.since else datetime.now(UTC) - LATELY
    look_from = first if first is None or once else min(first, datetime.now(UTC) - LOOK_BACK)
    seen: frozenset[str] | None = None
    tell = _once_each(Teller())
    while True:
        stream = RecordStream(
            source.bucket, source.key_prefix, replace(wanted, since=look_from), tell=tell
        )
        listed = list(stream.keys())
        if seen is None:
            new = [it for it in listed if first is None or _started_at(it) >= first]
        else:
            new = [it for it in listed if it.key not in seen]
        yield from sorted(stream.records(iter(new)), key=_start_of)
        if once:
            return
        seen = frozenset(it.key for it in listed)
        if not is_stand:
            look_from = datetime.now(UTC) - LOOK_BACK
        sleep(_STAND_EVERY_S if is_stand else _AWS_EVERY_S)


def _once_each(tell: Callable[[str], None]) -> Callable[[str], None]:
    """Return what tells a line the first time and no more: a stray object is listed each time."""
    told: set[str] = set()

    def tell_once(line: str) -> None:
        if line not in told:
            told.add(line)
            tell(line)

    return tell_once


def _started_at(listed: Listed) -> datetime:
    return read_key(listed.key).started_at


def _start_of(found: Found) -> datetime:
    return found.record.started_at


def _whole(found: Found) -> str:
    """Return the object as it is, but on one line."""
    return json.dumps(json.loads(found.body), separators=(",", ":"), ensure_ascii=False)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
