"""The stand of all these tests, and the carrier's end of their calls."""

from collections.abc import Iterator

import pytest

from tests.e2e.audio import Phone
from tests.e2e.lab import Lab


@pytest.fixture(scope="package")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Run one stand."""
    with Lab(tmp_path_factory.mktemp("media")) as running:
        yield running


@pytest.fixture
def callee(lab: Lab) -> Iterator[Phone]:
    """Give the carrier's end of a call."""
    with Phone(lab.second_carrier[0]) as phone:
        yield phone
