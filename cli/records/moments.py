"""Moments, days and lengths as people type them; a text without a zone means UTC, as records do."""

import re
from datetime import UTC, datetime, timedelta

_AGO = re.compile(r"([0-9]{1,6})(s|m|h|d|w)", re.ASCII)
_LENGTH = re.compile(r"([0-9]{1,8}(?:\.[0-9]{1,3})?)(s|m|h)?", re.ASCII)
_YEAR = re.compile(r"[0-9]{4}", re.ASCII)
_MONTH = re.compile(r"([0-9]{4})-([0-9]{2})", re.ASCII)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_LENGTHS_S = {None: 1, "s": 1, "m": 60, "h": 3_600}
_FIRST = datetime(1970, 1, 1, tzinfo=UTC)

MOMENT_FORMS = (
    "2026-11-26, 2026-11-26T14:30, 2026-11-26T14:30+01:00, today, yesterday, now, or how long ago: "
    "45m, 2h, 7d, 2w"
)
SPAN_FORMS = "a day such as 2026-11-26, a month such as 2026-11, a year, today or yesterday"


def moment(text: str, now: datetime) -> datetime:
    """Return a moment, to the millisecond; a date is its beginning. Raises ValueError."""
    ago = _AGO.fullmatch(text)
    try:
        if ago is not None:
            found = now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        elif text == "now":
            found = now
        elif text in ("today", "yesterday"):
            found = span(text, now)[0]
        else:
            found = datetime.fromisoformat(text)
            found = (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
        if found < _FIRST:
            raise ValueError
    except (ValueError, OverflowError):
        raise ValueError(f"it is {text!r}; a moment is wanted: {MOMENT_FORMS}") from None
    return found.replace(microsecond=found.microsecond // 1000 * 1000)


def span(text: str, now: datetime) -> tuple[datetime, datetime]:
    """Return beginning and end of a day, a month or a year; the end is not part of it.

    Raises ValueError.
    """
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    month = _MONTH.fullmatch(text)
    try:
        if text == "today":
            begin, end = midnight, midnight + timedelta(days=1)
        elif text == "yesterday":
            begin, end = midnight - timedelta(days=1), midnight
        elif _YEAR.fullmatch(text):
            begin = datetime(int(text), 1, 1, tzinfo=UTC)
            end = begin.replace(year=begin.year + 1)
        elif month is not None:
            begin = datetime(int(month[1]), int(month[2]), 1, tzinfo=UTC)
            end = (begin + timedelta(days=31)).replace(day=1)
        else:
            begin = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
            end = begin + timedelta(days=1)
        if begin < _FIRST:
            raise ValueError
    except (ValueError, OverflowError):
        raise ValueError(f"it is {text!r}; wanted is {SPAN_FORMS}") from None
    return begin, end


def seconds(text: str) -> float:
    """Return a length: 90, 90s, 1.5m, 2h. Raises ValueError."""
    found = _LENGTH.fullmatch(text)
    if found is None:
        raise ValueError(f"it is {text!r}; a length such as 90, 90s, 1.5m or 2h is wanted")
    return float(found[1]) * _LENGTHS_S[found[2]]
