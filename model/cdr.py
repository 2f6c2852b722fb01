"""The call detail record: its members, their order, its object key (EDGE C1-C7)."""

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum

KEY_PREFIX = "Amazon-Chime-Voice-Connector-CDRs/json"

_BILLING_STEP_MS = 6_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_NOT_NUMBER = re.compile(r"[^+0-9A-Za-z._-]")

NORMAL_CALL_CLEARING = "Normal Call Clearing"


class Disposition(Enum):
    """Direction of a call as AWS names it, seen from the service."""

    TERMINATION = "Termination"
    """From the customer's PBX to the PSTN (the whitepaper's outbound call)."""
    ORIGINATION = "Origination"
    """From the PSTN to the customer's PBX (the whitepaper's inbound call)."""


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

    def key(self) -> str:
        """Return the S3 object key (EDGE C1)."""
        return object_key(KEY_PREFIX, self.connector_id, self.started_at, self.transaction_id)

    @property
    def billable_duration(self) -> int:
        """Seconds that are billed (EDGE C4)."""
        milliseconds = _epoch_ms(self.ended_at) - _epoch_ms(self.started_at)
        return billable_seconds(milliseconds) if self.answered else 0

    def members(self) -> dict[str, str | int]:
        """Return the members of the object, in AWS's order (EDGE C2)."""
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
        members["StartTime"] = _epoch_ms(self.started_at)
        members["EndTime"] = _epoch_ms(self.ended_at)
        return members

    def body(self) -> bytes:
        """Return the object: one JSON object, no whitespace (EDGE C2)."""
        return json.dumps(self.members(), separators=(",", ":"), ensure_ascii=False).encode()


def object_key(prefix: str, connector_id: str, started_at: datetime, transaction_id: str) -> str:
    """Return the key of a call's object under a prefix: connector, start in UTC, id (EDGE C1)."""
    stamp = f"{started_at:%Y/%m/%d/%H.%M.%S}.{started_at.microsecond // 1000:03d}"
    return f"{prefix}/{connector_id}/{stamp}_{transaction_id}"


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


def _epoch_ms(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(milliseconds=1)
