"""Joins the parts of the config_feed Lambda into one handler.

Streams bring every change of the tables of connectors and numbers; the keys that the edge wants to
know of go into the feed. A batch that fails comes again, so that a key may stand there twice.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from secrets import token_hex
from time import sleep
from typing import Any

from botocore.client import BaseClient

from lambdas.management.composition import Handler, utc_now
from model.codec import Item, encode_item
from model.feed_items import ChangedKey, change_members
from model.tables import CONNECTORS, FEED, NUMBERS, PARTITION_KEY, SORT_KEY

AT_ONCE = 25
"""DynamoDB's own limit of BatchWriteItem."""
TRIES = 5
_FIRST_PAUSE_S = 0.05


class FeedRefused(Exception):
    """The table takes no more at the moment; the stream brings the batch again."""


def build(
    *,
    table_prefix: str,
    dynamodb: BaseClient,
    clock: Callable[[], datetime] = utc_now,
    pause: Callable[[float], None] = sleep,
) -> Handler:
    """Return a handler of stream events over an explicit client and clock."""
    names = {it.physical_name(table_prefix): it.logical_name for it in (CONNECTORS, NUMBERS)}
    feed = FEED.physical_name(table_prefix)

    def handle(event: Mapping[str, object], context: object) -> dict[str, object]:
        changed = changed_keys(event, names)
        # All of a batch have the same moment; the random part tells batches apart.
        at, batch = clock(), token_hex(8)
        items = [
            encode_item(change_members(it, at, f"{batch}{number:04d}"))
            for number, it in enumerate(changed)
        ]
        for start in range(0, len(items), AT_ONCE):
            _write(dynamodb, feed, items[start : start + AT_ONCE], pause)
        return {"changes": len(items)}

    return handle


def changed_keys(event: Mapping[str, object], names: Mapping[str, str]) -> list[ChangedKey]:
    """Return the keys in an event of a DynamoDB stream that are fed, each once.

    `names` gives logical names of tables by physical ones.
    """
    found = dict.fromkeys(_keys(event, names))
    return [changed for changed in found if changed.is_fed]


def _keys(event: Mapping[str, object], names: Mapping[str, str]) -> Iterator[ChangedKey]:
    records = event["Records"]
    assert isinstance(records, list), "Lambda sends a list"
    for record in records:
        # arn:aws:dynamodb:<region>:<account>:table/<name>/stream/<moment>
        name = names.get(str(record["eventSourceARN"]).split("/")[1])
        keys = record["dynamodb"]["Keys"]
        if name is not None:
            yield ChangedKey(name, str(keys[PARTITION_KEY]["S"]), str(keys[SORT_KEY]["S"]))


# botocore's clients are made at run time: what they take and return has no static type.
def _write(client: Any, table: str, items: Sequence[Item], pause: Callable[[float], None]) -> None:
    requests: list[Any] = [{"PutRequest": {"Item": item}} for item in items]
    for attempt in range(TRIES):
        if attempt:
            pause(_FIRST_PAUSE_S * 2**attempt)
        answer = client.batch_write_item(RequestItems={table: requests})
        requests = answer["UnprocessedItems"].get(table, [])
        if not requests:
            return
    raise FeedRefused(f"{len(requests)} changes were not written")
