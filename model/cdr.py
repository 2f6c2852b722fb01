"""The call detail record: its members in both formats, their order, its object (EDGE C1-C7)."""

import json
import re
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from model.numbers import WORLD_REGION, facts_of
from model.record_form import (
    SEED_FORM,
    RecordForm,
    RecordFormat,
    TimeForm,
    epoch_ms,
    object_key,
    usage_region,
)

SCHEMA_VERSION = "2.0"
SERVICE_CODE = "AmazonChimeVoiceConnector"
UNKNOWN_COUNTRY = "ZZ"
"""In a UsageType: of a number that is none, or belongs to no country."""

_BILLING_STEP_MS = 6_000
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_NOT_NUMBER = re.compile(r"[^+0-9A-Za-z._-]")

NORMAL_CALL_CLEARING = "Normal Call Clearing"


class Disposition(Enum):
    """Direction of a call as AWS names it, seen from the service."""

    TERMINATION = "Termination"
    """From the customer's PBX to the PSTN (the whitepaper's outbound call)."""
    ORIGINATION = "Origination"
    """From the PSTN to the customer's PBX (the whitepaper's inbound call)."""

    @property
    def direction(self) -> str:
        """Return the word of the format `v2` (EDGE C3)."""
        return "Outbound" if self is Disposition.TERMINATION else "Inbound"


class CallStatus(Enum):
    """How a call ended, in the three words of the record (EDGE C7)."""

    COMPLETED = "Completed"
    REJECTED = "Rejected"
    RATE_LIMITED = "Rate_Limited"


@dataclass(frozen=True, slots=True, kw_only=True)
class CallDetailRecord:
    """One call of one connector, ended."""

    account_id: str
    transaction_id: str
    """UUID v4, one for each connector and call."""
    call_id: str
    """Call-ID of the customer-facing leg, as received or sent."""
    connector_id: str
    from_number: str
    to_number: str
    status_message: str
    disposition: Disposition
    status: CallStatus
    sip_auth_user: str | None
    """User name when digest was used; the member is left out otherwise."""
    answered: bool
    """Whether the customer leg saw a 2xx; an unanswered call is not billed."""
    started_at: datetime
    """UTC: the 2xx of an answered call, the INVITE's arrival of any other (EDGE C6)."""
    ended_at: datetime
    """UTC, never before `started_at`."""

    form: RecordForm = SEED_FORM
    """What becomes of it in the bucket."""

    def key(self) -> str:
        """Return the S3 object key (EDGE C1)."""
        prefix = self.form.prefix
        return object_key(prefix, self.connector_id, self.started_at, self.transaction_id)

    @property
    def billable_duration(self) -> int:
        """Seconds that are billed (EDGE C4)."""
        milliseconds = epoch_ms(self.ended_at) - epoch_ms(self.started_at)
        return billable_seconds(milliseconds) if self.answered else 0

    def members(self) -> dict[str, str | int | float]:
        """Return the members of the object, in AWS's order."""
        if self.form.format is RecordFormat.V2:
            return self._v2_members()
        return {**self.seed_members(self.form.time)}

    def seed_members(self, time: TimeForm = TimeForm.EPOCH_MS) -> dict[str, str | int]:
        """Return the members of the format `seed`, whatever the form is (EDGE C2, C5)."""
        members: dict[str, str | int] = {
            "AwsAccountId": self.account_id,
            "TransactionId": self.transaction_id,
            "CallId": recorded_call_id(self.call_id),
            "VoiceConnectorId": self.connector_id,
            "FromNumber": filtered_number(self.from_number),
            "ToNumber": filtered_number(self.to_number),
            "StatusMessage": recorded_text(self.status_message),
            "Disposition": self.disposition.value,
            "Status": self.status.value,
        }
        if self.sip_auth_user is not None:
            members["SipAuthUser"] = recorded_text(self.sip_auth_user)
        members["BillableDuration"] = self.billable_duration
        members["StartTime"] = time.written(self.started_at)
        members["EndTime"] = time.written(self.ended_at)
        return members

    def _v2_members(self) -> dict[str, str | int | float]:
        """Return the members of the format `v2`; those without a value are left out (EDGE C3)."""
        assert self.form.region is not None, "the form of v2 has one"
        source, destination = filtered_number(self.from_number), filtered_number(self.to_number)
        countries = country_of(source), country_of(destination)
        members = {
            "AwsAccountId": self.account_id,
            "TransactionId": self.transaction_id,
            "CallId": recorded_call_id(self.call_id),
            "VoiceConnectorId": self.connector_id,
            "Status": self.status.value,
            "StatusMessage": recorded_text(self.status_message),
            "SipAuthUser": None
            if self.sip_auth_user is None
            else recorded_text(self.sip_auth_user),
            "BillableDurationSeconds": self.billable_duration,
            "BillableDurationMinutes": self.billable_duration / 60,
            "SchemaVersion": SCHEMA_VERSION,
            "SourcePhoneNumber": source,
            "SourceCountry": countries[0],
            "DestinationPhoneNumber": destination,
            "DestinationCountry": countries[1],
            "UsageType": usage_type(self.form.region, self.disposition, *countries),
            "ServiceCode": SERVICE_CODE,
            "Direction": self.disposition.direction,
            "StartTimeEpochSeconds": epoch_ms(self.started_at) // 1000,
            "EndTimeEpochSeconds": epoch_ms(self.ended_at) // 1000,
            "Region": self.form.region,
            "Streaming": False,
        }
        return {name: value for name, value in members.items() if value is not None}

    def body(self) -> bytes:
        """Return the object: one JSON object, no whitespace (EDGE C2)."""
        return json.dumps(self.members(), separators=(",", ":"), ensure_ascii=False).encode()


def country_of(number: str) -> str | None:
    """Return the country of a number, ISO alpha-2; None for one that belongs to none."""
    facts = facts_of(number)
    return None if facts is None or facts.region == WORLD_REGION else facts.region


def usage_type(
    region: str, disposition: Disposition, source: str | None, destination: str | None
) -> str:
    """Return how a bill names a call between two countries (EDGE C3)."""
    place, called = usage_region(region), destination or UNKNOWN_COUNTRY
    if disposition is Disposition.ORIGINATION:
        return f"{place}-{called}-inbound-minutes"
    return f"{place}-{source or UNKNOWN_COUNTRY}-{called}-outbound-minutes"


def billable_seconds(duration_ms: int) -> int:
    """Return the billed seconds of an answered call: tenths of a minute, rounded up (EDGE C4)."""
    return 6 * -(-duration_ms // _BILLING_STEP_MS)


def filtered_number(user: str) -> str:
    """Return a user part as a record may show it: harmless characters, at most 64 (EDGE C2)."""
    return _NOT_NUMBER.sub("", user)[:64]


def recorded_call_id(call_id: str) -> str:
    """Return a Call-ID as a record shows it: at most 256 characters (EDGE C2)."""
    return recorded_text(call_id)[:256]


def recorded_text(text: str) -> str:
    """Return text from the network as a record may show it: no control characters, valid UTF-8."""
    return _CONTROL.sub("", text).encode("utf-8", "replace").decode()
