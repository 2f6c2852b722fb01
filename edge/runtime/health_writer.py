"""Writes when a connector's hosts last pinged, beside the nodes (EDGE F11).

It is no change of the configuration, so it stands in a table that no feed follows. The newest ping
wins, whichever node saw it.
"""

import asyncio
from collections.abc import Callable
from itertools import islice
from typing import Any

import boto3
from botocore.exceptions import ClientError

from edge.runtime.backoff import Backoff
from edge.runtime.cdr_sink import first_line
from edge.runtime.log import Logger
from edge.runtime.row_writer import CLIENT, FIRST_RETRY_S, LONGEST_RETRY_S
from edge.seam import NoteHealth
from model.codec import encode, encode_item, moment_text
from model.configurations import TerminationHealth
from model.health_items import health_members
from model.tables import NODES, PARTITION_KEY

AT_ONCE = 25
"""Pings in one go of the writing thread."""
LONGEST_QUEUE = 20_000
"""Connectors whose ping waits; a later ping tells as much, so the oldest are let go."""
_CONDITION = "attribute_not_exists(#pk) OR #at < :now"

Put = Callable[..., Any]
"""A client's put_item; botocore makes its clients at run time: it has no static type."""


class HealthWriter:
    """Takes pings and writes the newest of each connector."""

    def __init__(self, put: Put, *, table: str, log: Logger) -> None:
        self._put_item = put
        self._table = table
        self._log = log
        self._waiting: dict[str, NoteHealth] = {}
        self._is_writing = False
        self._backoff = Backoff(first_s=FIRST_RETRY_S, longest_s=LONGEST_RETRY_S)
        self._is_failing = False

    @classmethod
    def over(cls, session: boto3.Session, prefix: str, log: Logger) -> "HealthWriter":
        """Return the writer of a deployment whose tables start with `prefix`."""
        client = session.client("dynamodb", config=CLIENT)
        return cls(client.put_item, table=NODES.physical_name(prefix), log=log)

    @property
    def pending(self) -> int:
        """Return how many connectors' pings are not written yet."""
        return len(self._waiting) + self._is_writing

    def note(self, ping: NoteHealth) -> None:
        """Write a ping soon; an older one of its connector that still waits is forgotten."""
        self._waiting.pop(ping.connector_id, None)
        self._waiting[ping.connector_id] = ping
        if len(self._waiting) > LONGEST_QUEUE:
            del self._waiting[next(iter(self._waiting))]
        self._write()

    def _write(self) -> None:
        if self._is_writing or not self._waiting:
            return
        self._is_writing = True
        batch = list(islice(self._waiting.values(), AT_ONCE))
        for ping in batch:
            del self._waiting[ping.connector_id]
        loop = asyncio.get_running_loop()
        loop.run_in_executor(None, self._put, batch).add_done_callback(self._done)

    def _put(self, batch: list[NoteHealth]) -> "tuple[list[NoteHealth], Exception | None]":
        """Write in another thread; return what is left to write, and why."""
        for done, ping in enumerate(batch):
            try:
                self._put_item(**_arguments(self._table, ping))
            except ClientError as error:
                if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                    return batch[done:], error
            except Exception as error:
                return batch[done:], error
        return [], None

    def _done(self, done: "asyncio.Future[tuple[list[NoteHealth], Exception | None]]") -> None:
        left, error = done.result()
        if error is None:
            self._is_failing = self._is_writing = False
            self._backoff.reset()
            self._write()
            return
        if not self._is_failing:
            self._is_failing = True
            self._log("health-refused", {"table": self._table, "error": first_line(error)})
        # A newer ping that came meanwhile tells more.
        self._waiting = {ping.connector_id: ping for ping in left} | self._waiting
        asyncio.get_running_loop().call_later(self._backoff.next_s(), self._again)

    def _again(self) -> None:
        self._is_writing = False
        self._write()


def _arguments(table: str, ping: NoteHealth) -> dict[str, object]:
    health = TerminationHealth(at=ping.at, source=ping.source)
    return {
        "TableName": table,
        "Item": encode_item(health_members(ping.connector_id, health)),
        "ConditionExpression": _CONDITION,
        "ExpressionAttributeNames": {"#pk": PARTITION_KEY, "#at": "at"},
        "ExpressionAttributeValues": {":now": encode(moment_text(ping.at))},
    }
