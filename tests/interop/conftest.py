"""One stand for all peers."""

from collections.abc import Iterator

import pytest

from edge.flow import Address
from tests.e2e.lab import Lab
from tests.e2e.sipp import free_address, free_host

TO_SECURE_CARRIER = "+1415"
"""How the numbers begin whose calls go to a carrier over TLS."""


@pytest.fixture(scope="package")
def secure_carrier() -> Address:
    """Choose where a test may play a carrier that is called over TLS."""
    return free_address(free_host())


@pytest.fixture(scope="package")
def lab(tmp_path_factory: pytest.TempPathFactory, secure_carrier: Address) -> Iterator[Lab]:
    """Run one stand that forgives a carrier at once, so that the other one is used (EDGE F9)."""
    host, port = secure_carrier
    carrier = {"name": "secure", "host": host, "port": port, "transport": "tls"}
    settings = {
        "carriers": [carrier | {"prefixes": [TO_SECURE_CARRIER]}],
        "routing": {"blacklist_s": 0.001, "blacklist_longest_s": 0.001},
    }
    with Lab(tmp_path_factory.mktemp("interop"), settings) as running:
        yield running
