"""The columns of call detail records as Athena has them, read off a record (EDGE C2, C3)."""

from datetime import UTC, datetime
from typing import NamedTuple

from model.cdr import CallDetailRecord, CallStatus, Disposition
from model.record_form import RecordForm, RecordFormat
from model.record_settings import RecordSettings

_TYPES: dict[type, str] = {str: "string", int: "bigint", float: "double", bool: "boolean"}
_MOMENT = datetime(2026, 1, 1, tzinfo=UTC)


class Column(NamedTuple):
    """One column."""

    member: str
    """As the object has it; Athena and Glue know names in lower case alone."""
    kind: str
    """A type of Hive's."""

    @property
    def name(self) -> str:
        """Return what the column is called."""
        return self.member.lower()


def columns_of(settings: RecordSettings) -> tuple[Column, ...]:
    """Return every column that a deployment's records may have, in the order of their members.

    Where the format is `v2`, those of the other one come behind: older records have them.
    """
    members = _members_in(settings.form_in("us-east-1"))
    if settings.format is RecordFormat.V2:
        members |= {
            name: value for name, value in _members_in(RecordForm()).items() if name not in members
        }
    return tuple(Column(name, _TYPES[type(value)]) for name, value in members.items())


def _members_in(form: RecordForm) -> dict[str, str | int | float]:
    """Return the members of a record in which every one of them has a value."""
    return CallDetailRecord(
        account_id="0",
        transaction_id="0",
        call_id="0",
        connector_id="0",
        from_number="+12065550100",
        to_number="+12065550100",
        status_message="0",
        disposition=Disposition.TERMINATION,
        status=CallStatus.COMPLETED,
        sip_auth_user="0",
        answered=True,
        started_at=_MOMENT,
        ended_at=_MOMENT,
        form=form,
    ).members()
