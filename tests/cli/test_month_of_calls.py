"""The calls of a month out of a bucket: routes, order, and what cannot be read."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from billing.calls import BillableCall, RouteSource
from billing.month import Month
from cli.errors import CommandError
from cli.month_of_calls import MonthOfCalls
from cli.records.bucket import Listed, ObjectGone, Page, RecordBucket
from model.cdr import CallDetailRecord, CallStatus, Disposition
from model.cqr import CallQualityRecord, CallRoute
from model.record_form import RecordForm, RecordFormat
from tests.billing.samples import CONNECTOR, KEY_PREFIX, OURS, START, THEIRS

NOVEMBER = Month(2026, 11)
MOMENT = datetime(2026, 12, 1, tzinfo=UTC)
PAGE = 3
"""Objects of a page: lists go on."""


class DictBucket(RecordBucket):
    """A bucket that is a dictionary; what is None has gone since it was listed."""

    def __init__(self, objects: Mapping[str, bytes | None]) -> None:
        self.name = "bucket"
        self._objects = objects
        self.read_keys: list[str] = []

    def page(
        self, prefix: str, *, after: str = "", token: str | None = None, folded: bool = False
    ) -> Page:
        keys = sorted(key for key in self._objects if key.startswith(prefix))
        if folded:
            rests = (key.removeprefix(prefix) for key in keys)
            folders = {f"{prefix}{rest.partition('/')[0]}/" for rest in rests if "/" in rest}
            beside = [key for key in keys if "/" not in key.removeprefix(prefix)]
            return Page([self._listed(key) for key in beside], sorted(folders), None)
        wanted = [key for key in keys if key > (token or after)]
        shown = wanted[:PAGE]
        more = shown[-1] if len(wanted) > PAGE else None
        return Page([self._listed(key) for key in shown], [], more)

    def read(self, key: str) -> bytes:
        self.read_keys.append(key)
        body = self._objects[key]
        if body is None:
            raise ObjectGone(key)
        if body == b"denied":
            raise CommandError(f"s3://bucket/{key} cannot be read: denied")
        return body

    def _listed(self, key: str) -> Listed:
        return Listed(key, len(self._objects[key] or b""), MOMENT)


def call(number: int = 1, **changes: Any) -> CallDetailRecord:
    """Return the n-th call out of a connector, ten seconds after the one before."""
    usual: dict[str, Any] = {
        "account_id": "000000000000",
        "transaction_id": f"00000000-0000-4000-8000-{number:012d}",
        "call_id": f"{number}@host",
        "connector_id": CONNECTOR,
        "from_number": OURS,
        "to_number": THEIRS,
        "status_message": "Normal Call Clearing",
        "disposition": Disposition.TERMINATION,
        "status": CallStatus.COMPLETED,
        "sip_auth_user": None,
        "answered": True,
        "started_at": START + timedelta(seconds=10 * number),
        "ended_at": START + timedelta(seconds=10 * number + 5),
    }
    return CallDetailRecord(**(usual | changes))


def stored(*calls: CallDetailRecord) -> dict[str, bytes | None]:
    return {it.key(): it.body() for it in calls}


def quality(of: CallDetailRecord, route: CallRoute) -> dict[str, bytes | None]:
    record = CallQualityRecord(call=of, route=route, last_minute=None, total=None)
    return {record.key(): record.body()}


class Reading:
    """A month that has been read to its end."""

    def __init__(
        self, objects: Mapping[str, bytes | None], *, connector_id: str | None = None
    ) -> None:
        self.told: list[str] = []
        self.bucket = DictBucket(objects)
        self.month = MonthOfCalls(
            self.bucket,
            NOVEMBER,
            key_prefix=KEY_PREFIX,
            connector_id=connector_id,
            tell=self.told.append,
        )
        self.calls: list[BillableCall] = list(self.month.calls({THEIRS}))


def test_the_route_is_that_of_the_quality_record() -> None:
    # EDGE X10
    calls = [call(n) for n in range(1, 9)]
    routes = [CallRoute.PSTN, CallRoute.CONFERENCE, None, CallRoute.ON_NET, *[CallRoute.PSTN] * 4]
    objects = stored(*calls)
    for made, route in zip(calls, routes, strict=True):
        objects |= {} if route is None else quality(made, route)
    read = Reading(objects)
    expected = [route or CallRoute.ON_NET for route in routes]  # THEIRS is one of ours here
    assert [it.route for it in read.calls] == expected
    assert [it.route_source for it in read.calls].count(RouteSource.INVENTORY) == 1
    assert [it.started_at for it in read.calls] == [it.started_at for it in calls]
    assert read.told == []


@pytest.mark.parametrize(
    "form", [RecordForm(format=RecordFormat.V2, region="us-east-1"), RecordForm()]
)
def test_both_formats_are_billed_alike(form: RecordForm) -> None:
    # EDGE C3, C4
    made = call(form=form)
    (read,) = Reading(stored(made) | quality(made, CallRoute.PSTN)).calls
    assert (read.recorded_s, read.number, read.called) == (6, OURS, THEIRS)
    assert read.route_source is RouteSource.QUALITY_RECORD


def test_the_other_separator_is_read_as_well() -> None:
    # EDGE C1
    made = call()
    objects = {made.key().replace("_", "-"): made.body()} | quality(made, CallRoute.PSTN)
    assert [it.route for it in Reading(objects).calls] == [CallRoute.PSTN]


def test_calls_belong_to_the_month_in_which_they_began() -> None:
    last, first = NOVEMBER.before - timedelta(milliseconds=1), NOVEMBER.since
    late = [
        call(1, started_at=last, ended_at=last + timedelta(hours=1)),
        call(2, started_at=first, ended_at=first + timedelta(seconds=1)),
    ]
    others = [
        call(3, started_at=NOVEMBER.before, ended_at=NOVEMBER.before + timedelta(seconds=1)),
        call(4, started_at=first - timedelta(milliseconds=1), ended_at=first),
    ]
    read = Reading(stored(*late, *others))
    assert [it.started_at for it in read.calls] == [first, last]
    assert read.month.unreadable == 0


def test_connectors_come_one_after_the_other_and_can_be_chosen() -> None:
    other = call(2, connector_id="zzz")
    objects = stored(call(1), other, call(3)) | quality(other, CallRoute.PSTN)
    read = Reading(objects)
    assert [it.connector_id for it in read.calls] == [CONNECTOR, CONNECTOR, "zzz"]
    assert [it.route for it in read.calls][2] is CallRoute.PSTN
    assert [it.connector_id for it in Reading(objects, connector_id="zzz").calls] == ["zzz"]


def test_calls_that_were_not_answered_are_counted_and_their_quality_is_not_asked_for() -> None:
    # EDGE C7
    refused = call(1, status=CallStatus.REJECTED, answered=False)
    limited = call(2, status=CallStatus.RATE_LIMITED, answered=False)
    read = Reading(stored(refused, limited, call(3)) | quality(refused, CallRoute.PSTN))
    assert len(read.calls) == 1
    assert read.month.not_answered == 2
    assert not [key for key in read.bucket.read_keys if "CQRs" in key]


def test_what_is_no_record_is_named_counted_and_left_out() -> None:
    folder = call().key().rpartition("/")[0]
    wrong_month = json.dumps(call(5).members() | {"StartTime": 1_552_026_458_563}).encode()
    objects: dict[str, bytes | None] = {
        **stored(call(1), call(9)),
        f"{folder}/12.00.20.000_two": b"",
        f"{folder}/12.00.30.000_three": b"[]",
        f"{folder}/notes.txt": b"my notes",
        call(4).key(): None,
        call(5).key(): wrong_month,
        call(6).key(): b" " * 70_000,
    }
    read = Reading(objects)
    assert len(read.calls) == 2
    assert read.month.unreadable == 6
    assert len(read.told) == 5, "one that has gone is no fault of anybody's"
    assert any("notes.txt is no call detail record" in it for it in read.told)
    assert any("began 2019-03-08 06:27:38, and not when its key says" in it for it in read.told)


@pytest.mark.parametrize(
    ("body", "reason"),
    [(b"", "with a Route of"), (b"{}", "with a Route of"), (None, "it has gone")],
)
def test_a_quality_record_that_cannot_be_read_leaves_it_to_the_inventory(
    body: bytes | None, reason: str
) -> None:
    # EDGE X10
    made = call()
    (key,) = quality(made, CallRoute.PSTN)
    read = Reading({**stored(made), key: body})
    assert [it.route_source for it in read.calls] == [RouteSource.INVENTORY]
    (told,) = read.told
    assert key in told and reason in told and told.endswith("the inventory decides")
    assert read.month.unreadable == 0


@pytest.mark.parametrize("denied", ["record", "quality"])
def test_what_cannot_be_fetched_ends_the_bill(denied: str) -> None:
    made = call()
    objects = stored(made) | quality(made, CallRoute.PSTN)
    key = made.key() if denied == "record" else next(it for it in objects if "CQRs" in it)
    with pytest.raises(CommandError, match="cannot be read: denied"):
        Reading({**objects, key: b"denied"})


def test_no_more_is_read_ahead_than_a_bound() -> None:
    calls = [call(n) for n in range(2_000)]
    bucket = DictBucket(stored(*calls))
    month = MonthOfCalls(
        bucket, NOVEMBER, key_prefix=KEY_PREFIX, connector_id=None, tell=lambda line: None
    )
    found = month.calls(())
    assert next(found).started_at == calls[0].started_at
    assert len(bucket.read_keys) < 1_000
    assert 1 + sum(1 for _ in found) == len(calls)


def test_an_empty_bucket_has_no_calls() -> None:
    read = Reading({})
    assert (read.calls, read.month.unreadable, read.month.not_answered) == ([], 0, 0)
