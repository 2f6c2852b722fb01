"""AWS for the local run: moto's server in a child process, with what a deployment would have made.

The tables and the CDR bucket come from model/tables.py; the access keys and the pool of numbers
are seeded.
"""

import json
import os
import select
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from types import TracebackType
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

from emulator.numbers_pool import synthetic_pool
from model.codec import encode_item
from model.number_items import pool_members
from model.numbers import PoolNumber
from model.settings import Settings
from model.tables import (
    DEFAULT_PREFIX,
    EXPIRES_AT,
    NUMBERS,
    TABLES,
    Table,
    access_keys_secret_name,
    cdr_bucket_name,
)

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_s3 import S3Client
    from types_boto3_secretsmanager import SecretsManagerClient

HOST = "127.0.0.1"
ACCESS_KEY_ID = "test"
SECRET_ACCESS_KEY = "test"

READY_WITHIN_S = 30.0
"""moto is up in under a second; a loaded machine gets patience."""
_END_WITHIN_S = 2.0
_BATCH = 25
"""Most items of one BatchWriteItem."""
_CLIENT_CONFIG = Config(
    connect_timeout=2,
    read_timeout=10,
    max_pool_connections=50,
    retries={"mode": "standard", "total_max_attempts": 4},
)


class AwsUnavailable(RuntimeError):
    """The embedded AWS could not be started; the text says why and names the port."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsClients:
    """Clients of one AWS, real or embedded, for one region."""

    endpoint_url: str
    region: str
    dynamodb: "DynamoDBClient"
    s3: "S3Client"
    secretsmanager: "SecretsManagerClient"


class EmbeddedAws:
    """A running moto server; ends with close(), with the `with` block, or with this process."""

    def __init__(self, process: "subprocess.Popen[str]", port: int) -> None:
        self._process = process
        self.port = port
        self.url = f"http://{HOST}:{port}"
        self.pid = process.pid

    def clients(self, region: str) -> AwsClients:
        """Return clients that reach this server."""
        return clients(self.url, region)

    def close(self) -> None:
        """End the child and wait for it."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(_END_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def __enter__(self) -> "EmbeddedAws":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def start(*, account_id: str, port: int = 0) -> EmbeddedAws:
    """Start the embedded AWS on loopback; port 0 picks a free one. Raises AwsUnavailable."""
    process = subprocess.Popen(
        [sys.executable, "-m", "emulator.aws_process", str(port)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "MOTO_ACCOUNT_ID": account_id},
    )
    assert process.stdout is not None, "a pipe was asked for"
    readable, _, _ = select.select([process.stdout], [], [], READY_WITHIN_S)
    line = process.stdout.readline() if readable else ""
    said: dict[str, object] = json.loads(line) if line else {"reason": "it did not become ready"}
    ready_port = said.get("port")
    if isinstance(ready_port, int):
        return EmbeddedAws(process, ready_port)
    EmbeddedAws(process, port).close()
    raise AwsUnavailable(f"embedded AWS on {HOST}:{port}: {said['reason']}")


def clients(endpoint_url: str, region: str) -> AwsClients:
    """Return clients for an endpoint that takes the local access key."""
    session = boto3.session.Session(
        aws_access_key_id=ACCESS_KEY_ID,
        aws_secret_access_key=SECRET_ACCESS_KEY,
        region_name=region,
    )
    return AwsClients(
        endpoint_url=endpoint_url,
        region=region,
        dynamodb=session.client("dynamodb", endpoint_url=endpoint_url, config=_CLIENT_CONFIG),
        s3=session.client("s3", endpoint_url=endpoint_url, config=_CLIENT_CONFIG),
        secretsmanager=session.client(
            "secretsmanager", endpoint_url=endpoint_url, config=_CLIENT_CONFIG
        ),
    )


def provision(
    aws: AwsClients,
    settings: Settings,
    *,
    prefix: str = DEFAULT_PREFIX,
    pool: Iterable[PoolNumber] | None = None,
) -> None:
    """Make the tables, the CDR bucket, the access keys and a pool of numbers, usually the whole
    synthetic one."""
    # Without the streams: nobody reads them here, and moto would carry all that was ever written to
    # a table through each of its transactions. A schedule comes often instead, and writes are seen
    # where they are made (stand.py).
    for table in TABLES:
        _create_table(aws.dynamodb, table, prefix)
    _create_bucket(aws, cdr_bucket_name(prefix, settings.account_id, settings.region))
    aws.secretsmanager.create_secret(
        Name=access_keys_secret_name(prefix),
        SecretString=json.dumps({ACCESS_KEY_ID: {"secret": SECRET_ACCESS_KEY, "active": True}}),
    )
    numbers = synthetic_pool() if pool is None else pool
    _fill_pool(aws.dynamodb, NUMBERS.physical_name(prefix), iter(numbers))


def _create_table(dynamodb: "DynamoDBClient", table: Table, prefix: str) -> None:
    dynamodb.create_table(**table.creation(prefix))  # type: ignore[arg-type]  # an open mapping in model.tables
    if table.expires:
        dynamodb.update_time_to_live(
            TableName=table.physical_name(prefix),
            TimeToLiveSpecification={"Enabled": True, "AttributeName": EXPIRES_AT},
        )


def _create_bucket(aws: AwsClients, name: str) -> None:
    if aws.region == "us-east-1":
        # S3 refuses a location constraint that names its home region.
        aws.s3.create_bucket(Bucket=name)
        return
    arguments = {"Bucket": name, "CreateBucketConfiguration": {"LocationConstraint": aws.region}}
    aws.s3.create_bucket(**arguments)  # type: ignore[arg-type]  # region names are a closed enum


def _fill_pool(dynamodb: "DynamoDBClient", table: str, numbers: Iterator[PoolNumber]) -> None:
    while batch := list(islice(numbers, _BATCH)):
        requests = [{"PutRequest": {"Item": encode_item(pool_members(it))}} for it in batch]
        dynamodb.batch_write_item(RequestItems={table: requests})  # type: ignore[dict-item]  # typed JSON is an open mapping in model.tables
