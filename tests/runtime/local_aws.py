"""DynamoDB and S3 on a free port of this machine, with helpers that write like the API does."""

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

import boto3
from moto.server import ThreadedMotoServer

from edge.runtime.aws_messages import JournalPlan
from model import tables
from model.codec import Item, Plain, decode_item, encode_item
from model.connector import Connector, Origination, Route, Termination
from model.connector_items import connector_members
from model.feed_items import ChangedKey, change_members
from model.number_items import number_members
from model.numbers import InventoryNumber
from model.tables import CONNECTORS, FEED, NUMBERS, PARTITION_KEY, SORT_KEY

REGION = "us-east-1"
KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
MADE_AT = datetime(2026, 7, 1, tzinfo=UTC)


def a_connector(connector_id: str, *, sources: tuple[str, ...] = ("127.0.0.0/8",)) -> Connector:
    return Connector(
        connector_id=connector_id,
        name="Demo",
        region=REGION,
        require_encryption=False,
        created_at=MADE_AT,
        updated_at=MADE_AT,
        origination=Origination(routes=(Route(host="127.0.0.1", port=5080),)),
        termination=Termination(calling_regions=("US",), cidr_allowed_list=sources),
    )


def a_number(e164: str, connector_id: str | None = None) -> InventoryNumber:
    return InventoryNumber(
        e164=e164,
        number_type="Local",
        product_type="VoiceConnector",
        country="US",
        created_at=MADE_AT,
        updated_at=MADE_AT,
        connector_id=connector_id,
    )


class LocalAws:
    """A server that can go away and come back with what it held."""

    def __init__(self) -> None:
        self._session = boto3.Session("test", "test", region_name=REGION)
        self._server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
        self._server.start()
        _, self._port = self._server.get_host_and_port()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def environment(self) -> dict[str, str]:
        """Return what a process needs to find this AWS, on top of a clean environment."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        return kept | KEYS | {"AWS_ENDPOINT_URL": self.url, "AWS_EC2_METADATA_DISABLED": "true"}

    def session(self) -> boto3.Session:
        """Return the one session: reading the services' models takes longer than most tests."""
        return self._session

    def client(self, service: Any) -> Any:
        """Return a boto3 client; Any, because its type depends on the service's name."""
        return self.session().client(service, endpoint_url=self.url)

    def stop(self) -> None:
        self._server.stop()

    def start_again(self) -> None:
        self._server = ThreadedMotoServer("127.0.0.1", self._port, verbose=False)
        self._server.start()


class Deployment:
    """The tables and the bucket of one deployment; each test has its own, by its prefix."""

    def __init__(self, aws: LocalAws, prefix: str) -> None:
        self.aws, self.prefix = aws, prefix
        self._disk = TemporaryDirectory(prefix="ovc-test-")
        self.journals = Path(self._disk.name)
        """Where nodes keep their journals."""
        self.bucket = f"{prefix}-cdr"
        self._dynamodb = aws.client("dynamodb")
        aws.client("s3").create_bucket(Bucket=self.bucket)
        for table in tables.TABLES:
            self._dynamodb.create_table(**table.creation(prefix))

    @property
    def plan(self) -> JournalPlan:
        """Return where nodes keep their journals, and that there is room."""
        return JournalPlan(self.journals, 1 << 20)

    def put(self, table: tables.Table, members: Mapping[str, Plain]) -> None:
        """Write an item as it is, and tell nobody."""
        name = table.physical_name(self.prefix)
        self._dynamodb.put_item(TableName=name, Item=encode_item(members))

    def drop(self, table: tables.Table) -> None:
        """Remove a table."""
        self._dynamodb.delete_table(TableName=table.physical_name(self.prefix))

    def take_out(self, table: tables.Table, partition: str, sort: str) -> None:
        """Delete an item and tell nobody."""
        name = table.physical_name(self.prefix)
        self._dynamodb.delete_item(TableName=name, Key=tables.key(partition, sort))

    def feed(self, table: tables.Table, members: Mapping[str, Plain]) -> None:
        """Tell of a change as the config_feed Lambda does."""
        changed = ChangedKey(table.logical_name, str(members["pk"]), str(members["sk"]))
        self.put(FEED, change_members(changed, datetime.now(UTC), uuid4().hex))

    def change(self, table: tables.Table, members: Mapping[str, Plain]) -> None:
        """Write an item and tell of it."""
        self.put(table, members)
        self.feed(table, members)

    def remove(self, table: tables.Table, partition: str, sort: str) -> None:
        """Delete an item and tell of it."""
        self.take_out(table, partition, sort)
        self.feed(table, {PARTITION_KEY: partition, SORT_KEY: sort})

    def put_connector(self, connector: Connector) -> None:
        self.change(CONNECTORS, connector_members(connector))

    def put_number(self, number: InventoryNumber) -> None:
        self.change(NUMBERS, number_members(number))

    def use_bucket(self) -> None:
        """Set the CDR bucket as UpdateGlobalSettings does."""
        item = {PARTITION_KEY: tables.SETTINGS, SORT_KEY: tables.GLOBAL}
        self.change(CONNECTORS, {**item, "cdr_bucket": self.bucket})

    def items(self, table: tables.Table) -> list[Item]:
        """Return every item of a table in typed JSON."""
        found: list[Item] = self._dynamodb.scan(TableName=table.physical_name(self.prefix))["Items"]
        return found

    def rows(self, table: tables.Table) -> list[dict[str, Plain]]:
        """Return every item of a table."""
        found = self._dynamodb.scan(TableName=table.physical_name(self.prefix))["Items"]
        return [decode_item(item) for item in found]

    def objects(self) -> dict[str, bytes]:
        """Return every object of the bucket."""
        s3 = self.aws.client("s3")
        keys = [
            entry["Key"] for entry in s3.list_objects_v2(Bucket=self.bucket).get("Contents", [])
        ]
        return {key: s3.get_object(Bucket=self.bucket, Key=key)["Body"].read() for key in keys}
