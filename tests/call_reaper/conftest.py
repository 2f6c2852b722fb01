"""A reaper in this process: moto answers inside of it, no socket is opened."""

from collections.abc import Iterator

import pytest

from tests.call_reaper.stand import ReaperStand, reaper_stand


@pytest.fixture
def stand() -> Iterator[ReaperStand]:
    with reaper_stand() as made:
        yield made
