"""Records of both formats as rows of one table; what both have, the whitepaper names."""

from collections.abc import Callable, Mapping
from datetime import datetime
from enum import Enum
from typing import NamedTuple, TypeAlias

from model.cdr_reader import ReadRecord, V2Facts

Cell: TypeAlias = str | int | datetime | None


class Kind(Enum):
    """What a column holds."""

    TEXT = "text"
    WHOLE = "whole"
    MOMENT = "moment"


class Column(NamedTuple):
    """One column of the table."""

    name: str
    kind: Kind
    cell: Callable[[ReadRecord], Cell]


def _of_v2(take: Callable[[V2Facts], str | None]) -> Callable[[ReadRecord], Cell]:
    return lambda record: None if record.v2 is None else take(record.v2)


COLUMNS = (
    Column("Format", Kind.TEXT, lambda it: it.format.value),
    Column("AwsAccountId", Kind.TEXT, lambda it: it.account_id),
    Column("TransactionId", Kind.TEXT, lambda it: it.transaction_id),
    Column("CallId", Kind.TEXT, lambda it: it.call_id),
    Column("VoiceConnectorId", Kind.TEXT, lambda it: it.connector_id),
    Column("FromNumber", Kind.TEXT, lambda it: it.from_number),
    Column("ToNumber", Kind.TEXT, lambda it: it.to_number),
    Column("StatusMessage", Kind.TEXT, lambda it: it.status_message),
    Column("Disposition", Kind.TEXT, lambda it: it.disposition.value),
    Column("Status", Kind.TEXT, lambda it: it.status.value),
    Column("SipAuthUser", Kind.TEXT, lambda it: it.sip_auth_user),
    Column("BillableDuration", Kind.WHOLE, lambda it: it.billed_s),
    Column("StartTime", Kind.MOMENT, lambda it: it.started_at),
    Column("EndTime", Kind.MOMENT, lambda it: it.ended_at),
    Column("SourceCountry", Kind.TEXT, _of_v2(lambda it: it.source_country)),
    Column("DestinationCountry", Kind.TEXT, _of_v2(lambda it: it.destination_country)),
    Column("UsageType", Kind.TEXT, _of_v2(lambda it: it.usage_type)),
    Column("Region", Kind.TEXT, _of_v2(lambda it: it.region)),
    Column("ObjectKey", Kind.TEXT, lambda it: it.key),
)
"""BillableDuration in seconds; moments in UTC; what a record's format does not have is None."""


def row_of(record: ReadRecord) -> Mapping[str, str | int | None]:
    """Return a record as a row of JSON or CSV, moments as texts."""
    return {column.name: _plain(column.cell(record)) for column in COLUMNS}


def moment_text(moment: datetime) -> str:
    """Return a moment as `2019-03-08T06:27:38.563Z`."""
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def _plain(cell: Cell) -> str | int | None:
    return moment_text(cell) if isinstance(cell, datetime) else cell
