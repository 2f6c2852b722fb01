"""/ext/calls/{TransactionId}/recording: orders, their ends and what becomes of them; no socket."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from model.recording_items import Change, outcome, recording_from, recording_key
from model.recordings import Recording, RecordingOrder, RecordingState
from model.tables import NODES
from tests.management.calls import NODE, Rows, live_call, node, record
from tests.management.local_api import LocalApi, local_api
from tests.management.stand import ROOMY

CALL = live_call(1)
TARGET = f"/ext/calls/{CALL.transaction_id}/recording"
ORDERED = "2026-01-02T03:04:05.000Z"


@pytest.fixture
def api() -> Iterator[LocalApi]:
    """Run an API with a bucket, a node that may record, and a call that is up."""
    with local_api(ROOMY) as made:
        rows = Rows(made)
        rows.nodes(node(NODE, made.now, longest_recording_s=600))
        rows.live(CALL)
        made.made("PUT", "/settings", {"VoiceConnector": {"CdrBucket": "records"}})
        yield made


def kept(api: LocalApi) -> Recording:
    """Return the recording as its node sees it."""
    table = NODES.physical_name(api.prefix)
    item: Any = api.dynamodb.get_item(
        TableName=table, Key=recording_key(NODE, CALL.transaction_id)
    )["Item"]
    return recording_from(item)


def tell(api: LocalApi, recording: Recording) -> None:
    """Write what has become of an order, as its node does."""
    change: Change = outcome(recording)
    api.dynamodb.update_item(
        TableName=NODES.physical_name(api.prefix),
        Key=recording_key(NODE, CALL.transaction_id),
        UpdateExpression=change.expression,
        ConditionExpression=change.condition,
        ExpressionAttributeNames=dict(change.names),
        ExpressionAttributeValues=dict(change.values),
    )


def refused(api: LocalApi, method: str, target: str = TARGET) -> tuple[int, str]:
    status, answer = api.call(method, target)
    assert status >= 400
    return status, answer["Message"]


def test_an_order_reaches_the_node_that_holds_the_call(api: LocalApi) -> None:
    # EXT9
    answer = api.made("POST", f"{TARGET}?seconds=30")
    assert answer == {
        "Recording": {
            "TransactionId": CALL.transaction_id,
            "NodeId": NODE,
            "State": "ORDERED",
            "Seconds": 30,
            "OrderedBy": "test",
            "OrderedTimestamp": ORDERED,
        }
    }
    assert kept(api) == Recording(
        order=RecordingOrder(
            transaction_id=CALL.transaction_id,
            node_id=NODE,
            seconds=30,
            ordered_by="test",
            ordered_at=api.now,
        )
    )
    assert api.made("GET", TARGET) == answer


def test_without_seconds_a_recording_is_as_long_as_the_operator_allows(api: LocalApi) -> None:
    # EXT9
    assert api.made("POST", TARGET)["Recording"]["Seconds"] == 600


@pytest.mark.parametrize(
    ("seconds", "message"),
    [
        ("0", "seconds is 0; a number from 1 to 600 is wanted"),
        ("601", "seconds is 601; a number from 1 to 600 is wanted"),
        ("-1", "seconds is '-1'; a whole number of seconds is wanted"),
        ("100000", "seconds is '100000'; a whole number of seconds is wanted"),
        ("1.5", "seconds is '1.5'; a whole number of seconds is wanted"),
    ],
)
def test_a_length_that_cannot_be_is_refused(api: LocalApi, seconds: str, message: str) -> None:
    # EXT2, EXT9
    assert refused(api, "POST", f"{TARGET}?seconds={seconds}") == (400, message)


def test_without_the_operators_setting_nothing_is_ordered(api: LocalApi) -> None:
    # EXT9
    Rows(api).nodes(node(NODE, api.now))
    status, message = refused(api, "POST")
    assert status == 403
    assert message == (
        "Recording is not allowed: the operator's settings have recording.allowed false"
    )
    assert refused(api, "GET") == (404, f"Call {CALL.transaction_id} is not recorded")


def test_without_a_bucket_nothing_is_ordered(api: LocalApi) -> None:
    # EXT9
    api.made("PUT", "/settings", {"VoiceConnector": {}})
    status, message = refused(api, "POST")
    assert (status, "UpdateGlobalSettings" in message) == (409, True)


def test_a_call_that_nobody_knows_is_a_404(api: LocalApi) -> None:
    # EXT9
    other = "/ext/calls/00000009-0000-4000-8000-000000000001/recording"
    for method in ("POST", "GET", "DELETE"):
        assert refused(api, method, other)[0] == 404


def test_a_call_that_is_over_is_a_409(api: LocalApi) -> None:
    # EXT9
    Rows(api).ended(replace(record(1), transaction_id=CALL.transaction_id))
    assert refused(api, "POST") == (409, "The call is not up any more")


def test_a_call_of_a_node_that_is_gone_is_a_409(api: LocalApi) -> None:
    # EXT9
    api.pass_time(timedelta(seconds=31))
    assert refused(api, "POST") == (409, "The call is not up any more")


def test_a_call_is_recorded_once_at_a_time_and_again_after_that(api: LocalApi) -> None:
    # EXT9
    api.made("POST", TARGET)
    again = f"Call {CALL.transaction_id} is being recorded already"
    assert refused(api, "POST") == (409, again)
    running = replace(kept(api), state=RecordingState.RUNNING)
    tell(api, running)
    assert refused(api, "POST") == (409, again)
    tell(api, replace(running, state=RecordingState.FAILED, reason="it broke"))
    api.pass_time(timedelta(seconds=5))
    answer = api.made("POST", TARGET)["Recording"]
    assert (answer["State"], "Reason" in answer) == ("ORDERED", False)


def test_an_order_that_no_node_takes_fails_and_is_in_nobodys_way(api: LocalApi) -> None:
    # EXT9, EXT10
    api.made("POST", TARGET)
    api.pass_time(timedelta(seconds=61))
    Rows(api).nodes(node(NODE, api.now, longest_recording_s=600))
    answer = api.made("GET", TARGET)["Recording"]
    assert (answer["State"], answer["Reason"]) == ("FAILED", "the node has not begun it")
    api.made("POST", TARGET)
    assert api.made("GET", TARGET)["Recording"]["State"] == "ORDERED"


def test_what_becomes_of_an_order_is_shown(api: LocalApi) -> None:
    # EXT10
    api.made("POST", TARGET)
    running = replace(
        kept(api), state=RecordingState.RUNNING, bucket="records", object_key="some/key.pcap"
    )
    tell(api, running)
    shown = api.made("GET", TARGET)["Recording"]
    assert (shown["State"], shown["ObjectKey"]) == ("RUNNING", "some/key.pcap")
    tell(api, replace(running, state=RecordingState.STORED, size=1_234, reason="as ordered"))
    shown = api.made("GET", TARGET)["Recording"]
    assert (shown["State"], shown["Bucket"], shown["ObjectKey"], shown["Bytes"]) == (
        *("STORED", "records", "some/key.pcap", 1_234),
    )
    assert shown["Reason"] == "as ordered"
    # It stays there when the call is over and the node gone.
    api.pass_time(timedelta(minutes=5))
    Rows(api).ended(replace(record(1), transaction_id=CALL.transaction_id))
    assert api.made("GET", TARGET)["Recording"] == shown


def test_a_recording_whose_node_is_gone_has_failed(api: LocalApi) -> None:
    # EXT10
    api.made("POST", TARGET)
    tell(api, replace(kept(api), state=RecordingState.RUNNING))
    api.pass_time(timedelta(seconds=31))
    shown = api.made("GET", TARGET)["Recording"]
    assert (shown["State"], shown["Reason"]) == ("FAILED", "the node is gone")


def test_an_end_is_wanted_as_often_as_one_likes(api: LocalApi) -> None:
    # EXT11
    api.made("POST", TARGET)
    for _ in range(2):
        assert api.made("DELETE", TARGET)["Recording"]["State"] == "ORDERED"
        assert kept(api).end_wanted
    tell(api, replace(kept(api), state=RecordingState.STORED))
    assert api.made("DELETE", TARGET)["Recording"]["State"] == "STORED"
    api.pass_time(timedelta(seconds=1))
    api.made("POST", TARGET)
    assert not kept(api).end_wanted, "an order begins anew"


def test_what_is_not_recorded_has_no_end(api: LocalApi) -> None:
    # EXT11
    assert refused(api, "DELETE") == (404, f"Call {CALL.transaction_id} is not recorded")


def test_what_a_node_says_of_an_older_order_changes_nothing(api: LocalApi) -> None:
    # EXT10
    api.made("POST", TARGET)
    older = kept(api)
    tell(api, replace(older, state=RecordingState.FAILED))
    api.pass_time(timedelta(seconds=1))
    api.made("POST", TARGET)
    with pytest.raises(api.dynamodb.exceptions.ConditionalCheckFailedException):
        tell(api, replace(older, state=RecordingState.STORED))
    assert kept(api).state is RecordingState.ORDERED


def test_the_log_tells_who_asked_for_what(api: LocalApi, caplog: pytest.LogCaptureFixture) -> None:
    # EXT1
    with caplog.at_level(logging.INFO, logger="management"):
        api.made("POST", TARGET)
        api.call("DELETE", TARGET.replace("00000001", "00000009"))
    answered, failed = caplog.records
    for line in caplog.records:
        assert line.__dict__["access_key_id"] == "test"
    assert answered.__dict__["operation"] == "ext POST /ext/calls/{TransactionId}/recording"
    assert answered.__dict__["path"] == TARGET
    assert failed.__dict__["error"] == "NotFoundException"


def test_orders_go_by_themselves_after_a_day(api: LocalApi) -> None:
    api.made("POST", TARGET)
    (item,) = api.items(NODES, "recording")
    assert item["expires_at"] == int((api.now + timedelta(days=1)).timestamp())
