"""The edge_dns Lambda over a table and a zone of its own, with a clock to turn; moto answers in
this process."""

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
from moto import mock_aws

from lambdas.edge_dns.composition import build
from lambdas.edge_dns.ecs_service import EcsView, Phase, Service, Task
from model.codec import Plain, decode_item, encode_item
from model.drain import DrainMark, DrainReason, drain_members
from model.node import NodeState
from model.node_items import node_members
from model.tables import DRAIN, NODE, NODES, PARTITION_KEY, SORT_KEY, key

BEGAN = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
MINUTE = timedelta(seconds=60)
DOMAIN = "vc.example.com"
NEW, OLD = (
    "arn:aws:ecs:r:a:task-definition/ovc-edge:2",
    "arn:aws:ecs:r:a:task-definition/ovc-edge:1",
)


def an_id(number: int) -> str:
    return f"{number:032x}"


def an_address(number: int) -> str:
    return f"198.51.100.{number}"


class DnsStand:
    """Nodes are rows here, and ECS is a dictionary."""

    def __init__(self, *, has_zone: bool = True) -> None:
        self.now = BEGAN
        self.service: Service | None = None
        self.tasks: dict[str, Task] = {}
        self.counted: Counter[str] = Counter()
        self.batches: list[list[dict[str, Any]]] = []
        self.before_call: Callable[[str], None] = lambda name: None
        """Called with each operation on DynamoDB or Route 53 before it is sent."""
        session = boto3.session.Session("test", "test", region_name="us-east-1")
        self.dynamodb: Any = session.client("dynamodb")
        self.route53: Any = session.client("route53")
        self.dynamodb.create_table(**NODES.creation("ovc"))  # type: ignore[arg-type]  # an open mapping in model.tables
        made = self.route53.create_hosted_zone(Name="example.com", CallerReference="one")
        self.zone_id = made["HostedZone"]["Id"].rpartition("/")[2]
        for service, client in (("dynamodb", self.dynamodb), ("route53", self.route53)):
            client.meta.events.register(f"provide-client-params.{service}", self._before)
        self.handler = build(
            table_prefix="ovc",
            dynamodb=self.dynamodb,
            route53=self.route53,
            zone_id=self.zone_id if has_zone else "",
            domain=DOMAIN,
            ask_ecs=self._asked,
            log=logging.getLogger("edge_dns"),
            count=lambda name, number: self.counted.update({name: number}),
            clock=lambda: self.now,
        )

    # botocore calls with keywords of its own.
    def _before(self, params: Any, model: Any, **_: Any) -> None:
        self.before_call(model.name)
        if model.name == "ChangeResourceRecordSets":
            self.batches.append(params["ChangeBatch"]["Changes"])

    def _asked(self, tasks: Iterable[str]) -> EcsView:
        return EcsView(self.service, {it: self.tasks[it] for it in tasks if it in self.tasks})

    def run(self) -> dict[str, object]:
        """Call the handler as its schedule does, with a minute after it."""
        try:
            return self.handler({"source": "aws.events"}, None)
        finally:
            self.now += MINUTE

    def put(self, members: Mapping[str, Plain]) -> None:
        self.dynamodb.put_item(TableName=NODES.physical_name("ovc"), Item=encode_item(members))

    def node(
        self, number: int, *, definition: str | None = None, calls: int = 0, **members: Any
    ) -> None:
        """Let a node have renewed its lease just now, as a task of a revision or of nobody's."""
        task = None if definition is None else f"arn:aws:ecs:r:a:task/ovc-edge/{number}"
        if task is not None and definition is not None:
            self.tasks[task] = Task(Phase.RUNNING, definition)
        row = NodeState(
            node_id=an_id(number),
            sip_address=f"{an_address(number)}:5060",
            started_at=BEGAN - timedelta(hours=1),
            renewed_at=self.now,
            active_calls=calls,
            draining=False,
            carriers=(),
            task=task,
            shown_at=self.now,
        )
        self.put(node_members(row) | members)

    def stop(self, number: int, phase: Phase = Phase.GONE) -> None:
        """Let ECS say that a node's task goes, or has gone."""
        self.tasks[f"arn:aws:ecs:r:a:task/ovc-edge/{number}"] = Task(phase, NEW)

    def leave(self, number: int) -> None:
        """Let a node have taken its row off the list."""
        self.dynamodb.delete_item(
            TableName=NODES.physical_name("ovc"), Key=key(NODE, an_id(number))
        )

    def mark(self, number: int) -> None:
        """Tell a node to drain."""
        reason = DrainReason.OPERATOR
        self.put(drain_members(DrainMark(node_id=an_id(number), ordered_at=BEGAN, reason=reason)))

    def marks(self) -> dict[int, dict[str, Plain]]:
        """Return all orders to drain, by the numbers of nodes."""
        items = self.dynamodb.scan(TableName=NODES.physical_name("ovc"))["Items"]
        marks = [decode_item(it) for it in items if it[PARTITION_KEY]["S"] == DRAIN]
        return {int(str(it[SORT_KEY]), 16): it for it in marks}

    def listed(self) -> set[int]:
        """Return the numbers of the nodes that have a record; it must be right."""
        found = self.route53.list_resource_record_sets(HostedZoneId=self.zone_id)
        names = set()
        for it in found["ResourceRecordSets"]:
            if it["Type"] == "A" and len(it.get("SetIdentifier", "")) == 32:
                number = int(it["SetIdentifier"], 16)
                assert (it["Name"], it["TTL"]) == (f"*.{DOMAIN}.", 30)
                assert it["MultiValueAnswer"] is True
                assert it["ResourceRecords"] == [{"Value": an_address(number)}]
                names.add(number)
        return names


@contextmanager
def dns_stand(*, has_zone: bool = True) -> Iterator[DnsStand]:
    with mock_aws():
        yield DnsStand(has_zone=has_zone)
