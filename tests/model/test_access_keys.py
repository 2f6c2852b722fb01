"""The document of access keys."""

from datetime import UTC, datetime, timedelta

import pytest

from model.access_keys import KeyEntry, MalformedKeys, read_keys, write_keys

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
WHOLE = KeyEntry(
    access_key_id="OVCA",
    secret="s3cret",
    active=False,
    valid_until=NOW + timedelta(hours=1),
    description="Terraform, é",
    created_at=NOW,
    changed_at=NOW,
    replaced_by="OVCB",
)


def test_what_is_written_is_read() -> None:
    # ARCHITECTURE A2
    keys = {"OVCA": WHOLE, "OVCB": KeyEntry(access_key_id="OVCB", secret="x")}
    assert read_keys(write_keys(keys)) == keys
    assert list(read_keys(write_keys(keys))) == ["OVCA", "OVCB"]
    assert read_keys("{}") == {}


def test_a_key_written_by_hand_is_read() -> None:
    # ARCHITECTURE A2: the form of the first versions
    text = '{"AK": {"secret": "s", "active": true}, "BK": {"secret": "t", "active": 1, "note": 7}}'
    assert read_keys(text) == {
        "AK": KeyEntry(access_key_id="AK", secret="s"),
        "BK": KeyEntry(access_key_id="BK", secret="t", active=False),
    }


@pytest.mark.parametrize(
    "text",
    [
        "no json: s3cret",
        "[]",
        "7",
        '{"AK": "s3cret"}',
        '{"AK": {}}',
        '{"AK": {"secret": "s3cret"}}',
        '{"AK": {"secret": 7, "active": true}}',
        '{"AK": {"secret": "s3cret", "active": true, "valid_until": "soon"}}',
        '{"AK": {"secret": "s3cret", "active": true, "valid_until": "2026-01-02T03:04:05"}}',
        '{"AK": {"secret": "s3cret", "active": true, "description": null}}',
    ],
)
def test_a_malformed_document_is_refused_without_being_quoted(text: str) -> None:
    with pytest.raises(MalformedKeys) as refused:
        read_keys(text)
    assert "s3cret" not in str(refused.value)
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__ or refused.value.__context__ is None


def test_a_key_shows_no_secret() -> None:
    assert "s3cret" not in repr(WHOLE)


@pytest.mark.parametrize(
    ("active", "valid_until", "is_valid"),
    [
        (True, None, True),
        (False, None, False),
        (True, NOW, False),
        (True, NOW + timedelta(seconds=1), True),
        (False, NOW + timedelta(seconds=1), False),
    ],
)
def test_a_key_is_valid_while_it_is_active_and_its_time_has_not_run_out(
    active: bool, valid_until: datetime | None, is_valid: bool
) -> None:
    entry = KeyEntry(access_key_id="A", secret="s", active=active, valid_until=valid_until)
    assert entry.is_valid_at(NOW) is is_valid
