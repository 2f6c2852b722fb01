"""What can be done to access keys, as functions over the whole document."""

from datetime import UTC, datetime, timedelta

import pytest

from cli.errors import CommandError
from cli.key_changes import (
    MOST_KEYS,
    REMEMBERED,
    REST,
    NewKey,
    with_created,
    with_revoked,
    with_rotated,
    without,
)
from model.access_keys import KeyEntry, Keys

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
NEW = NewKey("OVCNEW", "n3w")
OLD = KeyEntry(
    access_key_id="OVCOLD",
    secret="0ld",
    description="CI",
    created_at=NOW - timedelta(days=30),
    changed_at=NOW - timedelta(days=30),
)
BY_HAND = KeyEntry(access_key_id="HAND", secret="h")
KEYS: Keys = {"OVCOLD": OLD, "HAND": BY_HAND}
HOUR = timedelta(hours=1)


def test_several_keys_are_active_at_once() -> None:
    # ARCHITECTURE A2
    keys, entry = with_created(KEYS, NEW, description="Terraform", now=NOW)
    assert keys == {**KEYS, "OVCNEW": entry}
    assert entry == KeyEntry(
        access_key_id="OVCNEW",
        secret="n3w",
        description="Terraform",
        created_at=NOW,
        changed_at=NOW,
    )
    assert all(it.is_valid_at(NOW) for it in keys.values())


@pytest.mark.parametrize(
    ("overlap", "until"), [(None, None), (HOUR, NOW + HOUR), (timedelta(0), NOW)]
)
def test_a_rotated_key_works_for_the_overlap(
    overlap: timedelta | None, until: datetime | None
) -> None:
    keys, entry = with_rotated(KEYS, "OVCOLD", NEW, overlap=overlap, now=NOW)
    assert (entry.access_key_id, entry.secret, entry.description) == ("OVCNEW", "n3w", "CI")
    assert keys["OVCNEW"] == entry
    old = keys["OVCOLD"]
    assert (old.secret, old.replaced_by, old.changed_at) == ("0ld", "OVCNEW", NOW)
    assert (old.active, old.valid_until) == (True, until)
    assert old.is_valid_at(NOW) is (overlap != timedelta(0))
    assert keys["HAND"] == BY_HAND


def test_a_key_is_not_changed_twice_in_ten_minutes_but_revoked_at_once() -> None:
    # ARCHITECTURE A2: the secret keeps few versions; a leaked key cannot wait
    keys, _ = with_created({}, NEW, description="", now=NOW)
    early = NOW + REST - timedelta(seconds=1)
    with pytest.raises(CommandError, match="less than 10 minutes ago; it can be rotated from"):
        with_rotated(keys, "OVCNEW", NewKey("X", "x"), overlap=None, now=early)
    assert not with_revoked(keys, "OVCNEW", now=early).entry.active
    rotated = with_rotated(keys, "OVCNEW", NewKey("X", "x"), overlap=None, now=NOW + REST)
    assert set(rotated.keys) == {"OVCNEW", "X"}
    with pytest.raises(CommandError, match="key X was changed less than 10 minutes ago"):
        with_rotated(rotated.keys, "X", NewKey("Y", "y"), overlap=None, now=NOW + REST)


def test_a_key_written_by_hand_can_be_rotated_and_revoked() -> None:
    keys, _ = with_rotated(KEYS, "HAND", NEW, overlap=None, now=NOW)
    assert keys["HAND"].replaced_by == "OVCNEW"
    assert not with_revoked(keys, "HAND", now=NOW).keys["HAND"].active


def test_a_key_is_revoked_once() -> None:
    keys, entry = with_revoked(KEYS, "OVCOLD", now=NOW)
    assert (entry.active, entry.changed_at) == (False, NOW)
    again = with_revoked(keys, "OVCOLD", now=NOW + HOUR)
    assert again.keys is keys, "nothing is written"


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        (KeyEntry(access_key_id="A", secret="s", active=False), "revoked or expired"),
        (KeyEntry(access_key_id="A", secret="s", valid_until=NOW), "revoked or expired"),
        (KeyEntry(access_key_id="A", secret="s", replaced_by="B"), "has been rotated; B replaces"),
    ],
)
def test_what_has_ended_or_been_rotated_is_not_rotated(entry: KeyEntry, said: str) -> None:
    with pytest.raises(CommandError, match=said):
        with_rotated({"A": entry}, "A", NEW, overlap=None, now=NOW)


def test_an_unknown_key_is_named() -> None:
    with pytest.raises(CommandError, match="there is no key OVCX; `ovc keys list` shows all"):
        with_revoked(KEYS, "OVCX", now=NOW)
    with pytest.raises(CommandError, match="there is no key OVCX"):
        with_rotated(KEYS, "OVCX", NEW, overlap=None, now=NOW)


def test_the_limit_counts_what_the_list_shows() -> None:
    full = {str(n): KeyEntry(access_key_id=str(n), secret="s") for n in range(MOST_KEYS)}
    with pytest.raises(CommandError, match="there are 200 keys"):
        with_created(full, NEW, description="", now=NOW)
    del full["0"]
    assert len(with_created(full, NEW, description="", now=NOW).keys) == MOST_KEYS


def test_a_key_that_ended_long_ago_makes_room() -> None:
    long_ago = NOW - REMEMBERED - timedelta(seconds=1)
    ended = KeyEntry(access_key_id="A", secret="s", active=False, changed_at=long_ago)
    lately = KeyEntry(access_key_id="B", secret="s", active=False, changed_at=NOW - REMEMBERED)
    expired = KeyEntry(access_key_id="C", secret="s", changed_at=long_ago, valid_until=long_ago)
    working = KeyEntry(access_key_id="D", secret="s", changed_at=long_ago)
    keys = {it.access_key_id: it for it in (ended, lately, expired, working, BY_HAND)}
    after = with_created(keys, NEW, description="", now=NOW).keys
    assert list(after) == ["B", "D", "HAND", "OVCNEW"]


def test_a_key_can_be_taken_out_altogether() -> None:
    assert without(KEYS, "OVCOLD") == ({"HAND": BY_HAND}, OLD)
    with pytest.raises(CommandError, match="there is no key OVCNEW"):
        without(KEYS, "OVCNEW")
