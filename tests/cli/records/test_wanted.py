"""Which records a choice takes, by their keys and by what they tell."""

from datetime import timedelta
from typing import Any

import pytest

from cli.records import wanted
from cli.records.wanted import Wanted
from model.cdr import CallStatus, Disposition
from model.cdr_reader import read_key
from tests.cli.records.samples import NOON, ONE, OTHER, a_call, read

MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("choice", "fits"),
    [
        ({}, True),
        ({"connector_id": ONE}, True),
        ({"connector_id": OTHER}, False),
        ({"since": NOON + MINUTE}, True),
        ({"since": NOON + 2 * MINUTE}, False),
        ({"before": NOON + MINUTE}, False),
        ({"before": NOON + MINUTE + timedelta(milliseconds=1)}, True),
    ],
)
def test_a_key_tells_connector_and_start(choice: dict[str, Any], fits: bool) -> None:
    assert Wanted(**choice).fits_key(read_key(a_call().key())) is fits
    assert Wanted(**choice).is_decided_by_key
    assert Wanted(**choice).fits(read(a_call()))


BUSY = a_call(status=CallStatus.REJECTED, status_message="486 Busy Here")


@pytest.mark.parametrize(
    ("choice", "fits"),
    [
        ({"number": "+12065550100"}, True),
        ({"number": "+12065550001"}, True),
        ({"number": "+1206*"}, True),
        ({"number": "+1206555010"}, False),
        ({"caller": "+12065550100"}, True),
        ({"caller": "+12065550001"}, False),
        ({"called": "+12065550001"}, True),
        ({"called": "+120655500*"}, True),
        ({"called": "+49*"}, False),
        ({"status": CallStatus.COMPLETED}, True),
        ({"status": CallStatus.REJECTED}, False),
        ({"disposition": Disposition.TERMINATION}, True),
        ({"disposition": Disposition.ORIGINATION}, False),
        ({"shortest_s": 29.473}, True),
        ({"shortest_s": 29.474}, False),
        ({"called": "+1206*", "status": CallStatus.REJECTED}, False),
    ],
)
def test_the_rest_is_what_the_record_tells(choice: dict[str, Any], fits: bool) -> None:
    assert Wanted(**choice).fits(read(a_call())) is fits
    assert not Wanted(**choice).is_decided_by_key


def test_a_call_that_nobody_answered_was_not_up() -> None:
    assert not Wanted(shortest_s=0.001).fits(read(BUSY))
    assert Wanted(status=CallStatus.REJECTED).fits(read(BUSY))


@pytest.mark.parametrize(
    ("parse", "text", "value"),
    [
        (wanted.status_from, "completed", CallStatus.COMPLETED),
        (wanted.status_from, "Rate-Limited", CallStatus.RATE_LIMITED),
        (wanted.disposition_from, "in", Disposition.ORIGINATION),
        (wanted.disposition_from, "Outbound", Disposition.TERMINATION),
        (wanted.disposition_from, "Origination", Disposition.ORIGINATION),
        (wanted.number_from, "+49*", "+49*"),
        (wanted.number_from, "anonymous", "anonymous"),
        (wanted.connector_from, ONE, ONE),
    ],
)
def test_filters_are_read(parse: Any, text: str, value: object) -> None:
    assert parse(text) == value


@pytest.mark.parametrize(
    ("parse", "text", "told"),
    [
        (wanted.status_from, "done", "one of Completed, Rejected, Rate_Limited is wanted"),
        (wanted.disposition_from, "up", "one of in, inbound, origination, out,"),
        (wanted.number_from, "", "a number as records show it"),
        (wanted.number_from, "+1 206", "a number as records show it"),
        (wanted.number_from, "*1", "a number as records show it"),
        (wanted.connector_from, "a/b", "the id of a Voice Connector is wanted"),
    ],
)
def test_what_is_no_filter_is_told(parse: Any, text: str, told: str) -> None:
    with pytest.raises(ValueError) as refused:
        parse(text)
    assert told in str(refused.value) and repr(text) in str(refused.value)
