"""The stand of a test module."""

from collections.abc import Iterator

import pytest

from tests.e2e.lab import Lab


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Run one stand for all tests of a module."""
    with Lab(tmp_path_factory.mktemp("lab")) as running:
        yield running
