"""Several edges on one set of tables, without the rest of a stand: each is `python -m edge`."""

import json
import os
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from edge.flow import Address
from emulator import aws as embedded
from model.codec import Plain, encode_item
from model.connector import Connector, Origination, Route, Termination, connector_host
from model.connector_items import connector_members
from model.feed_items import ChangedKey, change_members
from model.number_items import number_members
from model.numbers import InventoryNumber
from model.settings import Settings
from model.tables import (
    CONNECTOR,
    CONNECTORS,
    DEFAULT_PREFIX,
    FEED,
    GLOBAL,
    INVENTORY,
    NUMBERS,
    PARTITION_KEY,
    SETTINGS,
    SORT_KEY,
    TABLES,
    Table,
)
from tests.e2e.running import free_port
from tests.e2e.sipp import free_address, free_host
from tests.runtime.scripted import wait_for
from tests.runtime.test_main import Edge, edge, free_ports

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

CONNECTOR_ID = "abcdef1ghij2klmno3pqr4"
MADE_AT = datetime(2026, 7, 1, tzinfo=UTC)
READY_WITHIN_S = 30.0


class Cluster:
    """Running edges, their database, and the addresses of their only PBX and carrier."""

    def __init__(
        self,
        edges: list[Edge],
        addresses: list[Address],
        more: "Shared",
        start: Callable[[int], Edge],
    ) -> None:
        """`start` starts the edge of a number."""
        self.edges = edges
        self.addresses = addresses
        self.shared = more
        self.start = start
        self.host = connector_host(CONNECTOR_ID, Settings().domain)

    def await_peers(self) -> None:
        """Wait until every edge sees every other one."""
        for process in self.edges:
            wait_for(partial(_sees, process, len(self.edges) - 1), READY_WITHIN_S)


def _sees(process: Edge, others: int) -> bool:
    return any(it["taking_calls"] == others for it in process.of("peers"))


class Shared:
    """What the edges of a cluster share."""

    def __init__(self, aws: embedded.EmbeddedAws) -> None:
        self.aws = aws
        self.pbx, self.carrier = free_host(), free_address(free_host())
        self.dynamodb: DynamoDBClient = aws.clients("us-east-1").dynamodb
        for table in TABLES:
            # On a busy machine the client asks again before it has heard that the table is made.
            with suppress(self.dynamodb.exceptions.ResourceInUseException):
                self.dynamodb.create_table(**table.creation(DEFAULT_PREFIX))  # type: ignore[arg-type]  # an open mapping in model.tables

    def connector(self, cps_limit: int) -> Connector:
        """Return the connector whose PBX may call."""
        return Connector(
            connector_id=CONNECTOR_ID,
            name="shared",
            region="us-east-1",
            require_encryption=False,
            created_at=MADE_AT,
            updated_at=MADE_AT,
            origination=Origination(routes=(Route(host=self.pbx),)),
            termination=Termination(
                calling_regions=("US",),
                cidr_allowed_list=(f"{self.pbx}/32",),
                cps_limit=cps_limit,
            ),
        )

    def put(self, connector: Connector) -> None:
        """Write the connector and feed its key, as the API and its stream do."""
        self._put(CONNECTORS, CONNECTOR, connector.connector_id, connector_members(connector))

    def put_number(self, number: InventoryNumber) -> None:
        """Write a number and feed its key."""
        self._put(NUMBERS, INVENTORY, number.e164, number_members(number))

    def use_bucket(self, name: str, *, is_there: bool = True) -> None:
        """Let records go into a bucket from now on, as UpdateGlobalSettings does, and make it."""
        if is_there:
            self.make_bucket(name)
        members = {PARTITION_KEY: SETTINGS, SORT_KEY: GLOBAL, "cdr_bucket": name}
        self._put(CONNECTORS, SETTINGS, GLOBAL, members)

    def make_bucket(self, name: str) -> None:
        """Make a bucket."""
        self.aws.clients("us-east-1").s3.create_bucket(Bucket=name)

    def _put(self, table: Table, partition: str, sort: str, members: Mapping[str, Plain]) -> None:
        changed = ChangedKey(table.logical_name, partition, sort)
        change = change_members(changed, datetime.now(UTC), uuid4().hex)
        for where, what in ((table, members), (FEED, change)):
            self.dynamodb.put_item(
                TableName=where.physical_name(DEFAULT_PREFIX), Item=encode_item(what)
            )

    def settings(self, **sections: Any) -> str:
        """Return the settings document of an edge."""
        host, port = self.carrier
        first = free_ports(400)
        carrier = {"name": "pstn", "host": host, "port": port}
        media = {"first_port": first, "last_port": first + 399}
        return json.dumps({"lab_mode": True, "carriers": [carrier], "media": media} | sections)

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Let the database answer nobody, and go on where it was."""
        os.kill(self.aws.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.aws.pid, signal.SIGCONT)


def edge_environment(listen: Address, settings: str, aws_url: str) -> dict[str, str]:
    """Return what an edge at an address has to know."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "OVC_"))}
    return {
        **kept,
        "AWS_ENDPOINT_URL": aws_url,
        "AWS_ACCESS_KEY_ID": embedded.ACCESS_KEY_ID,
        "AWS_SECRET_ACCESS_KEY": embedded.SECRET_ACCESS_KEY,
        "AWS_EC2_METADATA_DISABLED": "true",
        "OVC_SETTINGS": settings,
        "OVC_SIP_LISTEN": f"{listen[0]}:{listen[1]}",
    }


@contextmanager
def cluster(
    size: int,
    *,
    cps_limit: int,
    variables: Mapping[str, str] = MappingProxyType({}),
    **sections: Any,
) -> Iterator[Cluster]:
    """Run some edges, each at an address of its own; `variables` are more of their environment."""
    with ExitStack() as running:
        aws = running.enter_context(embedded.start(account_id="000000000000"))
        shared = Shared(aws)
        shared.put(shared.connector(cps_limit))
        journals = running.enter_context(TemporaryDirectory())
        addresses = [(f"127.0.0.{number + 1}", free_port()) for number in range(size)]

        def start(number: int) -> Edge:
            settings = shared.settings(**sections)
            environment = edge_environment(addresses[number], settings, aws.url)
            environment |= {"OVC_JOURNAL_DIRECTORY": journals, **variables}
            return running.enter_context(edge(environment, addresses[number][1]))

        edges = [start(number) for number in range(size)]
        for process in edges:
            process.until("ready", READY_WITHIN_S)
        yield Cluster(edges, addresses, shared, start)
