"""Records as people read them."""

from cli.records.table import COLUMNS, row_of
from model.cdr import NORMAL_CALL_CLEARING, recorded_text
from model.cdr_reader import ReadRecord


def call_line(record: ReadRecord) -> str:
    """Return who called whom and what came of it."""
    way = record.disposition.direction.removesuffix("bound").lower()
    billed = f", billed {record.billed_s} s" if record.billed_s else ""
    message = record.status_message
    why = "" if message == NORMAL_CALL_CLEARING else f", {message}"
    return shown(
        f"{way:<4} {record.from_number:<12} -> {record.to_number:<12}  "
        f"{record.status.value}{billed}{why}"
    )


def time_here(record: ReadRecord) -> str:
    """Return when a call began, on this machine's clock: what has just happened."""
    return f"{record.started_at.astimezone():%H:%M:%S}"


def time_in_utc(record: ReadRecord) -> str:
    """Return day and time, as the filters take them and the keys have them."""
    return f"{record.started_at:%Y-%m-%d %H:%M:%SZ}"


def described(record: ReadRecord) -> list[str]:
    """Return a record member by member."""
    longest = max(len(column.name) for column in COLUMNS)
    return [
        shown(f"{name:<{longest}}  {value}")
        for name, value in row_of(record).items()
        if value is not None
    ]


def shown(text: str) -> str:
    """Return text from the network as a terminal may get it: on one line, without commands."""
    return recorded_text(text)
