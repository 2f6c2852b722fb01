"""Everything goes wrong at once, and every answered call has exactly one record (EDGE C9, C10)."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.chaos.storm import chaos
from tests.conftest import COUNTED

pytestmark = [pytest.mark.sockets, pytest.mark.xdist_group("chaos")]

SECONDS = 35.0
SEED = 20_190_308
"""Which calls are made and what goes wrong; `make chaos SEED=...` runs another one."""


def test_every_answered_call_has_exactly_one_record(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:  # EDGE C6, C7, C9, C10
    done = chaos(SECONDS, SEED, tmp_path)
    record_property(COUNTED, str(done))
    assert done.verdict.complaints == [], str(done)
    # It was no quiet time, and the calls were not all refused.
    assert done.kills and done.faults and done.verdict.lost_edges
    assert done.verdict.answered > done.verdict.made / 2
