"""An API in this process, whose number_orders runs only when a test lets it."""

from collections.abc import Iterator

import pytest

from tests.management.local_api import LocalApi, local_api
from tests.management.stand import ROOMY


@pytest.fixture
def api() -> Iterator[LocalApi]:
    with local_api(ROOMY) as made:
        yield made
