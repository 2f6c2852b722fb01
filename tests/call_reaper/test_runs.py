"""Whole runs over real tables and buckets: who dies, what becomes of calls, what stops a run."""

import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from threading import Barrier, Lock
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from lambdas.call_reaper.composition import ROWS_TOGETHER, SEARCHED_EVERY, WORKS_FOR_S, RowsLeft
from lambdas.call_reaper.judgement import TaskState
from lambdas.management.errors import ServiceUnavailable
from model.call_items import ended_members, live_members, seen
from model.codec import encode_item, moment_text
from model.quality import optional_quality
from model.tables import CALLS, NODE, NODES, OBSERVATION
from tests.call_reaper.stand import BEGAN, BUCKET, MINUTE, ReaperStand, a_call, a_record
from tests.runtime.records import a_quality


def test_a_lost_call_has_its_record_after_two_runs(stand: ReaperStand) -> None:  # EDGE C9
    stand.node(renewed_at=BEGAN)
    call = stand.live(answered_at=BEGAN - timedelta(seconds=29.473))
    assert stand.run() == {"nodes": 1, "dead": 0, "closed": 0, "left": 0}
    assert stand.objects() == {}
    stand.now += MINUTE
    assert stand.run() == {"nodes": 1, "dead": 1, "closed": 1, "left": 0}
    record = a_record(call, BEGAN, "Edge lost")
    assert stand.objects() == {record.key(): record.body()}
    row = stand.row(call.transaction_id)
    assert row is not None
    assert (row["status"], row["status_message"]) == ("Completed", "Edge lost")
    assert (row["ended_at"], row["billable_duration"]) == (moment_text(BEGAN), 30)
    assert row["object_key"] == record.key()
    assert not {"live_node", "bucket"} & row.keys()
    assert stand.counted == {"CallsEdgeLost": 1, "RecordsRecovered": 1}


def test_a_node_is_removed_once_nothing_of_it_is_left(stand: ReaperStand) -> None:  # EDGE C9
    stand.node()
    stand.live()
    stand.run_twice()
    # The index may lag behind: this run has seen a row.
    assert stand.nodes() == {"node1"}
    stand.now += MINUTE
    stand.run()
    assert stand.nodes() == set()
    stand.now += MINUTE
    assert stand.run() == {"nodes": 0, "dead": 0, "closed": 0, "left": 0}


def test_every_call_has_exactly_one_object_however_often_runs_come(stand: ReaperStand) -> None:
    # EDGE C9
    stand.node()
    calls = [stand.live() for _ in range(3)]
    records = [stand.due() for _ in range(2)]
    stand.run_twice()
    for _ in range(3):
        stand.now += MINUTE
        stand.run()
    expected = [*records, *(a_record(it, BEGAN, "Edge lost") for it in calls)]
    assert stand.objects() == {it.key(): it.body() for it in expected}
    assert stand.counted == {"CallsEdgeLost": 3, "RecordsRecovered": 5}


def test_a_node_that_renews_its_lease_keeps_its_calls(stand: ReaperStand) -> None:  # EDGE C9
    call = stand.live()
    for minute in range(5):
        # Even when ECS says that its task is gone.
        stand.node(renewed_at=BEGAN + minute * MINUTE)
        stand.now = BEGAN + minute * MINUTE
        assert stand.run()["dead"] == 0
    row = stand.row(call.transaction_id)
    assert row is not None and "live_node" in row
    assert stand.objects() == {}


@pytest.mark.parametrize("state", [TaskState.RUNNING, TaskState.UNANSWERED])
def test_a_silent_node_whose_task_may_run_keeps_its_calls(
    stand: ReaperStand, state: TaskState
) -> None:  # EDGE C9
    stand.node(state=state)
    stand.live()
    for _ in range(100):
        assert stand.run()["dead"] == 0
        stand.now += MINUTE
    assert stand.objects() == {}


def test_only_silent_nodes_are_asked_for(stand: ReaperStand) -> None:
    stand.node("node1")
    stand.node("node2")
    stand.run()
    stand.now += MINUTE
    stand.node("node2", renewed_at=stand.now)
    stand.run()
    assert stand.asked == [set(), {"process:host:5:1"}]


