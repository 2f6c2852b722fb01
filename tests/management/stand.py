"""A management API to talk to with unmodified boto3: handler, gateway and embedded AWS."""

import logging
import os
import time
import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import boto3
from botocore.config import Config

from emulator.aws import AwsClients, EmbeddedAws, provision
from emulator.gateway import RunningGateway
from emulator.schedule import RunningSchedule
from lambdas.management.composition import build
from lambdas.number_orders import composition as number_orders
from model.settings import ApiSettings, Quotas, Settings
from model.tables import access_keys_secret_name
from tests.management.asset import ASSET_VARIABLE, AssetProcess, Handlers

ROOMY = Settings(api=ApiSettings(quotas=Quotas(connectors=10_000, cps_limit=50, groups=10_000)))
"""Settings for tests that share a stand: nobody runs into another's quota."""

NUMBER_ORDERS_EVERY_S = 0.1
LOOK_EVERY_S = 0.02
PATIENCE_S = 20.0

SINGLE = Config(retries={"total_max_attempts": 1}, max_pool_connections=20)
"""No retries: a test sees what the server answered."""
UNCHECKED = Config(parameter_validation=False, retries={"total_max_attempts": 1})
"""For requests that a careful client would not send."""


@cache
def _client(service: str, **arguments: Any) -> Any:
    """Return a client, made once: reading its model takes longer than most tests."""
    return _session().client(service, **arguments)  # type: ignore[call-overload]


@cache
def _session() -> boto3.session.Session:
    return boto3.session.Session()


class Key(NamedTuple):
    """An access key of an API."""

    access_key_id: str
    secret: str


LOCAL_KEY = Key("test", "test")
"""The one that provision() seeds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """A running management API with tables of its own."""

    url: str
    prefix: str
    aws: AwsClients
    settings: Settings
    key: Key = LOCAL_KEY
    gateway: str | None = None
    """host:port to connect to where that is not what the URL names."""

    @property
    def host(self) -> str:
        """Return what requests say in their Host header."""
        return urlsplit(self.url).netloc

    def session(self, region: str | None = None) -> boto3.session.Session:
        """Return a session with the API's key."""
        return boto3.session.Session(*self.key, region_name=region)

    # boto3 makes its clients at run time; types-boto3 knows chime-sdk-voice only as an extra.
    def client(self, service: str = "chime-sdk-voice", **overrides: Any) -> Any:
        """Return a boto3 client of this API."""
        arguments = {
            "endpoint_url": self.url,
            "region_name": "us-east-1",
            "aws_access_key_id": self.key.access_key_id,
            "aws_secret_access_key": self.key.secret,
            "config": SINGLE,
        }
        return _client(service, **(arguments | overrides))

    def new_connector(self, **members: Any) -> str:
        """Create a connector and return its id."""
        arguments = {"Name": "vc", "RequireEncryption": False} | members
        created = self.client().create_voice_connector(**arguments)
        return str(created["VoiceConnector"]["VoiceConnectorId"])

    def new_numbers(self, area_code: str, count: int, **members: Any) -> list[str]:
        """Order numbers of an area code and return them."""
        client = self.client()
        found = client.search_available_phone_numbers(AreaCode=area_code, MaxResults=count)
        numbers = [str(number) for number in found["E164PhoneNumbers"]]
        arguments = {"ProductType": "VoiceConnector", "E164PhoneNumbers": numbers} | members
        order = client.create_phone_number_order(**arguments)["PhoneNumberOrder"]
        assert self.settled(order["PhoneNumberOrderId"])["Status"] == "Successful"
        return numbers

    def settled(self, order_id: str) -> Any:
        """Wait until an order is fulfilled and return it."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            answer = self.client().get_phone_number_order(PhoneNumberOrderId=order_id)
            if answer["PhoneNumberOrder"]["Status"] != "Processing":
                return answer["PhoneNumberOrder"]
            assert time.monotonic() < deadline, "nobody fulfils the order"
            time.sleep(LOOK_EVERY_S)


@contextmanager
def running(embedded: EmbeddedAws, settings: Settings = ROOMY) -> Iterator[Stand]:
    """Run an API with fresh tables on an embedded AWS."""
    prefix = f"t{uuid.uuid4().hex[:8]}"
    aws = embedded.clients(settings.region)
    provision(aws, settings, prefix=prefix)
    with (
        _handlers(aws, settings, prefix) as handlers,
        RunningGateway(handlers.management) as gateway,
        RunningSchedule(handlers.number_orders, every_s=NUMBER_ORDERS_EVERY_S),
    ):
        yield Stand(url=gateway.url, prefix=prefix, aws=aws, settings=settings)


def _handlers(aws: AwsClients, settings: Settings, prefix: str) -> AbstractContextManager[Handlers]:
    """Return the handlers of this process, or those of the Lambda asset (test_asset.py)."""
    secret = access_keys_secret_name(prefix)
    asset = os.environ.get(ASSET_VARIABLE)
    if asset is not None:
        environment = {
            "OVC_TABLE_PREFIX": prefix,
            "OVC_ACCESS_KEYS_SECRET": secret,
            "OVC_SETTINGS": settings.to_json(),
        }
        return AssetProcess(Path(asset), environment, aws_url=aws.endpoint_url)
    management = build(
        settings=settings,
        table_prefix=prefix,
        access_keys_secret=secret,
        dynamodb=aws.dynamodb,
        secretsmanager=aws.secretsmanager,
        log=logging.getLogger("management"),
    )
    orders = number_orders.build(
        settings=settings,
        table_prefix=prefix,
        dynamodb=aws.dynamodb,
        log=logging.getLogger("number_orders"),
    )
    return nullcontext(Handlers(management, orders))
