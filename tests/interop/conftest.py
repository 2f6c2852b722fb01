"""One stand for all peers."""

from collections.abc import Iterator

import pytest

from tests.e2e.lab import Lab


@pytest.fixture(scope="package")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Run one stand that forgives a carrier at once, so that the other one is used (EDGE F9)."""
    settings = {"routing": {"blacklist_s": 0.001, "blacklist_longest_s": 0.001}}
    with Lab(tmp_path_factory.mktemp("interop"), settings) as running:
        yield running
