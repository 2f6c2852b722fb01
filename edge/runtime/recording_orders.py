"""What operators want recorded of this node's calls: looked at again and again (docs/recording.md).

An order stands in an item of the table of nodes that has the node's own id in its key, so that each
node reads its own orders alone, and nothing where there are none.
"""

import time
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING

import boto3

from edge.runtime.log import utc_now
from edge.runtime.row_writer import CLIENT
from edge.seam import EndRecording, RecordCall
from model.recording_items import node_prefix, outcome, recording_from, recording_key
from model.recordings import BEGUN_WITHIN, Recording, RecordingState
from model.tables import NODES, PARTITION_KEY, RECORDING, SORT_KEY

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient


class RecordingTable:
    """The recordings of one node; raises botocore's errors."""

    def __init__(self, client: "DynamoDBClient", *, table_prefix: str, node_id: str) -> None:
        self._client = client
        self._table = NODES.physical_name(table_prefix)
        self._node_id = node_id

    @classmethod
    def over(cls, session: boto3.Session, table_prefix: str, node_id: str) -> "RecordingTable":
        """Return the recordings of a node of a deployment."""
        client = session.client("dynamodb", config=CLIENT)
        return cls(client, table_prefix=table_prefix, node_id=node_id)

    def unfinished(self) -> Iterator[Recording]:
        """Yield what is ordered or under way."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="#pk = :recording AND begins_with(#sk, :node)",
            FilterExpression="attribute_not_exists(#state) OR #state = :running",
            ExpressionAttributeNames={"#pk": PARTITION_KEY, "#sk": SORT_KEY, "#state": "state"},
            ExpressionAttributeValues={
                ":recording": {"S": RECORDING},
                ":node": {"S": node_prefix(self._node_id)},
                ":running": {"S": RecordingState.RUNNING.value},
            },
        )
        for page in pages:
            yield from map(recording_from, page["Items"])

    def write(self, recording: Recording) -> None:
        """Write what has become of an order; one that has made way for another is let go."""
        change = outcome(recording)
        order = recording.order
        try:
            self._client.update_item(
                TableName=self._table,
                Key=recording_key(order.node_id, order.transaction_id),
                UpdateExpression=change.expression,
                ConditionExpression=change.condition,
                ExpressionAttributeNames=change.names,
                ExpressionAttributeValues=change.values,
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return


class RecordingOrders:
    """Tells each order once, and once that its end is wanted."""

    def __init__(self, table: RecordingTable, utc: Callable[[], datetime] = utc_now) -> None:
        self._table = table
        self._utc = utc
        self._told: dict[tuple[str, datetime], bool] = {}

    def news(self) -> list[RecordCall | EndRecording]:
        """Return what was ordered since the last look."""
        news: list[RecordCall | EndRecording] = []
        newest, known = self._utc(), self._told
        self._told = {it: ended for it, ended in known.items() if newest - it[1] <= BEGUN_WITHIN}
        for recording in self._table.unfinished():
            order = recording.order
            name = (order.transaction_id, order.ordered_at)
            is_fresh = newest - order.ordered_at <= BEGUN_WITHIN
            if name not in known and recording.state is RecordingState.ORDERED and is_fresh:
                news.append(RecordCall(order))
            if recording.end_wanted and not known.get(name):
                news.append(EndRecording(order.transaction_id))
            self._told[name] = recording.end_wanted
        return news


def watch_recordings(
    orders: RecordingOrders,
    *,
    every_s: float,
    publish: Callable[[RecordCall | EndRecording], None],
) -> None:
    """Publish what is ordered, for ever; while the table is away nobody can order anything."""
    while True:
        try:
            news = orders.news()
        except Exception:
            # Whoever follows the configuration says that the database is away.
            news = []
        for it in news:
            publish(it)
        time.sleep(every_s)
