"""A management API to talk to with unmodified boto3: handler, gateway and embedded AWS."""

import logging
import os
import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from emulator.aws import AwsClients, EmbeddedAws, provision
from emulator.gateway import RunningGateway
from lambdas.management.composition import Handler, build
from model.codec import decode
from model.settings import ApiSettings, Quotas, Settings
from model.tables import CONFIGURATION, CONNECTORS, VERSION, access_keys_secret_name, key
from tests.management.asset import ASSET_VARIABLE, AssetProcess

ROOMY = Settings(api=ApiSettings(quotas=Quotas(connectors=10_000, cps_limit=50, groups=10_000)))
"""Settings for tests that share a stand: nobody runs into another's quota."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """A running management API with tables of its own."""

    url: str
    prefix: str
    aws: AwsClients
    settings: Settings

    # boto3 makes its clients at run time; types-boto3 knows chime-sdk-voice only as an extra.
    def client(self, service: str = "chime-sdk-voice", **overrides: Any) -> Any:
        """Return a boto3 client of this API."""
        arguments = {
            "endpoint_url": self.url,
            "region_name": "us-east-1",
            "aws_access_key_id": "test",
            "aws_secret_access_key": "test",
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
        client.create_phone_number_order(**arguments)
        return numbers

    def revision(self) -> int:
        """Return how often the configuration was counted up."""
        item = self.aws.dynamodb.get_item(
            TableName=CONNECTORS.physical_name(self.prefix),
            Key=key(VERSION, CONFIGURATION),
            ConsistentRead=True,
        ).get("Item")
        revision = 0 if item is None else decode(item["revision"])
        assert isinstance(revision, int)
        return revision


@contextmanager
def running(embedded: EmbeddedAws, settings: Settings = ROOMY) -> Iterator[Stand]:
    """Run an API with fresh tables on an embedded AWS."""
    prefix = f"t{uuid.uuid4().hex[:8]}"
    aws = embedded.clients(settings.region)
    provision(aws, settings, prefix=prefix)
    with _handler(aws, settings, prefix) as handler, RunningGateway(handler) as gateway:
        yield Stand(url=gateway.url, prefix=prefix, aws=aws, settings=settings)


def _handler(aws: AwsClients, settings: Settings, prefix: str) -> AbstractContextManager[Handler]:
    """Return the handler of this process, or the one of the Lambda asset (test_asset.py)."""
    secret = access_keys_secret_name(prefix)
    asset = os.environ.get(ASSET_VARIABLE)
    if asset is not None:
        environment = {
            "OVC_TABLE_PREFIX": prefix,
            "OVC_ACCESS_KEYS_SECRET": secret,
            "OVC_SETTINGS": settings.to_json(),
        }
        return AssetProcess(Path(asset), environment, aws_url=aws.endpoint_url)
    handler = build(
        settings=settings,
        table_prefix=prefix,
        access_keys_secret=secret,
        dynamodb=aws.dynamodb,
        secretsmanager=aws.secretsmanager,
        log=logging.getLogger("management"),
    )
    return nullcontext(handler)
