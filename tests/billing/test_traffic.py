"""What a month of calls puts on an edge."""

from datetime import timedelta
from decimal import Decimal

from billing.calls import billable_call
from billing.infrastructure import Load
from billing.traffic import Traffic
from model.cdr_reader import ReadRecord
from model.cqr import CallRoute
from tests.billing.samples import START, record


def traffic(*calls: tuple[ReadRecord, CallRoute | None]) -> Traffic:
    made = Traffic()
    for read, route in calls:
        made.add(billable_call(read, route, ()))
    return made


def at(seconds: int, lasted_s: int, connector_id: str = "one") -> ReadRecord:
    began = START + timedelta(seconds=seconds)
    return record(connector_id=connector_id, started_at=began, lasted_ms=1000 * lasted_s)


def test_a_call_on_net_is_carried_once_and_recorded_twice() -> None:
    # EDGE N1
    found = traffic(
        (at(0, 60), CallRoute.PSTN),
        (at(0, 60), CallRoute.CONFERENCE),
        (at(0, 120), CallRoute.ON_NET),
        (at(0, 120, "two"), CallRoute.ON_NET),
    )
    assert found.load(refused=3) == Load(minutes=Decimal(4), calls=4, refused=3, quality_records=4)
    assert found.priced_s == 60
    assert found.mean_call_s == 90


def test_the_peak_is_at_least_what_was_up_at_once() -> None:
    found = traffic(
        (at(0, 60), None),
        (at(30, 60), None),
        (at(90, 60), None),
        (at(500, 60, "two"), None),
    )
    assert found.concurrent_calls == 2 + 1
    assert found.load(refused=0).quality_records == 0


def test_a_month_without_calls_has_a_usual_length() -> None:
    assert traffic().mean_call_s == 180
    assert traffic().concurrent_calls == 0
