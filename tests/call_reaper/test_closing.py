"""What becomes of a row whose node is dead: ends, buckets, damage (EDGE C9)."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.call_reaper.closing import Close, Forget, RowDamagedError, Store, step_for
from model.call_items import due_members, ended_members, live_members, seen
from model.calls import LiveCall
from model.cdr import NORMAL_CALL_CLEARING, CallDetailRecord, CallStatus, Disposition
from model.codec import Item, encode_item

ACCOUNT = "111122223333"
ANSWERED = datetime(2026, 7, 1, 12, 0, 0, 250_000, tzinfo=UTC)
CALL = LiveCall(
    transaction_id="879bee50-0d85-4e9f-8d2f-f2b4f2e1d6f8",
    call_id="8ed6a0c9@192.0.2.1",
    connector_id="abcdef1ghij2klmno3pqr4",
    from_number="+15105550101",
    to_number="+14155550102",
    disposition=Disposition.TERMINATION,
    sip_auth_user="alice",
    answered_at=ANSWERED,
)
RECORD = CallDetailRecord(
    account_id=ACCOUNT,
    transaction_id=CALL.transaction_id,
    call_id=CALL.call_id,
    connector_id=CALL.connector_id,
    from_number=CALL.from_number,
    to_number=CALL.to_number,
    status_message=NORMAL_CALL_CLEARING,
    disposition=CALL.disposition,
    status=CallStatus.COMPLETED,
    sip_auth_user="alice",
    answered=True,
    started_at=ANSWERED,
    ended_at=ANSWERED + timedelta(seconds=29.473),
)
LIVE = encode_item(live_members(CALL, "node1"))
DUE = encode_item(due_members(RECORD, "node1", "theirs", RECORD.key()))


def lost(ended_at: datetime) -> CallDetailRecord:
    return replace(RECORD, status_message="Edge lost", ended_at=ended_at)


def after(seconds: float) -> datetime:
    return ANSWERED + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("lease", "seen_at", "end"),
    [
        (after(40), None, after(40)),
        (after(40), after(90), after(90)),
        (after(90), after(40), after(90)),
        (None, after(40), after(40)),
        (None, None, ANSWERED),
        (after(-40), None, ANSWERED),
        (after(-40), after(-3), ANSWERED),
    ],
    ids=[
        *("lease", "journal behind lease", "lease behind journal", "journal alone", "no sign"),
        *("answered after the last renewal", "no sign since the answer"),
    ],
)
def test_a_lost_call_ends_with_the_last_sign_of_it(
    lease: datetime | None, seen_at: datetime | None, end: datetime
) -> None:  # EDGE C9
    item = LIVE if seen_at is None else seen(LIVE, seen_at)
    step = step_for(item, lease=lease, bucket="ours", account_id=ACCOUNT)
    assert step == Close(record=lost(end), bucket="ours")
    assert lost(after(40)).billable_duration == 42


@given(
    up_s=st.floats(0, 14_400),
    lease_s=st.floats(-60, 14_400),
    seen_s=st.none() | st.floats(0, 14_400),
)
def test_nobody_is_billed_for_longer_than_there_was_a_sign_of_the_call(
    up_s: float, lease_s: float, seen_s: float | None
) -> None:
    # EDGE C9: the node has noted nothing after its death, which is when the call ended.
    lease, seen_at = min(lease_s, up_s), None if seen_s is None else min(seen_s, up_s)
    item = LIVE if seen_at is None else seen(LIVE, after(seen_at))
    step = step_for(item, lease=after(lease), bucket="ours", account_id=ACCOUNT)
    assert isinstance(step, Close)
    assert ANSWERED <= step.record.ended_at <= after(up_s)


def test_a_recorded_end_is_used_as_it_is() -> None:  # EDGE C9
    step = step_for(DUE, lease=after(3_600), bucket="ours", account_id=ACCOUNT)
    assert step == Store(record=RECORD, bucket="theirs")


def test_without_a_bucket_a_lost_call_is_forgotten_and_an_ended_one_is_not() -> None:  # EDGE C11
    lost_step = step_for(LIVE, lease=after(3), bucket=None, account_id=ACCOUNT)
    assert lost_step == Forget(transaction_id=CALL.transaction_id)
    ended_step = step_for(DUE, lease=after(3), bucket=None, account_id=ACCOUNT)
    assert ended_step == Store(record=RECORD, bucket="theirs")


def damaged(item: Item, **members: Mapping[str, object] | None) -> Item:
    changed = {**item, **members}
    return {name: value for name, value in changed.items() if value is not None}


@pytest.mark.parametrize(
    "item",
    [
        damaged(LIVE, started_at=None),
        damaged(LIVE, started_at={"S": "yesterday"}),
        damaged(LIVE, started_at={"N": "1"}),
        damaged(LIVE, disposition={"S": "Sideways"}),
        damaged(LIVE, connector_id=None),
        damaged(LIVE, seen_at={"S": "soon"}),
        damaged(DUE, ended_at=None),
        damaged(DUE, status={"S": "Unfinished"}),
        damaged(DUE, answered={"S": "yes"}),
        damaged(DUE, bucket=None),
        damaged(DUE, bucket={"N": "1"}),
        {"transaction_id": {"S": "x"}},
    ],
)
def test_a_damaged_row_is_told_as_such(item: Item) -> None:
    with pytest.raises(RowDamagedError, match=r"\w"):
        step_for(item, lease=after(3), bucket="ours", account_id=ACCOUNT)


def test_a_row_that_is_done_owes_nothing() -> None:
    done = encode_item(ended_members(RECORD, "node1", RECORD.key()))
    with pytest.raises(RowDamagedError, match="no object is due"):
        step_for(done, lease=after(3), bucket="ours", account_id=ACCOUNT)
