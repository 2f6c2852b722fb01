"""A month's bill: what is added up, what is free, what numbers cost."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.bill import (
    Bill,
    BillMaker,
    CallLine,
    ConcurrencyLine,
    LineKey,
    RentalLine,
    summed,
    was_held,
)
from billing.calls import BillableCall, RouteSource, billable_call, is_billable
from billing.month import Month
from billing.rate_card import Direction, RateCard
from model.cdr import CallStatus
from model.cdr_reader import ReadRecord
from model.cqr import CallRoute
from tests.billing.samples import (
    AMAZON,
    CONNECTOR,
    LONDON,
    OURS,
    START,
    THEIRS,
    TORONTO,
    WORLD,
    held,
    inbound,
    record,
)

NOVEMBER = Month(2026, 11)
PSTN, ON_NET, CONFERENCE = CallRoute.PSTN, CallRoute.ON_NET, CallRoute.CONFERENCE


def billed(
    *calls: tuple[ReadRecord, CallRoute | None], card: RateCard = AMAZON, ours: tuple[str, ...] = ()
) -> Bill:
    maker = BillMaker(card, NOVEMBER)
    for read, route in calls:
        maker.add(billable_call(read, route, ours))
    return maker.bill([], is_partial=False)


def line(**members: str) -> LineKey:
    usual = LineKey(CONNECTOR, OURS, "outbound", "US", "pstn", "per_minute")
    return usual._replace(**members)


def test_calls_of_one_key_are_added_up() -> None:
    # EDGE C4: 29.473 s are billed as 30, 61 s as 66.
    bill = billed((record(), PSTN), (record(lasted_ms=61_000), PSTN), (inbound(), PSTN))
    assert bill.calls == (
        CallLine(line(direction="inbound"), Decimal("0.0022"), 1, 30, Decimal("0.0011")),
        CallLine(line(), Decimal("0.0049"), 2, 96, Decimal("0.00784")),
    )
    assert bill.total == bill.calls_total == Decimal("0.00894")


def test_calls_on_net_and_into_meetings_are_free() -> None:
    # EDGE X10
    bill = billed((record(), ON_NET), (inbound(), ON_NET), (record(), CONFERENCE))
    free = {"entry": "free"}
    assert [it.key for it in bill.calls] == [
        line(direction="inbound", route="on-net", **free),
        line(route="conference", **free),
        line(route="on-net", **free),
    ]
    assert bill.total == 0
    assert bill.judged_by == {RouteSource.QUALITY_RECORD: 3}


def test_without_a_quality_record_the_inventory_decides() -> None:
    # EDGE X10
    ours = (OURS, "+12065550101")
    bill = billed(
        (record("+12065550101"), None),
        (inbound(from_number="+12065550101"), None),
        (record(), None),
        (inbound(), None),
        (record("+12065550101"), PSTN),
        ours=ours,
    )
    assert [(it.key.direction, it.key.route, it.calls) for it in bill.calls] == [
        ("inbound", "on-net", 1),
        ("inbound", "pstn", 1),
        ("outbound", "on-net", 1),
        ("outbound", "pstn", 2),
    ]
    assert bill.judged_by == {RouteSource.INVENTORY: 4, RouteSource.QUALITY_RECORD: 1}


def test_the_country_is_that_of_the_number_called() -> None:
    bill = billed(
        (record(LONDON), PSTN), (inbound(from_number=TORONTO), PSTN), (record("911"), PSTN)
    )
    assert [(it.key.direction, it.key.country) for it in bill.calls] == [
        ("inbound", "US"),
        ("outbound", "GB"),
        ("outbound", "ZZ"),
    ]


def test_a_call_that_the_card_has_no_rate_for_is_counted_as_such() -> None:
    bill = billed((record("+4930123456"), PSTN), (record(LONDON), PSTN), card=WORLD)
    assert [it.key.entry for it in bill.calls] == ["no rate", "GB"]
    assert bill.without_rate == 1
    assert bill.calls_total == Decimal("0.0111")


def test_increments_and_minimums_are_those_of_the_card() -> None:
    bill = billed((record(LONDON, lasted_ms=1), PSTN), card=WORLD)
    assert bill.calls[0].billed_s == 60


@pytest.mark.parametrize(
    ("status", "lasted_ms", "billable"),
    [
        (CallStatus.COMPLETED, 1, True),
        (CallStatus.COMPLETED, 0, False),
        (CallStatus.REJECTED, 9_000, False),
        (CallStatus.RATE_LIMITED, 9_000, False),
    ],
)
def test_only_answered_calls_that_lasted_are_billed(
    status: CallStatus, lasted_ms: int, billable: bool
) -> None:
    # EDGE C7
    assert is_billable(record(status=status, lasted_ms=lasted_ms)) is billable


JANUARY = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("created_at", "deleted_at", "was"),
    [
        (JANUARY, None, True),
        (NOVEMBER.before - timedelta(milliseconds=1), None, True),
        (NOVEMBER.before, None, False),
        (JANUARY, NOVEMBER.since, False),
        (JANUARY, NOVEMBER.since + timedelta(milliseconds=1), True),
        (JANUARY, NOVEMBER.before, True),
    ],
)
def test_a_number_is_rented_for_each_month_in_which_it_was_held(
    created_at: datetime, deleted_at: datetime | None, was: bool
) -> None:
    # API PN7
    number = held(created_at=created_at, deleted_at=deleted_at)
    assert was_held(number, NOVEMBER) is was


def test_each_number_costs_a_whole_month() -> None:
    numbers = [
        held("+12065550102", connector_id=None),
        held(created_at=NOVEMBER.before - timedelta(days=1)),
        held("+12065550103", created_at=NOVEMBER.before),
    ]
    bill = BillMaker(AMAZON, NOVEMBER).bill(numbers, is_partial=True)
    assert bill.rentals == (
        RentalLine(OURS, CONNECTOR, Decimal("1.00")),
        RentalLine("+12065550102", "", Decimal("1.00")),
    )
    assert bill.total == Decimal(2)
    assert bill.is_partial


def at(seconds: int, lasted_s: int, connector_id: str = CONNECTOR) -> ReadRecord:
    return record(
        connector_id=connector_id,
        started_at=START + timedelta(seconds=seconds),
        lasted_ms=1000 * lasted_s,
    )


def test_concurrent_calls_are_those_of_each_connector_at_its_peak() -> None:
    bill = billed(
        (at(0, 100), PSTN),
        (at(10, 20), PSTN),
        (at(20, 20), ON_NET),
        (at(30, 20), PSTN),  # when the second one ends
        (at(40, 5), PSTN),
        (at(0, 5, "other"), PSTN),
        card=WORLD,
    )
    assert bill.concurrency == (
        ConcurrencyLine(CONNECTOR, 3, Decimal("4.5")),
        ConcurrencyLine("other", 1, Decimal("1.5")),
    )
    assert bill.concurrency_total == Decimal(6)
    assert bill.total == bill.calls_total + 6


def test_without_a_charge_for_them_concurrent_calls_are_not_on_the_bill() -> None:
    assert billed((at(0, 100), PSTN), (at(10, 20), PSTN)).concurrency == ()


CALLS = st.builds(
    BillableCall,
    connector_id=st.sampled_from(["a", "b"]),
    number=st.sampled_from([OURS, TORONTO]),
    direction=st.sampled_from(Direction),
    called=st.sampled_from([OURS, LONDON, THEIRS, "911", "+4930123456"]),
    country=st.sampled_from(["US", "GB", "ZZ"]),
    route=st.sampled_from(CallRoute),
    route_source=st.sampled_from(RouteSource),
    recorded_s=st.integers(1, 3_000).map(lambda it: 6 * it),
    started_at=st.just(START),
    ended_at=st.just(START + timedelta(seconds=6)),
)


@given(st.lists(CALLS, max_size=40), st.sampled_from([AMAZON, WORLD]))
def test_every_grouping_has_the_same_sum_and_every_order_the_same_bill(
    calls: list[BillableCall], card: RateCard
) -> None:
    def bill_of(given: list[BillableCall]) -> Bill:
        maker = BillMaker(card, NOVEMBER)
        for call in given:
            maker.add(call)
        return maker.bill([held()], is_partial=False)

    bill = bill_of(calls)
    backwards = bill_of(calls[::-1])
    assert backwards.calls == bill.calls
    expected = sum(
        (
            Fraction(rate.per_minute) * card.billed_s(call.recorded_s) / 60
            for call in calls
            if call.route is CallRoute.PSTN and (rate := card.rate(call.direction, call.called))
        ),
        Fraction(0),
    )
    for size in range(len(LineKey._fields) + 1):
        for columns in combinations(LineKey._fields, size):
            sums = summed(bill.calls, columns).values()
            assert sum((Fraction(it.amount) for it in sums), Fraction(0)) == expected
            assert sum(it.calls for it in sums) == len(calls)
            assert all(isinstance(it.amount, Decimal) for it in sums)
    assert Fraction(bill.total) == expected + Fraction(card.number) + Fraction(
        bill.concurrency_total
    )