def away(*operations: str) -> Callable[[str, Mapping[str, Any]], None]:
    """Return a hook that lets operations fail as a database does that nobody reaches."""

    def refuse(name: str, arguments: Mapping[str, Any]) -> None:
        if name in operations:
            raise EndpointConnectionError(endpoint_url="https://aws.example.com")

    return refuse


@pytest.mark.parametrize("operation", ["GetItem", "Query", "PutItem"])
def test_an_outage_of_the_database_of_two_minutes_closes_nobody(
    stand: ReaperStand, operation: str
) -> None:
    # EDGE C9: the node cannot renew, and its task is said to be gone, wrongly.
    stand.node(renewed_at=BEGAN)
    stand.live()
    stand.run()
    stand.before_call = away(operation)
    for _ in range(12):
        stand.now += timedelta(seconds=10)
        with pytest.raises(ServiceUnavailable):
            stand.run()
    stand.before_call = lambda name, arguments: None
    # It has renewed as soon as it could.
    stand.node(renewed_at=stand.now)
    stand.now += timedelta(seconds=5)
    assert stand.run()["dead"] == 0
    assert stand.objects() == {}
    assert stand.counted == {}


def test_after_a_longer_outage_the_silence_begins_anew(stand: ReaperStand) -> None:  # EDGE C9
    stand.node()
    stand.live()
    stand.run()
    stand.now += timedelta(minutes=10)
    assert stand.run()["dead"] == 0
    stand.now += MINUTE
    assert stand.run()["dead"] == 1


def test_a_stepped_clock_of_the_reaper_closes_nobody_too_early(stand: ReaperStand) -> None:
    # EDGE C9
    stand.node()
    stand.live()
    for step in (timedelta(days=1), -timedelta(days=2), timedelta(minutes=4)):
        assert stand.run()["dead"] == 0
        stand.now += step
    assert stand.run_twice()["dead"] == 1


def test_the_end_in_the_row_is_used_when_a_node_dies_an_hour_after_s3_went_away(
    stand: ReaperStand,
) -> None:
    # EDGE C9, C10: nobody is billed for the hour.
    record = stand.due()
    stand.node(renewed_at=BEGAN + timedelta(hours=1))
    stand.now = BEGAN + timedelta(hours=1)
    stand.run_twice()
    assert stand.objects() == {record.key(): record.body()}
    row = stand.row(record.transaction_id)
    assert row is not None
    assert row["ended_at"] == moment_text(record.ended_at)
    assert (row["status_message"], row["billable_duration"]) == ("Normal Call Clearing", 30)


def test_a_heartbeat_of_the_local_journal_behind_the_lease_counts(stand: ReaperStand) -> None:
    # EDGE C9
    stand.node(renewed_at=BEGAN)
    call = a_call(BEGAN - MINUTE)
    heard_at = BEGAN + timedelta(seconds=20)
    stand.put_item(CALLS, seen(encode_item(live_members(call, "node1")), heard_at))
    stand.run_twice()
    record = a_record(call, heard_at, "Edge lost")
    assert stand.objects() == {record.key(): record.body()}


def test_the_quality_so_far_stays_in_the_row(stand: ReaperStand) -> None:  # EDGE X5, X10
    stand.node()
    call = a_call(BEGAN - MINUTE)
    stand.put(CALLS, live_members(call, "node1", a_quality()))
    stand.run_twice()
    found = stand.dynamodb.get_item(
        TableName="ovc-calls", Key={"transaction_id": {"S": call.transaction_id}}
    )
    assert optional_quality(found["Item"]) == a_quality()
    assert list(stand.objects()) == [a_record(call, BEGAN).key()]


def test_no_bucket_leaves_nothing(stand: ReaperStand) -> None:  # EDGE C11
    stand.use_bucket(None)
    stand.node()
    call = stand.live()
    due = stand.due()
    stand.run_twice()
    assert stand.row(call.transaction_id) is None
    # It had ended while there was a bucket.
    assert list(stand.objects()) == [due.key()]


@pytest.mark.parametrize("message", ["Normal Call Clearing", "Edge lost"])
def test_an_object_that_is_there_rules_over_the_row(stand: ReaperStand, message: str) -> None:
    # EDGE C9: the node had stored it, or another run; what is there has been billed.
    stand.node()
    call = stand.live()
    there = a_record(call, BEGAN + timedelta(seconds=7.5), message)
    stand.s3.put_object(Bucket=BUCKET, Key=there.key(), Body=there.body())
    stand.run_twice()
    assert stand.objects() == {there.key(): there.body()}
    row = stand.row(call.transaction_id)
    assert row is not None and "live_node" not in row
    assert (row["status_message"], row["ended_at"]) == (message, moment_text(there.ended_at))
    assert (row["billable_duration"], row["object_key"]) == (72, there.key())


