"""The stand of a test module."""

from collections.abc import Iterator

import pytest

from tests.e2e.lab import Lab, Trunk


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Run one stand for all tests of a module."""
    with Lab(tmp_path_factory.mktemp("lab")) as running:
        yield running


@pytest.fixture(scope="module")
def trunk(lab: Lab) -> Trunk:
    """Make a connector that may call, for all tests of a module."""
    made = lab.new_trunk()
    made.permit()
    made.await_effect()
    return made
