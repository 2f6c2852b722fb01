"""One API for all clients, with the settings of the local run."""

from collections.abc import Iterator

import pytest

from emulator import aws
from model.settings import ApiSettings, Settings
from tests.clients import terraform
from tests.management.deployed import deployed_stand
from tests.management.stand import Stand, running

LOCAL = Settings(lab_mode=True, api=ApiSettings(private_addresses=True))

collect_ignore = [] if terraform.mirror() else ["test_terraform.py"]
"""pytest's first lines say when (tests/conftest.py)."""


@pytest.fixture(scope="session")
def stand() -> Iterator[Stand]:
    deployed = deployed_stand()
    if deployed is not None:
        yield deployed
        return
    with aws.start(account_id=LOCAL.account_id) as embedded, running(embedded, LOCAL) as shared:
        yield shared