def test_an_object_that_may_not_be_read_leaves_the_row_as_we_know_it(stand: ReaperStand) -> None:
    stand.node()
    call = stand.live()
    there = a_record(call, BEGAN + timedelta(seconds=7.5))
    stand.s3.put_object(Bucket=BUCKET, Key=there.key(), Body=there.body())

    def refuse(name: str, arguments: Mapping[str, Any]) -> None:
        if name == "GetObject":
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": ""}}, name)

    stand.before_call = refuse
    stand.run_twice()
    row = stand.row(call.transaction_id)
    assert row is not None and "live_node" not in row
    assert (row["status_message"], row["ended_at"]) == ("Edge lost", moment_text(BEGAN))


def test_a_node_that_writes_its_row_at_the_same_moment_is_not_overruled(
    stand: ReaperStand,
) -> None:
    # EDGE C9
    stand.node()
    call = stand.live()
    stand.run()
    stand.now += MINUTE
    own = a_record(call, BEGAN + timedelta(seconds=3))

    def interfere(name: str, arguments: Mapping[str, Any]) -> None:
        if name == "UpdateItem":
            stand.before_call = lambda name, arguments: None
            stand.put(CALLS, ended_members(own, "node1", own.key()))

    stand.before_call = interfere
    assert stand.run() == {"nodes": 1, "dead": 1, "closed": 0, "left": 0}
    row = stand.row(call.transaction_id)
    assert row is not None and row["ended_at"] == moment_text(own.ended_at)
    assert stand.objects() == {}


def test_a_node_that_comes_back_at_the_last_moment_keeps_its_row(stand: ReaperStand) -> None:
    # EDGE C9
    stand.node()
    stand.run()
    stand.now += MINUTE

    def renew(name: str, arguments: Mapping[str, Any]) -> None:
        if name == "DeleteItem":
            stand.before_call = lambda name, arguments: None
            stand.node(renewed_at=stand.now)

    stand.before_call = renew
    stand.run()
    assert stand.nodes() == {"node1"}


def test_one_damaged_row_is_told_and_stops_no_other(
    stand: ReaperStand, caplog: pytest.LogCaptureFixture
) -> None:
    stand.node()
    members = live_members(a_call(BEGAN - timedelta(seconds=90)), "node1")
    stand.put(CALLS, members | {"disposition": "Sideways"})
    good = [stand.live(answered_at=BEGAN - timedelta(seconds=it)) for it in (80, 100)]
    stand.run()
    stand.now += MINUTE
    with caplog.at_level(logging.INFO, "call_reaper"), pytest.raises(RowsLeft, match="1 rows"):
        stand.run()
    (failure,) = [it for it in caplog.records if it.levelno == logging.ERROR]
    assert failure.getMessage() == "a row cannot be closed"
    assert failure.__dict__["transaction_id"] == members["transaction_id"]
    assert len(stand.objects()) == len(good)
    assert stand.counted["CallRowsNotClosed"] == 1
    # As long as it is there, its node is.
    stand.now += MINUTE
    with pytest.raises(RowsLeft):
        stand.run()
    assert stand.nodes() == {"node1"}


def test_an_object_that_is_no_record_is_told_and_stops_no_other(
    stand: ReaperStand, caplog: pytest.LogCaptureFixture
) -> None:
    stand.node()
    call, other = stand.live(), stand.live()
    key = a_record(call, BEGAN).key()
    stand.s3.put_object(Bucket=BUCKET, Key=key, Body=b"holiday.jpg")
    stand.run()
    stand.now += MINUTE
    with pytest.raises(RowsLeft, match="1 rows"):
        stand.run()
    assert stand.objects()[key] == b"holiday.jpg"
    assert a_record(other, BEGAN).key() in stand.objects()
    row = stand.row(call.transaction_id)
    assert row is not None and row["live_node"] == "node1", "nobody has billed it yet"


