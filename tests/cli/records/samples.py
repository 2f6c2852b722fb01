"""Records as they are read, and objects as they are stored, for tests of the commands."""

from datetime import UTC, datetime, timedelta
from typing import Any

from model.cdr import NORMAL_CALL_CLEARING, CallDetailRecord, CallStatus, Disposition
from model.cdr_reader import ReadRecord, read_record
from model.record_form import RecordFormat
from model.record_settings import RecordSettings

ONE, OTHER = "aaaaaaaaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbbbbbbbb"
"""Ids of connectors, in the order of their keys."""
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
V2 = RecordSettings(format=RecordFormat.V2).form_in("us-east-1")


def a_call(number: int = 1, **changes: Any) -> CallDetailRecord:
    """Return the record of a call of 29.473 s, which began `number` minutes after noon."""
    started_at = changes.pop("started_at", NOON + timedelta(minutes=number))
    status = changes.get("status", CallStatus.COMPLETED)
    members: dict[str, Any] = {
        "account_id": "111122223333",
        "transaction_id": f"00000000-0000-4000-8000-{number:012d}",
        "call_id": f"{number}@192.0.2.1",
        "connector_id": ONE,
        "from_number": "+12065550100",
        "to_number": f"+1206555{number:04d}",
        "status_message": NORMAL_CALL_CLEARING,
        "disposition": Disposition.TERMINATION,
        "status": status,
        "sip_auth_user": None,
        "answered": status is CallStatus.COMPLETED,
        "started_at": started_at,
        "ended_at": started_at + timedelta(milliseconds=29_473),
    }
    return CallDetailRecord(**(members | changes))


def read(record: CallDetailRecord) -> ReadRecord:
    """Return a record as readers see it."""
    return read_record(record.key(), record.body())
