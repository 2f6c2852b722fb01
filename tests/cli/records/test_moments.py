"""Moments, days and lengths as people type them."""

from datetime import UTC, datetime, timedelta

import pytest

from cli.records.moments import moment, seconds, span

NOW = datetime(2026, 11, 26, 14, 30, 15, 123_456, tzinfo=UTC)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("2026-11-01", at("2026-11-01T00:00:00")),
        ("2026-11-01T10:20", at("2026-11-01T10:20:00")),
        ("2026-11-01 10:20:30.5Z", at("2026-11-01T10:20:30.500")),
        ("2026-11-01T10:20+02:00", at("2026-11-01T08:20:00")),
        ("now", NOW.replace(microsecond=123_000)),
        ("today", at("2026-11-26T00:00:00")),
        ("yesterday", at("2026-11-25T00:00:00")),
        ("90s", NOW.replace(microsecond=123_000) - timedelta(seconds=90)),
        ("45m", at("2026-11-26T13:45:15.123")),
        ("2h", at("2026-11-26T12:30:15.123")),
        ("7d", at("2026-11-19T14:30:15.123")),
        ("2w", at("2026-11-12T14:30:15.123")),
    ],
)
def test_a_moment_may_be_typed_in_many_ways(text: str, wanted: datetime) -> None:
    assert moment(text, NOW) == wanted
    assert moment(text, NOW).utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    "text",
    ["", "soon", "2026-13-01", "2026-02-30", "1969-12-31", "7y", "-2h", "2 h", "999999w", "٢h"],
)
def test_what_is_no_moment_is_told_with_the_forms(text: str) -> None:
    with pytest.raises(ValueError, match="a moment is wanted: 2026-11-26, ") as told:
        moment(text, NOW)
    assert repr(text) in str(told.value)


@pytest.mark.parametrize(
    ("text", "begin", "end"),
    [
        ("2026-11-26", "2026-11-26", "2026-11-27"),
        ("2026-11", "2026-11-01", "2026-12-01"),
        ("2026-12", "2026-12-01", "2027-01-01"),
        ("2024-02", "2024-02-01", "2024-03-01"),
        ("2026", "2026-01-01", "2027-01-01"),
        ("today", "2026-11-26", "2026-11-27"),
        ("yesterday", "2026-11-25", "2026-11-26"),
    ],
)
def test_a_span_is_a_day_a_month_or_a_year(text: str, begin: str, end: str) -> None:
    assert span(text, NOW) == (at(begin), at(end))


@pytest.mark.parametrize(
    "text", ["", "2026-11-31", "2026-00", "1969", "now", "2026-11-26T10", "9999"]
)
def test_what_is_no_span_is_told_with_the_forms(text: str) -> None:
    with pytest.raises(ValueError, match="wanted is a day such as 2026-11-26"):
        span(text, NOW)


@pytest.mark.parametrize(
    ("text", "wanted"), [("90", 90), ("90s", 90), ("1.5m", 90), ("2h", 7_200), ("0", 0)]
)
def test_a_length_has_a_unit_or_is_in_seconds(text: str, wanted: float) -> None:
    assert seconds(text) == wanted


@pytest.mark.parametrize("text", ["", "-1", "1d", "1e3", "m", "nan"])
def test_what_is_no_length_is_told(text: str) -> None:
    with pytest.raises(ValueError, match=r"a length such as 90, 90s, 1\.5m or 2h is wanted"):
        seconds(text)
