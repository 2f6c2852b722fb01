"""The judge of a chaos: it sees what is lost, doubled, overbilled or made up (EDGE C9)."""

import json
from datetime import UTC, datetime

import pytest

from tests.chaos.ledger import Entry, Fate
from tests.chaos.plan import CallPlan, Kind
from tests.chaos.verdict import EDGE_LOST, NORMAL, SHUTDOWN, Verdict, View, judged
from tests.chaos.world import OTHER_ID, StoredObject
from tests.e2e.cluster import CONNECTOR_ID
from tests.support.agent import Agent, CallerPlan

EDGE = ("192.0.2.1", 5060)
CALLER = "+12065560000"
EPOCH = 1_800_000_000.0
"""UTC of monotonic 0."""
ANSWERED_AT = 100.0


def a_call(
    *,
    ended_at: float | None = 110.0,
    killed_at: float | None = None,
    caller_answered: bool = True,
    kind: Kind = Kind.OUTBOUND,
    by_edge: bool = False,
    troubles: tuple[tuple[float, float], ...] = (),
) -> Entry:
    """Return a call that was answered at 100 s."""
    pbx = Agent("pbx", ("192.0.2.2", 5060))
    placed = pbx.call("sip:+12125550100@edge", EDGE, CallerPlan(), 99.0, caller=CALLER)
    return Entry(
        CALLER,
        CallPlan(99.0, kind, 1.0, 10.0, caller_hangs_up=True, pick=0.0),
        Fate(0, troubles=troubles, killed_at=killed_at, gone_at=killed_at),
        placed,
        made_at=99.0,
        callee_answered_at=ANSWERED_AT,
        caller_answered_at=ANSWERED_AT if caller_answered else None,
        ended_at=ended_at,
        ended_by_edge=by_edge,
    )


def an_object(
    entry: Entry,
    lasted_s: float = 10.0,
    message: str = NORMAL,
    *,
    status: str = "Completed",
    identity: str = "1",
    connector_id: str = CONNECTOR_ID,
    disposition: str = "Termination",
) -> StoredObject:
    """Return a record of a call."""
    start = round((EPOCH + ANSWERED_AT) * 1e3)
    members = {
        "CallId": entry.placed.invite.call_id,
        "VoiceConnectorId": connector_id,
        "FromNumber": CALLER,
        "StatusMessage": message,
        "Disposition": disposition,
        "Status": status,
        "BillableDuration": 6,
        "StartTime": start,
        "EndTime": start + round(lasted_s * 1e3),
    }
    return StoredObject(f"{connector_id}/{lasted_s}_{identity}", json.dumps(members).encode())


def judge(entry: Entry, *objects: StoredObject) -> Verdict:
    """Judge one call whose rows are of no interest."""
    return judged([entry], objects, (), View(EPOCH))


def complaint(entry: Entry, *objects: StoredObject) -> str:
    """Return the one complaint there is about a call, behind what it says of the call."""
    (text,) = judge(entry, *objects).complaints
    return text.partition("): ")[2]


def test_a_call_with_its_record_is_right() -> None:
    entry = a_call()
    verdict = judge(entry, an_object(entry))
    assert (verdict.made, verdict.answered, verdict.objects) == (1, 1, 1)
    assert verdict.complaints == []


def test_an_answered_call_without_a_record_is_lost() -> None:
    assert complaint(a_call()) == "LOST, there is no record"


def test_a_call_that_its_caller_took_for_unanswered_needs_no_record() -> None:
    assert judge(a_call(caller_answered=False, killed_at=100.0, ended_at=None)).complaints == []


def test_two_records_are_doubled() -> None:
    entry = a_call()
    assert complaint(entry, an_object(entry), an_object(entry, identity="2")).startswith(
        "2 records"
    )


def test_two_objects_with_one_id_are_seen_whatever_they_say() -> None:
    entry = a_call()
    told = judge(entry, an_object(entry), an_object(entry, 10.1)).complaints
    assert "2 objects share the TransactionId 1" in told


def test_a_record_of_nobodys_call_is_made_up() -> None:
    entry = a_call()
    stranger = an_object(entry, identity="2", connector_id=OTHER_ID)
    (told,) = judge(entry, an_object(entry), stranger).complaints
    assert told.startswith("a record of no call")


@pytest.mark.parametrize(("lasted_s", "off"), [(8.0, "-2.000"), (13.0, "+3.000")])
def test_a_normal_end_has_the_duration_that_was_seen(lasted_s: float, off: str) -> None:
    entry = a_call()
    text = f"it lasted 10.000 s, its record is {off} s off"
    assert complaint(entry, an_object(entry, lasted_s)) == text


def test_a_call_that_the_edge_ended_says_why() -> None:
    entry = a_call(by_edge=True)
    assert judge(entry, an_object(entry, message=SHUTDOWN)).complaints == []
    assert complaint(entry, an_object(entry)) == f"the record says {NORMAL}"


def test_a_lost_edge_bills_no_more_than_it_lived() -> None:
    entry = a_call(killed_at=108.0)
    assert judge(entry, an_object(entry, 4.0, EDGE_LOST)).complaints == []
    assert complaint(entry, an_object(entry, 12.0, EDGE_LOST)).startswith("OVERBILLED: 12.000 s")


def test_a_lost_edge_bills_up_to_its_last_lease() -> None:
    entry = a_call(killed_at=108.0)
    entry.fate.renewed_at = datetime.fromtimestamp(EPOCH + ANSWERED_AT + 5.0, UTC)
    assert judge(entry, an_object(entry, 5.0, EDGE_LOST)).complaints == []
    assert complaint(entry, an_object(entry, 4.9, EDGE_LOST)).startswith("ends before the last")


def test_an_end_that_the_edge_has_seen_is_not_lost_with_it() -> None:
    entry = a_call(ended_at=105.0, killed_at=108.0)
    lost = an_object(entry, 3.0, EDGE_LOST)
    assert complaint(entry, lost) == "Edge lost, but it had ended 3.000 s before"
    troubled = a_call(ended_at=105.0, killed_at=108.0, troubles=((90.0, 105.5),))
    assert judge(troubled, lost).complaints == []
    just_before = a_call(ended_at=107.0, killed_at=108.0)
    assert judge(just_before, lost).complaints == []


def test_no_edge_is_lost_that_lives() -> None:
    entry = a_call()
    assert complaint(entry, an_object(entry, 3.0, EDGE_LOST)) == "Edge lost, but its edge lives"


def test_an_answered_call_is_no_rejected_one() -> None:
    entry = a_call()
    rejected = an_object(entry, status="Rejected", message="486 Busy Here")
    assert complaint(entry, rejected) == "answered, but the record says 486 Busy Here"


def test_a_call_between_connectors_has_two_records() -> None:
    entry = a_call(kind=Kind.ON_NET)
    theirs = an_object(entry, identity="2", connector_id=OTHER_ID, disposition="Origination")
    assert judge(entry, an_object(entry), theirs).complaints == []
    assert complaint(entry, an_object(entry)) == "LOST, there is no record"
