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

_TIMES = ("valid_until", "created_at", "changed_at")
_TEXTS = ("description", "replaced_by")


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
    times = {name: _moment(members[name]) for name in _TIMES if name in members}
    texts = {name: _text(members[name]) for name in _TEXTS if name in members}
    # Each member is checked by its own reader, which the type checker cannot see.
    return KeyEntry(
        access_key_id=access_key_id,
        secret=_text(members["secret"]),
        active=members["active"] is True,
        **times,
        **texts,  # type: ignore[arg-type]
    )


def _members(entry: KeyEntry) -> dict[str, object]:
    times = {name: getattr(entry, name) for name in _TIMES}
    texts = {name: getattr(entry, name) for name in _TEXTS}
    return {
        "secret": entry.secret,
        "active": entry.active,
        **{name: moment.isoformat() for name, moment in times.items() if moment is not None},
        **{name: text for name, text in texts.items() if text},
    }


def _moment(value: object) -> datetime:
    moment = datetime.fromisoformat(_text(value))
    if moment.tzinfo is None:
        raise MalformedKeys
    return moment


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise MalformedKeys
    return value
