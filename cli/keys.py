"""`ovc keys`: who may use the management API."""

import json
import secrets
import string
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from botocore.exceptions import BotoCoreError, ClientError

from cli.errors import CommandError, ExitCode
from cli.key_changes import NewKey, with_created, with_revoked, with_rotated
from cli.key_store import KeyStore, key_store
from model.access_keys import KeyEntry

REVOCATION = "It works no longer within 60 seconds."
LONGEST_DESCRIPTION = 100

_ID_ALPHABET = string.ascii_uppercase + "234567"
_ID_LETTERS = 17
"""With the prefix 20 characters, as AWS's own have; 85 bits of chance."""
_SECRET_BYTES = 30
"""40 characters, as AWS's own have."""


def create(
    *,
    description: str,
    api_port: int | None,
    prefix: str | None,
    region: str | None,
    as_json: bool,
) -> None:
    """Make a key and show its secret."""
    if len(description) > LONGEST_DESCRIPTION or not description.isprintable():
        wanted = f"one line of at most {LONGEST_DESCRIPTION} characters is wanted"
        raise CommandError(f"--description is {description[:20]!r}...; {wanted}", ExitCode.USAGE)
    new, now = new_key(), datetime.now(UTC)
    with _store(api_port, prefix, region) as store:
        store.change(lambda keys: with_created(keys, new, description=description, now=now))
    _show(new, as_json)


def list_all(
    *, api_port: int | None, prefix: str | None, region: str | None, as_json: bool
) -> None:
    """Show the keys; never a secret."""
    with _store(api_port, prefix, region) as store:
        keys, uses = store.read(), store.last_uses()
    now = datetime.now(UTC)
    rows = [row_of(entry, uses.get(entry.access_key_id), now) for entry in keys.values()]
    if as_json:
        _say(json.dumps(rows, indent=2))
        return
    for line in lines_of(rows):
        _say(line)


def rotate(
    access_key_id: str,
    *,
    overlap_hours: float | None,
    api_port: int | None,
    prefix: str | None,
    region: str | None,
    as_json: bool,
) -> None:
    """Make a successor of a key and show its secret."""
    overlap = None if overlap_hours is None else timedelta(hours=overlap_hours)
    new, now = new_key(), datetime.now(UTC)
    with _store(api_port, prefix, region) as store:
        store.change(lambda keys: with_rotated(keys, access_key_id, new, overlap=overlap, now=now))
    _show(new, as_json)
    if as_json:
        return
    end = "until it is revoked" if overlap is None else f"until {_shown(now + overlap)}"
    _say(f"{access_key_id} keeps working {end}: ovc keys revoke {access_key_id}")


def revoke(
    access_key_id: str, *, api_port: int | None, prefix: str | None, region: str | None
) -> None:
    """End a key."""
    now = datetime.now(UTC)
    with _store(api_port, prefix, region) as store:
        store.change(lambda keys: with_revoked(keys, access_key_id, now=now))
    _say(f"{access_key_id} is revoked. {REVOCATION}")


def new_key() -> NewKey:
    """Return an id and a secret that nobody has."""
    letters = (secrets.choice(_ID_ALPHABET) for _ in range(_ID_LETTERS))
    return NewKey("OVC" + "".join(letters), secrets.token_urlsafe(_SECRET_BYTES))


def row_of(entry: KeyEntry, last_used: datetime | None, now: datetime) -> dict[str, str | None]:
    """Return what is shown of a key, by the names of the JSON output."""
    return {
        "AccessKeyId": entry.access_key_id,
        "Status": _status(entry, now),
        "Created": _written(entry.created_at),
        "LastUsed": _written(last_used),
        "ValidUntil": _written(entry.valid_until),
        "ReplacedBy": entry.replaced_by,
        "Description": entry.description,
    }


def lines_of(rows: list[dict[str, str | None]]) -> Iterator[str]:
    """Yield the list for people: a heading and one line for each key."""
    template = "{:<21} {:<8} {:<17} {:<17} {}"
    yield template.format("KEY", "STATUS", "CREATED", "LAST USED", "DESCRIPTION").rstrip()
    for row in rows:
        cells = [row["AccessKeyId"], row["Status"], _day(row["Created"]), _day(row["LastUsed"])]
        yield template.format(*cells, _remark(row)).rstrip()


def _remark(row: Mapping[str, str | None]) -> str:
    notes = [row["Description"] or ""]
    if row["Status"] == "active" and row["ValidUntil"]:
        notes.append(f"(until {_day(row['ValidUntil'])})")
    if row["ReplacedBy"]:
        notes.append(f"(replaced by {row['ReplacedBy']})")
    return " ".join(filter(None, notes))


def _status(entry: KeyEntry, now: datetime) -> str:
    if not entry.active:
        return "revoked"
    return "active" if entry.is_valid_at(now) else "expired"


def _written(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat(timespec="seconds")


def _day(written: str | None) -> str:
    return "-" if written is None else _shown(datetime.fromisoformat(written))


def _shown(moment: datetime) -> str:
    return f"{moment.astimezone():%Y-%m-%d %H:%M}"


def _show(new: NewKey, as_json: bool) -> None:
    if as_json:
        _say(json.dumps({"AccessKeyId": new.access_key_id, "SecretAccessKey": new.secret}))
        return
    _say(f"aws_access_key_id = {new.access_key_id}")
    _say(f"aws_secret_access_key = {new.secret}")
    _say("The secret is shown this once. The key works within 60 seconds.")


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")


@contextmanager
def _store(api_port: int | None, prefix: str | None, region: str | None) -> Iterator[KeyStore]:
    """Open the store of a deployment; what AWS says against it becomes a CommandError."""
    try:
        yield key_store(api_port=api_port, prefix=prefix, region=region)
    except (BotoCoreError, ClientError) as error:
        raise CommandError(f"the access keys cannot be reached: {error}") from error
