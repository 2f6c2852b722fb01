"""What can be done to the access keys of a deployment, as functions over the whole document (A2).

Secrets Manager keeps about a hundred versions of a secret, so keys are no place for churn: a key
that was changed less than ten minutes ago is not rotated. To revoke one never has to wait, because
it may have leaked, and a key is revoked once in its life.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple, TypeAlias

from cli.errors import CommandError
from model.access_keys import KeyEntry, Keys

REST = timedelta(minutes=10)
"""Between two changes of one key."""

REMEMBERED = timedelta(days=90)
"""How long the list shows a key that was revoked or has expired."""

MOST_KEYS = 200
"""With their members some 40 KB of the 64 KB that a secret may hold."""


class NewKey(NamedTuple):
    """What a new key is called and signs with; made anew for every key, never twice."""

    access_key_id: str
    secret: str


class Changed(NamedTuple):
    """The document after a change, and the key that the change was about."""

    keys: Keys
    entry: KeyEntry


Change: TypeAlias = "Callable[[Keys], Changed]"
"""Applied to the keys as they are; again when somebody else has changed them meanwhile."""


def with_created(keys: Keys, new: NewKey, *, description: str, now: datetime) -> Changed:
    """Return the keys with one more, and without those that ended long ago."""
    kept = {it.access_key_id: it for it in keys.values() if not _ended_before(now - REMEMBERED, it)}
    if len(kept) >= MOST_KEYS:
        raise CommandError(f"there are {len(kept)} keys, revoked ones included; that is the limit")
    entry = KeyEntry(
        access_key_id=new.access_key_id,
        secret=new.secret,
        description=description,
        created_at=now,
        changed_at=now,
    )
    return Changed({**kept, entry.access_key_id: entry}, entry)


def with_rotated(
    keys: Keys, access_key_id: str, new: NewKey, *, overlap: timedelta | None, now: datetime
) -> Changed:
    """Return the keys with a successor for one, which keeps working for the overlap.

    Without an overlap it works until it is revoked.
    """
    old = _found(keys, access_key_id)
    if not old.is_valid_at(now):
        raise CommandError(f"key {access_key_id} is revoked or expired; create a new one instead")
    if old.replaced_by is not None:
        raise CommandError(f"key {access_key_id} has been rotated; {old.replaced_by} replaces it")
    if old.changed_at is not None and now - old.changed_at < REST:
        free = (old.changed_at + REST).astimezone()
        raise CommandError(
            f"key {access_key_id} was changed less than 10 minutes ago; it can be rotated from "
            f"{free:%H:%M:%S}, and revoked at any time"
        )
    created = with_created(keys, new, description=old.description, now=now)
    changed = replace(
        old,
        replaced_by=new.access_key_id,
        changed_at=now,
        valid_until=old.valid_until if overlap is None else now + overlap,
    )
    return Changed({**created.keys, access_key_id: changed}, created.entry)


def with_revoked(keys: Keys, access_key_id: str, *, now: datetime) -> Changed:
    """Return the keys with one that works no longer; the same keys when it does not already."""
    old = _found(keys, access_key_id)
    if not old.active:
        return Changed(keys, old)
    entry = replace(old, active=False, changed_at=now)
    return Changed({**keys, access_key_id: entry}, entry)


def without(keys: Keys, access_key_id: str) -> Changed:
    """Return the keys without one of them, which the list then shows no more."""
    entry = _found(keys, access_key_id)
    return Changed({it: kept for it, kept in keys.items() if it != access_key_id}, entry)


def _ended_before(moment: datetime, entry: KeyEntry) -> bool:
    if entry.is_valid_at(moment) or entry.changed_at is None:
        return False
    return entry.changed_at < moment


def _found(keys: Keys, access_key_id: str) -> KeyEntry:
    entry = keys.get(access_key_id)
    if entry is None:
        raise CommandError(f"there is no key {access_key_id}; `ovc keys list` shows all")
    return entry
