"""Ended calls whose objects are due and that are in nobody's memory: read again from their rows.

While S3 is away for hours, only so many records wait in memory (EDGE C10). The others are where the
index of live calls shows them, and come back from there as soon as there is room. What a worker had
in memory that died comes back the same way.
"""

import asyncio
from collections.abc import Callable
from typing import Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from edge.runtime.cdr_sink import first_line
from edge.runtime.journal import DueCall
from edge.runtime.log import Logger
from model.call_items import due_bucket_of, record_from
from model.codec import Item, encode
from model.quality import optional_quality
from model.tables import CALLS, LIVE_CALLS

EVERY_S = 5.0
"""How often there is a look whether there is room."""
ROWS_AT_ONCE = 500


class Page(NamedTuple):
    """Rows that were read, and where the next ones begin; None behind the last."""

    items: "list[Item]"
    after: "Item | None"


Query = Callable[["Item | None"], Page]
"""Reads a page behind a position; it may block and raise."""


# botocore makes its clients at run time: what their methods take and return has no static type.
def query_due(client: Any, prefix: str, node_id: str) -> Query:
    """Return the reading of a node's rows whose objects are due."""

    def read(after: "Item | None") -> Page:
        answer = client.query(
            TableName=CALLS.physical_name(prefix),
            IndexName=LIVE_CALLS.name,
            KeyConditionExpression="#node = :node",
            FilterExpression="attribute_exists(#bucket)",
            ExpressionAttributeNames={"#node": LIVE_CALLS.partition_key, "#bucket": "bucket"},
            ExpressionAttributeValues={":node": encode(node_id)},
            Limit=ROWS_AT_ONCE,
            **({} if after is None else {"ExclusiveStartKey": after}),
        )
        return Page(answer["Items"], answer.get("LastEvaluatedKey"))

    return read


def query_nothing_left(client: Any, prefix: str, node_id: str) -> Callable[[], bool]:
    """Return a look whether a node has no row in the index of live calls any more.

    It may block; while the table is away it says no.
    """

    def look() -> bool:
        try:
            answer = client.query(
                TableName=CALLS.physical_name(prefix),
                IndexName=LIVE_CALLS.name,
                KeyConditionExpression="#node = :node",
                ExpressionAttributeNames={"#node": LIVE_CALLS.partition_key},
                ExpressionAttributeValues={":node": encode(node_id)},
                Select="COUNT",
                Limit=1,
            )
        except (BotoCoreError, ClientError):
            return False
        return int(answer["Count"]) == 0

    return look


class DueRows:
    """Brings back what was left to the rows."""

    def __init__(
        self,
        query: Query,
        *,
        account_id: str,
        take: Callable[[DueCall], bool],
        room: Callable[[], int],
        log: Logger,
    ) -> None:
        """`take` cares for a call, or tells that somebody does; `room` says for how many."""
        self._query = query
        self._account_id = account_id
        self._take = take
        self._room = room
        self._log = log
        self.is_owed = True
        """Whether there may be rows that nobody has in memory."""
        self._damaged: set[str] = set()

    def owe(self) -> None:
        """Note that a call was left to its row."""
        self.is_owed = True

    async def run(self) -> None:
        """Look for rows from time to time, for ever."""
        while True:
            if self.is_owed and self._room() > 0:
                await self.collect()
            await asyncio.sleep(EVERY_S)

    async def collect(self) -> None:
        """Read rows as long as there is room; nothing more is owed once all were known."""
        loop = asyncio.get_running_loop()
        taken, after = 0, None
        self.is_owed = False
        try:
            while self._room() > 0:
                page: Page = await loop.run_in_executor(None, self._query, after)
                taken += sum(self._is_news(item) for item in page.items)
                after = page.after
                if after is None:
                    break
        except (BotoCoreError, ClientError) as error:
            self._log("due-rows-unread", {"error": first_line(error)})
            self.is_owed = True
        if taken or after is not None:
            self.is_owed = True

    def _is_news(self, item: Item) -> bool:
        try:
            bucket = due_bucket_of(item)
            if bucket is None:
                return False
            record = record_from(item, self._account_id)
            return self._take(DueCall(record, bucket, optional_quality(item)))
        except (KeyError, ValueError) as error:
            self._tell_damaged(str(item.get(CALLS.partition_key)), error)
            return False

    def _tell_damaged(self, name: str, error: Exception) -> None:
        if name not in self._damaged:
            self._damaged.add(name)
            fields = {"row": name, "error": f"{type(error).__name__}: {error}"}
            hint = "no record can be made of it; the row stays as it is"
            self._log("row-damaged", {**fields, "hint": hint})
