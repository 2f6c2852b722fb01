"""Which records are wanted: what the key decides, so that few others are listed, and the rest."""

import re
from dataclasses import dataclass
from datetime import datetime

from model.cdr import CallStatus, Disposition
from model.cdr_reader import ReadRecord, RecordKey

_NUMBER = re.compile(r"[+0-9A-Za-z._-]{1,64}\*?", re.ASCII)
_DIRECTIONS = {
    "in": Disposition.ORIGINATION,
    "inbound": Disposition.ORIGINATION,
    "origination": Disposition.ORIGINATION,
    "out": Disposition.TERMINATION,
    "outbound": Disposition.TERMINATION,
    "termination": Disposition.TERMINATION,
}
_CONNECTOR_ID = re.compile(r"[A-Za-z0-9-]{1,64}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A choice of records; what is None chooses nothing."""

    connector_id: str | None = None
    since: datetime | None = None
    """UTC; the call began then or later."""
    before: datetime | None = None
    """UTC; the call began earlier."""
    number: str | None = None
    """Of the caller or the called one; with * at its end the beginning of one, as are the next."""
    caller: str | None = None
    called: str | None = None
    status: CallStatus | None = None
    disposition: Disposition | None = None
    shortest_s: float = 0.0
    """From the answer to the end; an unanswered call has 0."""

    @property
    def is_decided_by_key(self) -> bool:
        """Tell whether no record needs to be read to know that it is wanted."""
        return self == Wanted(connector_id=self.connector_id, since=self.since, before=self.before)

    def fits_key(self, key: RecordKey) -> bool:
        """Tell whether a record with this key may be wanted."""
        return (
            self.connector_id in (None, key.connector_id)
            and (self.since is None or self.since <= key.started_at)
            and (self.before is None or key.started_at < self.before)
        )

    def fits(self, record: ReadRecord) -> bool:
        """Tell whether a record whose key fits is wanted."""
        return (
            (self.status is None or record.status is self.status)
            and (self.disposition is None or record.disposition is self.disposition)
            and _is_number(self.caller, record.from_number)
            and _is_number(self.called, record.to_number)
            and (
                _is_number(self.number, record.from_number)
                or _is_number(self.number, record.to_number)
            )
            and (self.shortest_s <= 0 or talk_s(record) >= self.shortest_s)
        )


def talk_s(record: ReadRecord) -> float:
    """Return how long a call was up, in seconds; an unanswered one was not."""
    if record.status is not CallStatus.COMPLETED:
        return 0.0
    return (record.ended_at - record.started_at).total_seconds()


def connector_from(text: str) -> str:
    """Return the id of a connector; raises ValueError."""
    if _CONNECTOR_ID.fullmatch(text) is None:
        raise ValueError(f"it is {text!r}; the id of a Voice Connector is wanted")
    return text


def number_from(text: str) -> str:
    """Return a number, or the beginning of one with * behind it; raises ValueError."""
    if _NUMBER.fullmatch(text) is None:
        raise ValueError(
            f"it is {text!r}; a number as records show it is wanted, such as +12065550100, or its "
            "beginning with a star: +49*"
        )
    return text


def status_from(text: str) -> CallStatus:
    """Return a status, however it is capitalised; raises ValueError."""
    for status in CallStatus:
        if text.lower().replace("-", "_") == status.value.lower():
            return status
    words = ", ".join(status.value for status in CallStatus)
    raise ValueError(f"it is {text!r}; one of {words} is wanted")


def disposition_from(text: str) -> Disposition:
    """Return a direction by any of its names; raises ValueError."""
    found = _DIRECTIONS.get(text.lower())
    if found is None:
        raise ValueError(f"it is {text!r}; one of {', '.join(_DIRECTIONS)} is wanted")
    return found


def _is_number(wanted: str | None, number: str) -> bool:
    if wanted is None:
        return True
    return number.startswith(wanted[:-1]) if wanted.endswith("*") else number == wanted
