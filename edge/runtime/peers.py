"""The other nodes of the deployment, looked at every few seconds (A10, EDGE R16)."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from edge.runtime.log import utc_now
from edge.seam import PeersSeen
from model.codec import Item
from model.node import NodeState
from model.node_items import node_from
from model.tables import NODE, NODES, PARTITION_KEY

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

EVERY_S = 2.0
"""So long a new node is not counted with."""
EVERY_LIMITED_S = 1.0
"""Where concurrent calls are limited: with a second of publishing, numbers are two seconds old."""


class Peers:
    """Reads the list of nodes; raises botocore's errors when it cannot."""

    def __init__(
        self,
        client: "DynamoDBClient",
        *,
        table_prefix: str,
        node_id: str,
        utc: Callable[[], datetime] = utc_now,
    ) -> None:
        self._client = client
        self._table = NODES.physical_name(table_prefix)
        self._node_id = node_id
        self._utc = utc
        self._known = PeersSeen(0, {})

    def changed(self) -> PeersSeen | None:
        """Return what the others say of themselves if it differs from what was returned before."""
        seen = seen_among(self._nodes(), self._node_id, self._utc())
        if seen == self._known:
            return None
        self._known = seen
        return seen

    def _nodes(self) -> Iterator[NodeState]:
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="#pk = :pk",
            ExpressionAttributeNames={"#pk": PARTITION_KEY},
            ExpressionAttributeValues={":pk": {"S": NODE}},
        )
        for page in pages:
            yield from _readable(page["Items"])


def seen_among(nodes: Iterable[NodeState], own_id: str, now: datetime) -> PeersSeen:
    """Return what a node needs to know of all others that live."""
    taking_calls = 0
    calls: Counter[str] = Counter()
    for node in nodes:
        if node.node_id != own_id and node.is_live(now):
            taking_calls += not node.draining
            calls.update(node.connector_calls)
    return PeersSeen(taking_calls, dict(calls))


def watch_peers(peers: Peers, *, every_s: float, publish: Callable[[PeersSeen], None]) -> None:
    """Publish what changes, for ever; while the table is away, what was seen last stands (A9)."""
    while True:
        try:
            seen = peers.changed()
        except Exception:
            # Whoever follows the configuration says that the database is away.
            seen = None
        if seen is not None:
            publish(seen)
        time.sleep(every_s)


def _readable(items: Iterable[Item]) -> Iterator[NodeState]:
    for item in items:
        try:
            yield node_from(item)
        except (KeyError, ValueError):
            continue
