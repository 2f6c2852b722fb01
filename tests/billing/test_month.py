"""Months of UTC."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from billing.month import Month


def test_a_month_ends_where_the_next_one_begins() -> None:
    december = Month.parse("2026-12")
    assert december.since == datetime(2026, 12, 1, tzinfo=UTC)
    assert december.before == datetime(2027, 1, 1, tzinfo=UTC)
    assert Month.parse("2026-02").before == datetime(2026, 3, 1, tzinfo=UTC)
    assert str(december) == "2026-12"


def test_months_compare_by_time() -> None:
    assert Month(2026, 12) < Month(2027, 1)


def test_the_month_of_a_moment_is_that_of_utc() -> None:
    tokyo = timezone(timedelta(hours=9))
    assert Month.of(datetime(2026, 12, 1, 8, 59, tzinfo=tokyo)) == Month(2026, 11)


@pytest.mark.parametrize(
    "text", ["2026-13", "2026-00", "2026-1", "26-11", "2026/11", "", "2026-11 "]
)
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="; a month such as 2026-11 is wanted"):
        Month.parse(text)
