"""Objects of the bucket, read back: a call detail record of either format, or what is wrong.

Whoever lists, exports or bills calls reads them here. Records that Amazon's service has written are
read as well, and members that we do not know are nobody's business; but what a call cost depends on
the others, so that an object with one of those missing, misspelt or out of range is no record.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import TypeVar

from model.cdr import SCHEMA_VERSION, CallStatus, Disposition
from model.record_form import RecordFormat, from_epoch_ms

MOST_OCTETS = 65_536
"""Of an object that can be a record; ours are below 2 KB."""
LONGEST_S = 366 * 86_400
"""No call is billed for longer."""

_LAST_MS = 253_402_300_799_999
"""The last moment of the year 9999."""
_LONGEST_TEXT = 1_024
_SHOWN = 64
"""Characters of a wrong value that are told."""
_KEY = re.compile(
    r"(?P<prefix>.+)/(?P<connector>[^/]+)/([0-9]{4})/([0-9]{2})/([0-9]{2})/"
    r"([0-9]{2})\.([0-9]{2})\.([0-9]{2})\.([0-9]{3})[-_](?P<transaction>[^/]+)"
)
"""EDGE C1: the separator before the id is the one or the other."""
_ISO8601 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?(Z|[+-][0-9]{2}:[0-9]{2})"
)
_DIRECTIONS = {disposition.direction: disposition for disposition in Disposition}

Choice = TypeVar("Choice", bound=Enum)


class NotARecord(ValueError):
    """An object is no call detail record; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordKey:
    """What the key of a record says."""

    prefix: str
    connector_id: str
    started_at: datetime
    """UTC, to the millisecond."""
    transaction_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class V2Facts:
    """What only the format `v2` has (EDGE C3)."""

    usage_type: str
    service_code: str
    region: str
    source_country: str | None
    """ISO alpha-2."""
    destination_country: str | None
    streaming: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadRecord:
    """One call of one connector, as its object tells."""

    key: str
    format: RecordFormat
    account_id: str
    transaction_id: str
    call_id: str
    connector_id: str
    from_number: str
    """SourcePhoneNumber of the format `v2`."""
    to_number: str
    status: CallStatus
    status_message: str
    disposition: Disposition
    sip_auth_user: str | None
    billed_s: int
    """Seconds, by the whole tenth of a minute."""
    started_at: datetime
    """UTC; to the millisecond in the format `seed`, to the second in the other one."""
    ended_at: datetime
    v2: V2Facts | None
    """None in the format `seed`."""


def read_key(key: str) -> RecordKey:
    """Return what a key says; raises NotARecord for one that no record has (EDGE C1)."""
    found = _KEY.fullmatch(key)
    try:
        if found is None:
            raise ValueError
        year, month, day, hour, minute, second, ms = map(int, found.groups()[2:9])
        moment = datetime(year, month, day, hour, minute, second, 1000 * ms, tzinfo=UTC)
    except ValueError:
        form = "<prefix>/<connector>/<yyyy>/<mm>/<dd>/<HH.MM.SS.mmm>_<TransactionId>"
        raise NotARecord(f"its key is not of the form {form}") from None
    return RecordKey(
        prefix=found["prefix"],
        connector_id=found["connector"],
        started_at=moment,
        transaction_id=found["transaction"],
    )


def read_record(key: str, body: bytes) -> ReadRecord:
    """Return the record that an object is, of either format; raises NotARecord."""
    named = read_key(key)
    members = _Members(_object_of(body))
    is_v2 = "SchemaVersion" in members
    record = _v2_record(key, members) if is_v2 else _seed_record(key, members)
    for member, told, in_key in (
        ("VoiceConnectorId", record.connector_id, named.connector_id),
        ("TransactionId", record.transaction_id, named.transaction_id),
    ):
        if told != in_key:
            raise NotARecord(f"{member} is {_shown(told)}, but its key says {_shown(in_key)}")
    if record.ended_at < record.started_at:
        raise NotARecord(f"its end {record.ended_at} is before its start {record.started_at}")
    return record


def _seed_record(key: str, members: "_Members") -> ReadRecord:
    return ReadRecord(
        key=key,
        format=RecordFormat.SEED,
        account_id=members.text("AwsAccountId"),
        transaction_id=members.text("TransactionId"),
        call_id=members.text("CallId"),
        connector_id=members.text("VoiceConnectorId"),
        from_number=members.text("FromNumber"),
        to_number=members.text("ToNumber"),
        status=members.choice("Status", CallStatus),
        status_message=members.text("StatusMessage"),
        disposition=members.choice("Disposition", Disposition),
        sip_auth_user=members.optional_text("SipAuthUser"),
        billed_s=members.whole("BillableDuration", LONGEST_S),
        started_at=members.moment("StartTime"),
        ended_at=members.moment("EndTime"),
        v2=None,
    )


