"""A reaper over tables and buckets of its own, with clocks to turn and tasks that end when told."""

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import boto3
from moto import mock_aws

from lambdas.call_reaper.composition import build
from lambdas.call_reaper.judgement import TaskState
from model.call_items import due_members, live_members
from model.calls import LiveCall
from model.cdr import NORMAL_CALL_CLEARING, CallDetailRecord, CallStatus, Disposition
from model.codec import Item, Plain, decode_item, encode_item
from model.node import NodeState
from model.node_items import node_members
from model.settings import Settings
from model.tables import (
    CALLS,
    CONNECTORS,
    GLOBAL,
    NODE,
    NODES,
    PARTITION_KEY,
    SETTINGS,
    SORT_KEY,
    TABLES,
    Table,
)

BEGAN = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
BUCKET = "records"
MINUTE = timedelta(seconds=60)


class ReaperStand:
    """Nodes are rows here, and whether they run is a word in a dictionary."""

    def __init__(self) -> None:
        self.now = BEGAN
        self.elapsed = 0.0
        self.states: dict[str, TaskState] = {}
        self.counted: Counter[str] = Counter()
        self.before_call: Callable[[str, Mapping[str, Any]], None] = lambda name, arguments: None
        """Called with each operation on DynamoDB or S3 before it is sent."""
        session = boto3.session.Session("test", "test", region_name="us-east-1")
        self.dynamodb: Any = session.client("dynamodb")
        self.s3: Any = session.client("s3")
        for table in TABLES:
            self.dynamodb.create_table(**table.creation("ovc"))  # type: ignore[arg-type]  # an open mapping in model.tables
        self.s3.create_bucket(Bucket=BUCKET)
        self.use_bucket(BUCKET)
        for service, client in (("dynamodb", self.dynamodb), ("s3", self.s3)):
            client.meta.events.register(f"provide-client-params.{service}", self._before)
        self.handler = build(
            settings=Settings(account_id="111122223333"),
            table_prefix="ovc",
            dynamodb=self.dynamodb,
            s3=self.s3,
            tasks=self._asked,
            log=logging.getLogger("call_reaper"),
            count=lambda name, number: self.counted.update({name: number}),
            clock=lambda: self.now,
            elapsed=lambda: self.elapsed,
        )
        self.asked: list[set[str]] = []

    # botocore calls with keywords of its own.
    def _before(self, params: Any, model: Any, **_: Any) -> None:
        self.before_call(model.name, params)

    def _asked(self, tasks: Iterable[str]) -> Mapping[str, TaskState]:
        self.asked.append(set(tasks))
        return {it: self.states.get(it, TaskState.NOBODY_KNOWS) for it in tasks}

    def run(self) -> dict[str, object]:
        """Call the handler as its schedule does."""
        return self.handler({"source": "aws.events"}, None)

    def run_twice(self) -> dict[str, object]:
        """Call it again a minute later; return what that said."""
        self.run()
        self.now += MINUTE
        return self.run()

    def use_bucket(self, name: str | None) -> None:
        self.put(CONNECTORS, {PARTITION_KEY: SETTINGS, SORT_KEY: GLOBAL, "cdr_bucket": name})

    def put(self, table: Table, members: Mapping[str, Plain]) -> None:
        self.put_item(table, encode_item(members))

    def put_item(self, table: Table, item: Item) -> None:
        self.dynamodb.put_item(TableName=table.physical_name("ovc"), Item=item)

    def node(
        self,
        node_id: str = "node1",
        *,
        renewed_at: datetime = BEGAN,
        state: TaskState = TaskState.GONE,
        **members: Any,
    ) -> None:
        """Let a node have renewed its lease, and its task be in a state."""
        task = f"process:host:{len(node_id)}:{node_id[-1]}"
        self.states[task] = state
        row = NodeState(
            node_id=node_id,
            sip_address="198.51.100.10:5060",
            started_at=BEGAN - timedelta(hours=1),
            renewed_at=renewed_at,
            active_calls=1,
            draining=False,
            carriers=(),
            task=task,
            shown_at=renewed_at,
        )
        self.put(NODES, node_members(row) | members)

    def live(self, node_id: str = "node1", *, answered_at: datetime = BEGAN - MINUTE) -> LiveCall:
        """Let a node have a call that is up."""
        call = a_call(answered_at)
        self.put(CALLS, live_members(call, node_id))
        return call

    def due(self, node_id: str = "node1", *, bucket: str = BUCKET) -> CallDetailRecord:
        """Let a node have a call that has ended and whose object is not there yet."""
        record = a_record(a_call(BEGAN - MINUTE), BEGAN - timedelta(seconds=30))
        self.put(CALLS, due_members(record, node_id, bucket, record.key()))
        return record

    def row(self, transaction_id: str) -> dict[str, Plain] | None:
        found = self.dynamodb.get_item(
            TableName=CALLS.physical_name("ovc"), Key={"transaction_id": {"S": transaction_id}}
        )
        return decode_item(found["Item"]) if "Item" in found else None

    def nodes(self) -> set[str]:
        """Return the ids of all nodes that have a row."""
        items = self.dynamodb.scan(TableName=NODES.physical_name("ovc"))["Items"]
        return {it[SORT_KEY]["S"] for it in items if it[PARTITION_KEY]["S"] == NODE}

    def objects(self, bucket: str = BUCKET) -> dict[str, bytes]:
        listed = self.s3.list_objects_v2(Bucket=bucket).get("Contents", [])
        keys = [it["Key"] for it in listed]
        return {it: self.s3.get_object(Bucket=bucket, Key=it)["Body"].read() for it in keys}


@contextmanager
def reaper_stand() -> Iterator[ReaperStand]:
    with mock_aws():
        yield ReaperStand()


def a_call(answered_at: datetime) -> LiveCall:
    return LiveCall(
        transaction_id=str(uuid4()),
        call_id="8ed6a0c9@192.0.2.1",
        connector_id="abcdef1ghij2klmno3pqr4",
        from_number="+15105550101",
        to_number="+14155550102",
        disposition=Disposition.TERMINATION,
        sip_auth_user=None,
        answered_at=answered_at,
    )


def a_record(
    call: LiveCall, ended_at: datetime, status_message: str = NORMAL_CALL_CLEARING
) -> CallDetailRecord:
    """Return the record of a call that has ended."""
    return CallDetailRecord(
        account_id="111122223333",
        transaction_id=call.transaction_id,
        call_id=call.call_id,
        connector_id=call.connector_id,
        from_number=call.from_number,
        to_number=call.to_number,
        status_message=status_message,
        disposition=call.disposition,
        status=CallStatus.COMPLETED,
        sip_auth_user=call.sip_auth_user,
        answered=True,
        started_at=call.answered_at,
        ended_at=ended_at,
    )
