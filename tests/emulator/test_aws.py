"""The embedded AWS: what it holds when it is ready, and how it ends."""

import json
import os
import select
import subprocess
import sys
from collections.abc import Iterator

import pytest

from emulator import aws
from emulator.aws import AwsUnavailable, EmbeddedAws, provision
from emulator.numbers_pool import synthetic_pool
from model.number_items import pool_number_from
from model.settings import Settings
from model.tables import (
    CALLS,
    CONNECTORS,
    NUMBERS,
    POOL,
    TABLES,
    access_keys_secret_name,
    cdr_bucket_name,
)

pytestmark = pytest.mark.sockets

SETTINGS = Settings()


@pytest.fixture(scope="module")
def embedded() -> Iterator[EmbeddedAws]:
    with aws.start(account_id=SETTINGS.account_id) as running:
        yield running


def test_a_provisioned_stand_holds_what_a_deployment_would(embedded: EmbeddedAws) -> None:
    # ARCHITECTURE A4 A6
    clients = embedded.clients(SETTINGS.region)
    provision(clients, SETTINGS, prefix="one")
    tables = clients.dynamodb.list_tables()["TableNames"]
    assert set(tables) == {table.physical_name("one") for table in TABLES}
    described = clients.dynamodb.describe_table(TableName=CONNECTORS.physical_name("one"))["Table"]
    assert described["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert ":000000000000:" in described["TableArn"]
    described = clients.dynamodb.describe_table(TableName=CALLS.physical_name("one"))["Table"]
    made = {it["IndexName"] for it in described["GlobalSecondaryIndexes"]}
    assert made == {index.name for index in CALLS.indexes}
    expiry = clients.dynamodb.describe_time_to_live(TableName=CALLS.physical_name("one"))
    assert expiry["TimeToLiveDescription"]["AttributeName"] == "expires_at"
    clients.s3.head_bucket(Bucket=cdr_bucket_name("one", SETTINGS.account_id, SETTINGS.region))
    secret = clients.secretsmanager.get_secret_value(SecretId=access_keys_secret_name("one"))
    assert json.loads(secret["SecretString"]) == {"test": {"secret": "test", "active": True}}
    items = clients.dynamodb.query(
        TableName=NUMBERS.physical_name("one"),
        KeyConditionExpression="pk = :pool",
        ExpressionAttributeValues={":pool": {"S": POOL}},
    )["Items"]
    assert tuple(map(pool_number_from, items)) == synthetic_pool()


def test_another_region_works_as_well(embedded: EmbeddedAws) -> None:
    settings = Settings(region="eu-west-1")
    clients = embedded.clients(settings.region)
    provision(clients, settings, prefix="two")
    bucket = cdr_bucket_name("two", settings.account_id, settings.region)
    assert clients.s3.get_bucket_location(Bucket=bucket)["LocationConstraint"] == "eu-west-1"


def test_a_port_in_use_is_named(embedded: EmbeddedAws) -> None:
    with pytest.raises(AwsUnavailable, match=f"127.0.0.1:{embedded.port}: Address already in use"):
        aws.start(account_id=SETTINGS.account_id, port=embedded.port)


def test_close_ends_the_child_and_frees_the_port() -> None:
    first = aws.start(account_id=SETTINGS.account_id)
    first.close()
    with aws.start(account_id=SETTINGS.account_id, port=first.port) as second:
        assert second.port == first.port


def test_the_child_dies_with_its_parent() -> None:
    # A parent that is killed closes nothing; the end of its pipe is all that the child notices.
    parent = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import time\n"
            "from emulator import aws\n"
            "running = aws.start(account_id='000000000000')\n"
            "print(running.pid, flush=True)\n"
            "time.sleep(60)\n",
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    handle = os.pidfd_open(child)
    try:
        parent.kill()
        parent.wait()
        parent.stdout.close()
        readable, _, _ = select.select([handle], [], [], 5.0)
        assert readable, "the embedded AWS outlived its parent"
    finally:
        os.close(handle)
