"""One embedded AWS and one shared API for the tests that go over HTTP."""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from moto import mock_aws

from emulator import aws
from emulator.aws import AwsClients, EmbeddedAws, provision
from lambdas.management.composition import Handler, build
from model.tables import DEFAULT_PREFIX, access_keys_secret_name
from tests.management.deployed import deployed_stand
from tests.management.stand import ROOMY, Stand, running

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
"""The moment at which the in-process handler lives, and recorded events were signed."""


@pytest.fixture(scope="session")
def embedded_aws() -> Iterator[EmbeddedAws]:
    with aws.start(account_id=ROOMY.account_id) as embedded:
        yield embedded


@pytest.fixture(scope="session")
def stand(request: pytest.FixtureRequest) -> Iterator[Stand]:
    """An API of this process, or the deployed one that the environment names."""
    deployed = deployed_stand()
    if deployed is not None:
        yield deployed
        return
    with running(request.getfixturevalue("embedded_aws")) as shared:
        yield shared


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what wants tables or settings of its own, where one deployment is there."""
    if deployed_stand() is None:
        return
    alone = [it for it in items if "embedded_aws" in getattr(it, "fixturenames", ())]
    config.hook.pytest_deselected(items=alone)
    items[:] = [it for it in items if it not in alone]


@pytest.fixture(scope="session")
def voice(stand: Stand) -> Any:
    """Return a boto3 client; it has no static type."""
    return stand.client()


@pytest.fixture(scope="session")
def clock() -> datetime:
    return NOW


@pytest.fixture(scope="module")
def handler() -> Iterator[Handler]:
    """A handler whose AWS is in this process: no socket, and the time stands still at NOW."""
    with mock_aws():
        session = boto3.session.Session(region_name=ROOMY.region)
        clients = AwsClients(
            endpoint_url="",
            region=ROOMY.region,
            dynamodb=session.client("dynamodb"),
            s3=session.client("s3"),
            secretsmanager=session.client("secretsmanager"),
        )
        provision(clients, ROOMY)
        yield build(
            settings=ROOMY,
            table_prefix=DEFAULT_PREFIX,
            access_keys_secret=access_keys_secret_name(DEFAULT_PREFIX),
            dynamodb=clients.dynamodb,
            secretsmanager=clients.secretsmanager,
            log=logging.getLogger("management"),
            clock=lambda: NOW,
        )
