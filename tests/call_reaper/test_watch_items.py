"""What a run leaves for the next one, as an item."""

from datetime import UTC, datetime, timedelta

import pytest

from lambdas.call_reaper.judgement import Silence, Watch
from lambdas.call_reaper.watch_items import Notes, Place, notes_from, notes_members
from model.codec import encode_item
from model.tables import EXPIRES_AT

NOW = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
SILENCES = {
    "node1": Silence(lease="2026-07-01T11:59:00.000+00:00", since=NOW - timedelta(minutes=1)),
    "node2": Silence(lease="", since=NOW),
}


@pytest.mark.parametrize("place", [None, Place("node1", ""), Place("node1", "2026-07-01 id")])
@pytest.mark.parametrize("silences", [{}, SILENCES])
def test_notes_are_read_back(place: Place | None, silences: dict[str, Silence]) -> None:
    notes = Notes(watch=Watch(at=NOW, silences=silences), searched_at=NOW, place=place)
    assert notes_from(encode_item(notes_members(notes))) == notes


def test_three_thousand_nodes_fit_and_expire_when_nobody_runs() -> None:
    lease, moment = "2026-07-01T11:59:00.000+00:00", NOW
    silences = {f"{it:032x}": Silence(lease=lease, since=moment) for it in range(3_000)}
    members = notes_members(Notes(watch=Watch(at=NOW, silences=silences), searched_at=NOW))
    # DynamoDB counts names and values.
    assert len(str(members["silences"])) < 400_000 * 1.5
    assert members[EXPIRES_AT] == int((NOW + timedelta(days=91)).timestamp())
