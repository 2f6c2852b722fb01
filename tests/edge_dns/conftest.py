"""A Lambda in this process: moto answers inside of it, no socket is opened."""

from collections.abc import Iterator

import pytest

from tests.edge_dns.stand import DnsStand, dns_stand


@pytest.fixture
def stand() -> Iterator[DnsStand]:
    with dns_stand() as made:
        yield made
