"""Whether this node is told to drain: its mark in the table of nodes, looked at again and again.

One GetItem of half a read unit each time; every two seconds that is 1.3 million a month, eight
cents for each node at 0.125 USD a million units. The mark's times are by another machine's clock
and are not compared with anything: what counts is when the node sees what.
"""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from edge.runtime.aws_messages import DrainOrder, DrainTold
from edge.runtime.log import Logger
from model.codec import moment_text
from model.drain import drain_from
from model.tables import DRAIN, NODES, key

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

UNREADABLE = "unreadable"
"""The reason of an order that cannot be read."""


class DrainMarks:
    """Reads the mark of one node; raises botocore's errors when it cannot."""

    def __init__(
        self, client: "DynamoDBClient", *, table_prefix: str, node_id: str, log: Logger
    ) -> None:
        self._client = client
        self._table = NODES.physical_name(table_prefix)
        self._node_id = node_id
        self._log = log
        self._told: DrainTold | None = None

    def news(self) -> DrainTold | None:
        """Return what there is if it differs from what was returned before; the first look always
        tells, for an earlier worker may have told something else."""
        told = DrainTold(self._order())
        if told == self._told:
            return None
        self._told = told
        return told

    def _order(self) -> DrainOrder | None:
        answer = self._client.get_item(TableName=self._table, Key=key(DRAIN, self._node_id))
        item = answer.get("Item")
        if item is None:
            return None
        try:
            mark = drain_from(item)
        except (KeyError, ValueError) as error:
            self._tell_damaged(error)
            # Whoever keeps the records goes by its being there (A11), and so does the node: out of
            # DNS but not draining, it would be there for nobody, for ever.
            return DrainOrder(UNREADABLE, is_unlisted=False)
        is_unlisted, given = mark.unlisted_at is not None, moment_text(mark.ordered_at)
        return DrainOrder(mark.reason.value, is_unlisted=is_unlisted, given=given)

    def _tell_damaged(self, error: Exception) -> None:
        if self._told is None or self._told.order != DrainOrder(UNREADABLE, is_unlisted=False):
            hint = "it is taken as an order without a reason; remove it: ovc drain NODE --undo"
            fields = {"node": self._node_id, "error": repr(error), "hint": hint}
            self._log("drain-mark-damaged", fields)


def watch_drain(marks: DrainMarks, *, every_s: float, publish: Callable[[DrainTold], None]) -> None:
    """Publish what changes, for ever; while the table is away, what was told last stands."""
    while True:
        try:
            news = marks.news()
        except Exception:
            # Whoever follows the configuration says that the database is away.
            news = None
        if news is not None:
            publish(news)
        time.sleep(every_s)
