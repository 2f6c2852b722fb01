"""The access keys of a deployment as one JSON document, kept in Secrets Manager (A2).

    {"<access key id>": {"secret": "...", "active": true}, ...}

`ovc keys` writes further members beside these two; members of anybody else's are ignored, and gone
with the next change. When a key was last used is no part of it but an item of the table of
connectors: Secrets Manager keeps few versions, and a use is no change of a key.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias


class MalformedKeys(ValueError):
    """The document is none of access keys; the text never quotes it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyEntry:
    """One access key as it is stored; whoever checks signatures reads the first four members."""

    access_key_id: str
    secret: str = field(repr=False)
    active: bool = True
    """False once it is revoked."""
    valid_until: datetime | None = None
    """From then on it is as good as revoked; None as long as nobody has set an end."""
    description: str = ""
    created_at: datetime | None = None
    """None for a key that was written by hand."""
    changed_at: datetime | None = None
    replaced_by: str | None = None
    """Id of the key that a rotation made in its place."""

    def is_valid_at(self, now: datetime) -> bool:
        """Tell whether requests may be signed with it."""
        return self.active and (self.valid_until is None or now < self.valid_until)


Keys: TypeAlias = "Mapping[str, KeyEntry]"
"""All keys of a deployment by their id, in the order of the document."""


def read_keys(document: str) -> dict[str, KeyEntry]:
    """Return the keys of a document; raises MalformedKeys."""
    try:
        members = json.loads(document)
        return {access_key_id: _entry(access_key_id, it) for access_key_id, it in members.items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        # No `from`: the text of a JSON error could quote a secret into a log.
        raise MalformedKeys("the secret of the access keys is malformed") from None


def write_keys(keys: Keys) -> str:
    """Return the document."""
    return json.dumps({access_key_id: _members(it) for access_key_id, it in keys.items()})


def _entry(access_key_id: str, members: Mapping[str, object]) -> KeyEntry:
    return KeyEntry(
        access_key_id=access_key_id,
        secret=_text(members["secret"]),
        active=members["active"] is True,
        valid_until=_moment(members.get("valid_until")),
        description=_text(members.get("description", "")),
        created_at=_moment(members.get("created_at")),
        changed_at=_moment(members.get("changed_at")),
        replaced_by=_text(members["replaced_by"]) if "replaced_by" in members else None,
    )


def _members(entry: KeyEntry) -> dict[str, object]:
    further = {
        "valid_until": _written(entry.valid_until),
        "description": entry.description,
        "created_at": _written(entry.created_at),
        "changed_at": _written(entry.changed_at),
        "replaced_by": entry.replaced_by,
    }
    present = {name: value for name, value in further.items() if value}
    return {"secret": entry.secret, "active": entry.active, **present}


def _written(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _moment(value: object) -> datetime | None:
    if value is None:
        return None
    moment = datetime.fromisoformat(_text(value))
    if moment.tzinfo is None:
        raise MalformedKeys
    return moment


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise MalformedKeys
    return value
