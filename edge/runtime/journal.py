"""What the management plane sees of a node: the rows of its calls and of itself (EDGE C9).

The rows go their own way: neither do records wait for them, nor they for records.
"""

from collections.abc import Callable
from datetime import datetime

import boto3

from edge.runtime.aws_messages import NodeIdentity
from edge.runtime.log import Logger, utc_now
from edge.runtime.row_writer import CLIENT, RowWriter, batch_write
from edge.seam import NodeReport
from model.call_items import call_key, ended_members, live_members
from model.calls import LiveCall
from model.cdr import CallDetailRecord
from model.codec import encode_item
from model.node import NodeState
from model.node_items import node_members
from model.quality import CallQuality
from model.tables import CALLS, NODE, NODES, SORT_KEY, key


class Journal:
    """Turns what happens on a node into rows."""

    def __init__(
        self,
        node: NodeIdentity,
        *,
        calls: RowWriter,
        nodes: RowWriter,
        utc: Callable[[], datetime] = utc_now,
    ) -> None:
        self._node = node
        self._calls = calls
        self._nodes = nodes
        self._utc = utc

    @classmethod
    def over(
        cls, session: boto3.Session, prefix: str, node: NodeIdentity, log: Logger
    ) -> "Journal":
        """Return the journal of a deployment whose tables start with `prefix`."""
        calls, nodes = CALLS.physical_name(prefix), NODES.physical_name(prefix)
        client = session.client("dynamodb", config=CLIENT)
        return cls(
            node,
            calls=RowWriter(
                batch_write(client.batch_write_item, calls),
                table=calls,
                name_attribute=CALLS.partition_key,
                log=log,
            ),
            nodes=RowWriter(
                batch_write(client.batch_write_item, nodes),
                table=nodes,
                name_attribute=SORT_KEY,
                log=log,
            ),
        )

    @property
    def pending(self) -> int:
        """Return how many rows are not written yet."""
        return self._calls.pending + self._nodes.pending

    def answered(self, call: LiveCall, quality: CallQuality | None = None) -> None:
        """Note a call that is up, and what its media is like so far."""
        self._calls.put(encode_item(live_members(call, self._node.node_id, quality)))

    def forgotten(self, transaction_id: str) -> None:
        """Remove a call that has ended and leaves no record (EDGE C11)."""
        self._calls.delete(call_key(transaction_id))

    def ended(
        self,
        record: CallDetailRecord,
        quality: CallQuality | None = None,
        *,
        has_object: bool = True,
    ) -> None:
        """Note the end of a call, and what its media was like once that is known; without
        `has_object` its record was given up."""
        key = record.key() if has_object else None
        members = ended_members(record, self._node.node_id, key, quality)
        self._calls.put(encode_item(members), is_spare=not record.answered)

    def renewed(self, report: NodeReport) -> None:
        """Note how the node is doing."""
        node = NodeState(
            node_id=self._node.node_id,
            sip_address=self._node.sip_address,
            started_at=self._node.started_at,
            renewed_at=report.renewed_at,
            active_calls=report.active_calls,
            draining=report.draining,
            carriers=report.carriers,
            connector_calls=report.connector_calls,
            longest_recording_s=report.longest_recording_s,
            task=self._node.task,
            shown_at=self._utc(),
        )
        self._nodes.put(encode_item(node_members(node)))

    def left(self) -> None:
        """Take the node off the list, and write the rest at once."""
        self._nodes.delete(key(NODE, self._node.node_id))
        self._nodes.flush()
        self._calls.flush()
