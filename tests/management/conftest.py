"""One embedded AWS and one shared API for the tests that go over HTTP."""

from collections.abc import Iterator
from typing import Any

import pytest

from emulator import aws
from emulator.aws import EmbeddedAws
from tests.management.stand import ROOMY, Stand, running


@pytest.fixture(scope="session")
def embedded_aws() -> Iterator[EmbeddedAws]:
    with aws.start(account_id=ROOMY.account_id) as embedded:
        yield embedded


@pytest.fixture(scope="session")
def stand(embedded_aws: EmbeddedAws) -> Iterator[Stand]:
    with running(embedded_aws) as shared:
        yield shared


@pytest.fixture(scope="session")
def voice(stand: Stand) -> Any:
    """Return a boto3 client; it has no static type."""
    return stand.client()
