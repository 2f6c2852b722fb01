"""The management API in this process, with a clock to turn and a database to interfere with.

No socket: moto answers the AWS calls inside the process, requests are signed events.
"""

import json
import logging
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType
from moto.dynamodb.models.table import Table as MotoTable

from emulator import moto_reads, moto_transactions
from emulator.aws import AwsClients, provision
from emulator.local_stream import LocalStream
from emulator.numbers_pool import synthetic_pool
from lambdas.config_feed.composition import changed_keys
from lambdas.management.composition import build
from lambdas.number_orders import composition as number_orders
from model.codec import decode_item
from model.feed_items import ChangedKey
from model.settings import Settings
from model.tables import (
    CONNECTOR,
    CONNECTORS,
    COUNT,
    INVENTORY,
    NUMBERS,
    PARTITION_KEY,
    POOL,
    SORT_KEY,
    Table,
    access_keys_secret_name,
    key,
)
from tests.management.signing import event, signed_headers

STATE = "CA"
"""Whose numbers are the pool."""
POOL_OF_ONE_STATE = [it for it in synthetic_pool() if it.state == STATE]
"""Every test has it made anew, and moto copies the whole table for each transaction."""
LONGEST_SORT_KEY = 1024
"""Bytes."""
WRITES = {"PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems"}


@cache
def _session(region: str) -> boto3.session.Session:
    """Return a session, made once: reading the services' models takes longer than most tests."""
    return boto3.session.Session(
        region_name=region, aws_access_key_id="test", aws_secret_access_key="test"
    )


class Killed(BaseException):
    """The process ends here: nothing may catch this, as nothing catches the end of a process."""