def test_while_s3_is_away_rows_stay_and_hold_their_end(stand: ReaperStand) -> None:  # EDGE C10
    stand.node()
    calls = [stand.live() for _ in range(3)]
    stand.run()
    puts: list[str] = []

    def refuse(name: str, arguments: Mapping[str, Any]) -> None:
        if name == "PutObject":
            puts.append(name)
            raise EndpointConnectionError(endpoint_url="https://s3.example.com")

    stand.before_call = refuse
    for _ in range(3):
        stand.now += MINUTE
        with pytest.raises(RowsLeft, match="3 rows"):
            stand.run()
        rows = [stand.row(it.transaction_id) for it in calls]
        assert all(it is not None and it["live_node"] == "node1" for it in rows)
        assert all(it is not None and it["ended_at"] == moment_text(BEGAN) for it in rows)
    # One question in each run: the others would have the same answer, or none, slowly.
    assert len(puts) == 3
    assert stand.counted == {"CallsEdgeLost": 3, "CallRowsNotClosed": 9}
    stand.before_call = lambda name, arguments: None
    stand.now += MINUTE
    stand.run()
    records = [a_record(it, BEGAN, "Edge lost") for it in calls]
    assert stand.objects() == {it.key(): it.body() for it in records}


def test_a_bucket_that_is_not_open_to_us_holds_up_no_other(stand: ReaperStand) -> None:
    # EDGE C10: an alarm and a kept backlog, never a loss.
    stand.node()
    theirs = [stand.due(bucket="theirs") for _ in range(2)]
    ours = [stand.due() for _ in range(2)]
    stand.run()
    stand.now += MINUTE
    with pytest.raises(RowsLeft, match="2 rows"):
        stand.run()
    assert stand.objects().keys() == {it.key() for it in ours}
    stand.s3.create_bucket(Bucket="theirs")
    stand.now += MINUTE
    stand.run()
    assert stand.objects("theirs").keys() == {it.key() for it in theirs}


def test_a_run_that_is_cut_off_is_gone_on_with_and_comes_to_every_node(
    stand: ReaperStand,
) -> None:
    # Two nodes, the first with rows that never go away: they must not starve the second.
    stand.node("node1")
    stand.node("node2")
    for second in range(4):
        call = a_call(BEGAN - timedelta(seconds=second + 1))
        stand.put(CALLS, live_members(call, "node1") | {"disposition": "Sideways"})
    good = [stand.live("node2") for _ in range(2)]
    stand.run()

    def pass_time(name: str, arguments: Mapping[str, Any]) -> None:
        if name in ("UpdateItem", "PutObject"):
            stand.elapsed += WORKS_FOR_S / 3

    stand.before_call = pass_time
    for _ in range(6):
        stand.now += MINUTE
        with suppress(RowsLeft):
            stand.run()
    assert stand.objects().keys() == {a_record(it, BEGAN).key() for it in good}


def test_rows_are_closed_together_but_not_all_of_them(stand: ReaperStand) -> None:
    stand.node()
    calls = [stand.live() for _ in range(2 * ROWS_TOGETHER)]
    stand.run()
    # Opens when so many wait at it; fewer wait in vain, and none of them is stored.
    together = Barrier(ROWS_TOGETHER, timeout=10)
    stand.before_call = lambda name, arguments: wait_at(together, name)
    stand.now += MINUTE
    assert stand.run() == {"nodes": 1, "dead": 1, "closed": len(calls), "left": 0}
    assert not together.broken
    assert stand.objects().keys() == {a_record(it, BEGAN).key() for it in calls}
    assert stand.counted == {"CallsEdgeLost": len(calls), "RecordsRecovered": len(calls)}


def wait_at(barrier: Barrier, name: str) -> None:
    if name == "PutObject":
        barrier.wait()


def test_the_time_of_a_run_ends_between_rows(stand: ReaperStand) -> None:
    stand.node()
    calls = [stand.live(answered_at=BEGAN - timedelta(seconds=it)) for it in range(1, 21)]
    stand.run()
    one_after_the_other = Lock()

    def pass_time(name: str, arguments: Mapping[str, Any]) -> None:
        if name == "PutObject":
            with one_after_the_other:
                stand.elapsed += WORKS_FOR_S / ROWS_TOGETHER

    stand.before_call = pass_time
    done = []
    for _ in range(3):
        stand.now += MINUTE
        stand.run()
        done.append(len(stand.objects()))
    assert done == [8, 16, 20]
    records = [a_record(it, BEGAN, "Edge lost") for it in calls]
    assert stand.objects() == {it.key(): it.body() for it in records}