def _v2_record(key: str, members: "_Members") -> ReadRecord:
    if members.text("SchemaVersion") != SCHEMA_VERSION:
        raise members.wrong("SchemaVersion", f"{SCHEMA_VERSION!r}, or no such member,")
    if (direction := members.text("Direction")) not in _DIRECTIONS:
        raise members.wrong("Direction", f"one of {', '.join(_DIRECTIONS)}")
    return ReadRecord(
        key=key,
        format=RecordFormat.V2,
        account_id=members.text("AwsAccountId"),
        transaction_id=members.text("TransactionId"),
        call_id=members.text("CallId"),
        connector_id=members.text("VoiceConnectorId"),
        from_number=members.text("SourcePhoneNumber"),
        to_number=members.text("DestinationPhoneNumber"),
        status=members.choice("Status", CallStatus),
        status_message=members.text("StatusMessage"),
        disposition=_DIRECTIONS[direction],
        sip_auth_user=members.optional_text("SipAuthUser"),
        billed_s=members.whole("BillableDurationSeconds", LONGEST_S),
        started_at=from_epoch_ms(1000 * members.whole("StartTimeEpochSeconds", _LAST_MS // 1000)),
        ended_at=from_epoch_ms(1000 * members.whole("EndTimeEpochSeconds", _LAST_MS // 1000)),
        v2=V2Facts(
            usage_type=members.text("UsageType"),
            service_code=members.text("ServiceCode"),
            region=members.text("Region"),
            source_country=members.optional_text("SourceCountry"),
            destination_country=members.optional_text("DestinationCountry"),
            streaming=members.flag("Streaming"),
        ),
    )


class _Members:
    """The members of an object, each asked for by name and kind."""

    def __init__(self, members: Mapping[str, object]) -> None:
        self._members = members

    def __contains__(self, name: str) -> bool:
        return name in self._members

    def text(self, name: str) -> str:
        value = self._value(name)
        if not isinstance(value, str) or len(value) > _LONGEST_TEXT:
            raise self.wrong(name, f"a text of at most {_LONGEST_TEXT} characters")
        try:
            value.encode()
        except UnicodeEncodeError:
            # JSON can say half a character, UTF-8 cannot.
            raise self.wrong(name, "a text of whole characters") from None
        return value

    def optional_text(self, name: str) -> str | None:
        return None if self._members.get(name) is None else self.text(name)

    def choice(self, name: str, choices: type[Choice]) -> Choice:
        try:
            return choices(self.text(name))
        except ValueError as error:
            if isinstance(error, NotARecord):
                raise
            words = ", ".join(choice.value for choice in choices)
            raise self.wrong(name, f"one of {words}") from None

    def whole(self, name: str, most: int) -> int:
        value = self._value(name)
        if type(value) is not int or not 0 <= value <= most:
            raise self.wrong(name, f"a whole number from 0 to {most}")
        return value

    def moment(self, name: str) -> datetime:
        """Return a moment in either form (EDGE C5)."""
        value = self._value(name)
        if not isinstance(value, str):
            return from_epoch_ms(self.whole(name, _LAST_MS))
        try:
            if _ISO8601.fullmatch(value) is None:
                raise ValueError
            moment = datetime.fromisoformat(value).astimezone(UTC)
            if moment < from_epoch_ms(0):
                raise ValueError
            return moment
        except (ValueError, OverflowError):
            wanted = "milliseconds since 1970, or a moment such as 2019-03-08T06:27:38.563Z,"
            raise self.wrong(name, wanted) from None

    def flag(self, name: str) -> bool:
        value = self._members.get(name, False)
        if not isinstance(value, bool):
            raise self.wrong(name, "true or false")
        return value

    def wrong(self, name: str, wanted: str) -> NotARecord:
        return NotARecord(f"{name} is {_shown(self._members[name])}; {wanted} is wanted")

    def _value(self, name: str) -> object:
        if name not in self._members:
            raise NotARecord(f"it has no member {name}")
        return self._members[name]


def _object_of(body: bytes) -> Mapping[str, object]:
    if len(body) > MOST_OCTETS:
        raise NotARecord(f"it has {len(body)} octets; a record has at most {MOST_OCTETS}")
    if not body:
        raise NotARecord("it is empty")
    try:
        value = json.loads(body.decode(), object_pairs_hook=_once, parse_constant=_no_constant)
    except UnicodeDecodeError as error:
        raise NotARecord(f"it is not UTF-8 at octet {error.start}") from error
    except NotARecord:
        raise
    except (ValueError, RecursionError) as error:
        raise NotARecord(f"it is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise NotARecord(f"it is JSON, but no object: {_shown(value)}")
    return value


def _once(pairs: list[tuple[str, object]]) -> Mapping[str, object]:
    """Refuse two members of one name: nobody can tell which of them counts."""
    members = dict(pairs)
    if len(members) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise NotARecord(f"it has the member {_shown(twice)} twice")
    return members


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is no JSON")


def _shown(value: object) -> str:
    """Return a value as a reason may show it; ASCII, for it may come from anybody."""
    if isinstance(value, list | dict):
        return "an array" if isinstance(value, list) else "an object"
    text = ascii(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