class LocalApi:
    """A handler over tables of its own."""

    def __init__(self, settings: Settings, config: Config | None = None) -> None:
        session = _session(settings.region)
        self.prefix = f"t{uuid.uuid4().hex[:8]}"
        self.now = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
        self.before_call: Callable[[str], None] = lambda operation: None
        """Called with the name of each operation on DynamoDB before it is sent."""
        self.after_call: Callable[[str], None] = lambda operation: None
        """The same once it is done, but before anybody has seen the answer."""
        self.dynamodb = session.client("dynamodb", config=config)
        clients = AwsClients(
            endpoint_url="",
            region=settings.region,
            dynamodb=self.dynamodb,
            s3=session.client("s3"),
            secretsmanager=session.client("secretsmanager"),
        )
        provision(clients, settings, prefix=self.prefix, pool=POOL_OF_ONE_STATE)
        self.fed: list[ChangedKey] = []
        """What the streams have brought of changes that the edge wants to know of (A9)."""
        names = {it.physical_name(self.prefix): it.logical_name for it in (CONNECTORS, NUMBERS)}
        LocalStream(self.dynamodb, names, lambda event, context: self._feed(event, names))
        events = self.dynamodb.meta.events
        events.register("provide-client-params.dynamodb", _check_key)
        events.register("before-call.dynamodb", self._before)
        events.register("after-call.dynamodb", self._after)
        self._handler = build(
            settings=settings,
            table_prefix=self.prefix,
            access_keys_secret=access_keys_secret_name(self.prefix),
            dynamodb=self.dynamodb,
            secretsmanager=clients.secretsmanager,
            log=logging.getLogger("management"),
            clock=lambda: self.now,
        )
        self._number_orders = number_orders.build(
            settings=settings,
            table_prefix=self.prefix,
            dynamodb=self.dynamodb,
            log=logging.getLogger("number_orders"),
            clock=lambda: self.now,
        )

    def call(self, method: str, target: str, document: object = None) -> tuple[int, Any]:
        """Send a signed request; return the status and the JSON of the answer."""
        body = b"" if document is None else json.dumps(document).encode()
        headers = signed_headers(method, target, body, moment=self.now)
        answer = self._handler(event(method, target, body, headers=headers), None)
        status, text = answer["statusCode"], answer["body"]
        assert isinstance(status, int) and isinstance(text, str)
        return status, json.loads(text) if text else None

    def handle(self, event: Mapping[str, object]) -> dict[str, object]:
        """Return the answer to any event."""
        return self._handler(event, None)

    def made(self, method: str, target: str, document: object = None) -> Any:
        """Send a signed request that succeeds; return the JSON of the answer."""
        status, answer = self.call(method, target, document)
        assert status < 300, (status, answer)
        return answer

    def new_connector(self) -> str:
        """Create a connector and return its path."""
        document = {"Name": "vc", "RequireEncryption": False}
        connector = self.made("POST", "/voice-connectors", document)["VoiceConnector"]
        return f"/voice-connectors/{connector['VoiceConnectorId']}"

    def available(self, count: int) -> list[str]:
        """Return numbers of the pool."""
        target = f"/search?type=phone-numbers&state={STATE}&max-results={count}"
        return list(self.made("GET", target)["E164PhoneNumbers"])

    def new_numbers(self, count: int) -> list[str]:
        """Order numbers and return them."""
        numbers = self.available(count)
        order = {"ProductType": "VoiceConnector", "E164PhoneNumbers": numbers}
        self.made("POST", "/phone-number-orders", order)
        self.run_number_orders()
        return numbers

    def run_number_orders(self) -> None:
        """Let the number_orders Lambda do all that is to be done now."""
        self._number_orders({}, None)

    def take_from_pool(self, e164: str) -> None:
        """Take a number out of the pool, as another order would."""
        table = NUMBERS.physical_name(self.prefix)
        self.dynamodb.delete_item(TableName=table, Key=key(POOL, e164))

    def count_numbers(self, amount: int) -> None:
        """Change the count of owned numbers, as if other numbers came or went."""
        self.dynamodb.update_item(
            TableName=NUMBERS.physical_name(self.prefix),
            Key=key(COUNT, INVENTORY),
            UpdateExpression="ADD amount :amount",
            ExpressionAttributeValues={":amount": {"N": str(amount)}},
        )

    def pass_time(self, span: timedelta) -> None:
        """Turn the clock forward."""
        self.now += span

    def items(self, table: Table, partition: str) -> list[dict[str, Any]]:
        """Return the items of a partition as plain members."""
        found = self.dynamodb.query(
            TableName=table.physical_name(self.prefix),
            KeyConditionExpression=f"{PARTITION_KEY} = :partition",
            ExpressionAttributeValues={":partition": {"S": partition}},
        )["Items"]
        return [decode_item(item) for item in found]

    def connectors(self, partition: str) -> list[dict[str, Any]]:
        """Return a partition of the table of connectors."""
        return self.items(CONNECTORS, partition)

    def numbers(self, partition: str) -> list[dict[str, Any]]:
        """Return a partition of the table of numbers."""
        return self.items(NUMBERS, partition)

    def damage_connector(self, connector_id: str, attribute: str) -> list[str]:
        """Take an attribute away from a connector's item; return the hashes of its passwords."""
        answer = self.dynamodb.update_item(
            TableName=CONNECTORS.physical_name(self.prefix),
            Key=key(CONNECTOR, connector_id),
            UpdateExpression="REMOVE #attribute",
            ExpressionAttributeNames={"#attribute": attribute},
            ReturnValues="ALL_NEW",
        )
        users = answer["Attributes"]["credentials"]["M"].values()
        return [value["S"] for user in users for value in user["M"].values()]

    def _feed(self, event: Mapping[str, object], names: Mapping[str, str]) -> dict[str, object]:
        self.fed += changed_keys(event, names)
        return {}

    def _before(self, model: Any, **_: object) -> None:
        self.before_call(model.name)

    def _after(self, model: Any, **_: object) -> None:
        self.after_call(model.name)


def _check_key(params: dict[str, Any], model: Any, **_: object) -> None:
    """Refuse a sort key as DynamoDB does and moto does not."""
    if len(params.get("Key", {}).get(SORT_KEY, {}).get("S", "").encode()) > LONGEST_SORT_KEY:
        message = "Size of rangekey has exceeded the maximum size limit of 1024 bytes"
        error: Any = {"Error": {"Code": "ValidationException", "Message": message}}
        raise ClientError(error, model.name)


@contextmanager
def local_api(settings: Settings, config: Config | None = None) -> Iterator[LocalApi]:
    """Run an API with fresh tables; `config` is that of its client of the database."""
    with mock_aws(), cheap_moto():
        yield LocalApi(settings, config)


@contextmanager
def cheap_moto() -> Iterator[None]:
    """Let moto in this process be as it is in the local run, for the `with` block alone.

    The servers that other tests have in this process answer several requests at once, which those
    of the local run do not.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(MotoTable, "__deepcopy__", None, raising=False)
        patch.setattr(MotoTable, "all_items", MotoTable.all_items)
        patch.setattr(DynamoDBBackend, "update_item", DynamoDBBackend.update_item)
        for name in ("__eq__", "__ne__"):
            patch.setattr(DynamoType, name, getattr(DynamoType, name))
        moto_transactions.install()
        moto_reads.install()
        yield