def test_rows_of_a_node_that_has_no_row_are_found_and_closed(stand: ReaperStand) -> None:
    # EDGE C9: somebody has removed it; nobody can be asked for its task, so it takes longer.
    call, due = stand.live("stray"), stand.due("stray")
    for minute in range(60):
        assert stand.run()["dead"] == 0, minute
        stand.now += MINUTE
    assert stand.run() == {"nodes": 1, "dead": 1, "closed": 1, "left": 0}
    record = a_record(call, call.answered_at, "Edge lost")
    assert stand.objects() == {it.key(): it.body() for it in (record, due)}
    stand.now += MINUTE
    assert stand.run()["nodes"] == 0


def test_the_search_for_strays_comes_once_an_hour(stand: ReaperStand) -> None:
    searched: list[float] = []

    def note(name: str, arguments: Mapping[str, Any]) -> None:
        if name == "Scan":
            searched.append((stand.now - BEGAN) / MINUTE)

    stand.before_call = note
    for _ in range(125):
        stand.run()
        stand.now += MINUTE
    assert SEARCHED_EVERY == 60 * MINUTE
    assert searched == [0, 60, 120]


def test_a_node_that_stopped_cleanly_is_out_of_sight_at_once(stand: ReaperStand) -> None:
    stand.node()
    stand.run()
    stand.dynamodb.delete_item(TableName="ovc-nodes", Key={"pk": {"S": NODE}, "sk": {"S": "node1"}})
    stand.now += MINUTE
    assert stand.run()["nodes"] == 0


def test_a_node_whose_row_is_damaged_is_still_a_node(stand: ReaperStand) -> None:
    stand.node(renewed_at=BEGAN)
    call = stand.live()
    stand.put(NODES, {"pk": NODE, "sk": "node1", "renewed_at": "soon"})
    for _ in range(61):
        stand.run()
        stand.now += MINUTE
    record = a_record(call, call.answered_at, "Edge lost")
    assert stand.objects() == {record.key(): record.body()}


def test_damaged_notes_of_the_last_run_begin_everything_anew(stand: ReaperStand) -> None:
    stand.node()
    stand.live()
    stand.run()
    stand.put(NODES, {"pk": OBSERVATION, "sk": "pass", "run_at": "soon"})
    stand.now += MINUTE
    assert stand.run()["dead"] == 0
    stand.now += MINUTE
    assert stand.run()["dead"] == 1


def test_runs_that_overlap_make_one_record(stand: ReaperStand) -> None:  # EDGE C9
    stand.node()
    call = stand.live()
    stand.run()
    stand.now += MINUTE

    def overlap(name: str, arguments: Mapping[str, Any]) -> None:
        if name == "PutObject":
            stand.before_call = lambda name, arguments: None
            stand.run()

    stand.before_call = overlap
    stand.run()
    record = a_record(call, BEGAN, "Edge lost")
    assert stand.objects() == {record.key(): record.body()}
    row = stand.row(call.transaction_id)
    assert row is not None and row["ended_at"] == moment_text(record.ended_at)


def test_a_node_of_an_earlier_version_names_no_task_and_takes_longer(stand: ReaperStand) -> None:
    stand.node(task=None)
    stand.live()
    assert stand.run_twice()["dead"] == 0
    for _ in range(60):
        stand.now += MINUTE
        stand.run()
    assert stand.counted["CallsEdgeLost"] == 1


def test_what_has_been_done_is_in_the_log(
    stand: ReaperStand, caplog: pytest.LogCaptureFixture
) -> None:
    stand.node()
    call = stand.live()
    stand.run()
    stand.now += MINUTE
    with caplog.at_level(logging.INFO, "call_reaper"):
        stand.run()
    told = {it.getMessage(): it.__dict__ for it in caplog.records}
    assert told.keys() == {"call closed", "record stored", "worked"}
    assert told["call closed"]["transaction_id"] == call.transaction_id
    assert told["call closed"]["ended_at"] == BEGAN.isoformat()
    assert (told["record stored"]["bucket"], told["record stored"]["new"]) == (BUCKET, True)
