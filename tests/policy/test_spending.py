"""Caps of connectors on what fraud could cost, and the eye on new countries (EDGE S6)."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import edge.policy.spending
from edge.policy.reasons import Reason
from edge.policy.spending import Spending, prefix_of
from edge.policy.verdict import AdmitCall, Refuse
from model.cdr import CallStatus
from model.numbers import facts_of
from model.settings import AdmissionSettings
from tests.policy.world import (
    CARRIER,
    CONNECTOR_ID,
    EPOCH,
    HOST,
    OTHER_ID,
    OWNED,
    SETTINGS,
    World,
    datagram,
    utc_of,
    with_termination,
)

HOUR_S = 3_600.0
MIDNIGHT = 12 * HOUR_S
"""The world begins at noon."""


def spending(minutes: int | None = None, calls: int | None = None) -> Spending:
    return Spending(
        AdmissionSettings(minutes_per_day=minutes, calls_per_prefix_per_hour=calls), utc_of
    )


def world(**members: Any) -> World:  # Any: members of several types
    return World(settings=replace(SETTINGS, admission=AdmissionSettings(**members)))


# --- Minutes of a day ---


def test_running_calls_count_while_they_run() -> None:  # EDGE S6
    node = spending(minutes=2)
    node.answered(CONNECTOR_ID, 10.0)
    node.answered(CONNECTOR_ID, 20.0)
    assert node.seconds_today(CONNECTOR_ID, 60.0) == pytest.approx(90.0)
    assert node.has_minutes(CONNECTOR_ID, 60.0)
    assert not node.has_minutes(CONNECTOR_ID, 75.0)
    assert node.has_minutes(OTHER_ID, 75.0), "another connector has its own"
    node.ended(CONNECTOR_ID, 10.0, 75.0)
    assert node.seconds_today(CONNECTOR_ID, 75.0) == pytest.approx(120.0)


def test_a_call_over_midnight_belongs_to_both_days() -> None:  # EDGE S6
    assert utc_of(MIDNIGHT) == EPOCH.replace(hour=0) + timedelta(days=1)
    node = spending(minutes=10)
    node.answered(CONNECTOR_ID, MIDNIGHT - 500.0)
    assert node.seconds_today(CONNECTOR_ID, MIDNIGHT - 1.0) == pytest.approx(499.0)
    assert node.seconds_today(CONNECTOR_ID, MIDNIGHT + 60.0) == pytest.approx(60.0)
    node.ended(CONNECTOR_ID, MIDNIGHT - 500.0, MIDNIGHT + 90.0)
    assert node.seconds_today(CONNECTOR_ID, MIDNIGHT + 200.0) == pytest.approx(90.0)
    assert node.seconds_today(CONNECTOR_ID, MIDNIGHT + 25 * HOUR_S) == 0.0


def test_without_a_cap_nothing_is_remembered() -> None:
    node = spending()
    node.answered(CONNECTOR_ID, 0.0)
    node.ended(CONNECTOR_ID, 0.0, 90_000.0)
    assert node.has_minutes(CONNECTOR_ID, 90_000.0)
    assert node.take_call(CONNECTOR_ID, "+1312", 0.0)
    assert node.sizes() == (0, 0, 0)


CALLS = st.lists(
    st.tuples(st.floats(0.0, 200_000.0), st.floats(0.0, 100_000.0)), min_size=1, max_size=20
)


@given(CALLS)
def test_minutes_are_the_overlap_of_calls_with_the_day(calls: list[tuple[float, float]]) -> None:
    node = spending(minutes=1)
    events = sorted(
        [(start, 1, start) for start, _ in calls]
        + [(start + length, 0, start) for start, length in calls],
        key=lambda it: (it[0], -it[1]),
    )
    for at, is_answer, start in events:
        if is_answer:
            node.answered(CONNECTOR_ID, at)
        else:
            node.ended(CONNECTOR_ID, start, at)
        midnight = EPOCH.replace(hour=0) + timedelta(days=(utc_of(at) - EPOCH.replace(hour=0)).days)
        began = at - (utc_of(at) - midnight).total_seconds()
        talked = sum(
            max(0.0, min(start + length, at) - max(start, began)) for start, length in calls
        )
        assert node.seconds_today(CONNECTOR_ID, at) == pytest.approx(talked, abs=0.01)


def test_a_connector_without_minutes_left_is_refused() -> None:  # EDGE S6, C7
    node = world(minutes_per_day=1)
    node.admission.spending.answered(CONNECTOR_ID, 0.0)
    assert isinstance(node.judge(datagram(), now=59.0), AdmitCall)
    verdict = node.judge(datagram(), now=60.0)
    assert isinstance(verdict, Refuse)
    assert (verdict.status, verdict.why) == (403, Reason.MINUTES_PER_DAY)
    assert verdict.record is not None
    assert verdict.record.status is CallStatus.RATE_LIMITED
    assert verdict.record.status_message == "Minutes per day exceeded"
    inbound = datagram(uri=f"sip:{OWNED}@198.51.100.10")
    assert isinstance(node.judge(inbound, CARRIER, 60.0), AdmitCall), "inbound calls cost nothing"
    assert isinstance(node.judge(datagram(), now=MIDNIGHT + 59.0), AdmitCall)


# --- Calls to a prefix in an hour ---


@pytest.mark.parametrize(
    ("number", "prefix"),
    [("+13125550142", "+1312"), ("+4930123456", "+49301"), ("+442079460100", "+44207")],
)
def test_a_prefix_is_the_calling_code_and_three_digits(number: str, prefix: str) -> None:
    facts = facts_of(number)
    assert facts is not None
    assert prefix_of(facts) == prefix


@given(st.lists(st.floats(0.0, 20_000.0), max_size=60), st.integers(1, 5))
def test_no_hour_has_more_calls_to_a_prefix_than_the_cap(times: list[float], cap: int) -> None:
    node = spending(calls=cap)
    taken: list[float] = []
    for now in sorted(times):
        recent = [at for at in taken if at > now - 61 * 60.0]
        if node.take_call(CONNECTOR_ID, "+1312", now):
            taken.append(now)
            assert len([at for at in taken if at > now - HOUR_S]) <= cap
        else:
            assert len(recent) >= cap, "refused without need"


def test_one_prefix_does_not_use_up_another() -> None:  # EDGE S6
    node = world(calls_per_prefix_per_hour=2)
    other = datagram(uri=f"sip:+12065550142@{HOST}")
    for _ in range(2):
        assert isinstance(node.judge(datagram()), AdmitCall)
    verdict = node.judge(datagram())
    assert isinstance(verdict, Refuse)
    assert (verdict.status, verdict.why) == (403, Reason.CALLS_PER_PREFIX)
    assert "+1312..." in verdict.hint
    assert verdict.record is not None
    assert verdict.record.status_message == "Calls per destination prefix exceeded"
    assert isinstance(node.judge(other), AdmitCall)
    assert isinstance(node.judge(datagram(), now=61 * 60.0), AdmitCall)


# --- New countries ---


def test_a_new_country_is_told_once_for_each_connector() -> None:  # EDGE S6
    node = World(with_termination(calling_regions=("US", "DE")))
    german = datagram(uri=f"sip:+4930123456@{HOST}")
    regions = []
    for data in (datagram(), datagram(), german, german):
        verdict = node.judge(data)
        assert isinstance(verdict, AdmitCall)
        regions.append(verdict.new_region)
    assert regions == ["US", None, "DE", None]
    assert node.admission.spending.is_new_region(OTHER_ID, "DE")


def test_a_refused_call_opens_no_country() -> None:  # EDGE S6
    node = World()
    assert isinstance(node.judge(datagram(uri=f"sip:+4930123456@{HOST}")), Refuse)
    assert node.admission.spending.is_new_region(CONNECTOR_ID, "DE")


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:  # EDGE S3
    monkeypatch.setattr(edge.policy.spending, "PREFIXES", 10)
    monkeypatch.setattr(edge.policy.spending, "REGIONS", 10)
    node = spending(minutes=1, calls=1)
    for number in range(100):
        node.take_call(CONNECTOR_ID, f"+{number}", 0.0)
        node.is_new_region(CONNECTOR_ID, str(number))
    assert node.sizes() == (0, 10, 10)
    assert not node.take_call(CONNECTOR_ID, "+99", 0.0), "the latest is known"
