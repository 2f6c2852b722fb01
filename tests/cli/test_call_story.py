"""`ovc explain`, out of the log lines of a whole node: every reason is told in plain words."""

import json
from collections.abc import Mapping
from datetime import timedelta

import pytest

from cli.call_story import (
    Story,
    events_of,
    last_call,
    lines_of,
    members_of,
    strangers_of,
    unknown,
)
from edge.policy.reasons import Reason
from tests.core.refusal_cases import CASES, STRANGER, Scene, asked, challenged
from tests.core.stand import CARRIER, EPOCH
from tests.policy.world import OFFER, datagram
from tests.runtime.records import a_quality

CALL_ID = "1234567890@192.0.2.7"


def log_of(scene: Scene) -> list[Mapping[str, object]]:
    """Return the node's lines as they lie in the file, a millisecond after each other."""
    return [
        {
            "at": (EPOCH + timedelta(milliseconds=number)).isoformat(timespec="milliseconds"),
            "event": line.event,
            **line.fields,
        }
        for number, line in enumerate(scene.node.logs)
    ]


TOLD = [reason for reason in Reason if reason.value.statuses]


@pytest.mark.parametrize("why", TOLD, ids=[it.code for it in TOLD])
def test_every_refusal_is_explained_with_reason_rule_and_remedy(why: Reason) -> None:
    play, text = CASES[why]
    log = log_of(play())
    (ending,) = [it for it in log if it.get("code") == why.code]
    for name in ("transaction_id", "call_id"):
        if ending.get(name) is None:
            continue
        story = Story(events_of(str(ending[name]), log), None)
        lines = lines_of(story)
        because = next(it for it in lines if it.startswith("Why:"))
        assert (why.text if text is None else text) in because
        assert f"({why.code}, EDGE {why.value.rules})" in because
        assert any(it.startswith("What to do:  ") and len(it) > 20 for it in lines)
        members = json.loads(json.dumps(members_of(story)))
        assert (members["Code"], members["Rules"]) == (why.code, why.value.rules)
        assert members["Reason"] and members["Remedy"]


def test_a_call_over_two_targets_is_one_story() -> None:  # EDGE F4, F7
    scene = asked(datagram())
    scene.callee(503, "Service Unavailable")
    scene.callee(200, "OK", OFFER)
    scene.say(datagram("BYE", to=scene.responses()[-1].require("to"), fields=("CSeq: 2 BYE",)))
    log = log_of(scene)
    lines = lines_of(Story(events_of(CALL_ID, log), None))
    assert f"attempt 1 at first ({CARRIER[0]}:5060): it answered with status 503" in "\n".join(
        lines
    )
    assert any("ended after 0.0 s at second: Normal Call Clearing" in it for it in lines)
    assert not any(it.startswith("Why:") for it in lines), "nothing went wrong"
    assert last_call(log) == scene.node.records[0].transaction_id


def test_an_inbound_call_is_found_by_both_call_ids() -> None:
    scene = CASES[Reason.ROUTES_FAILED][0]()
    log = log_of(scene)
    ids = {str(it["call_id"]) for it in log if it.get("call_id")}
    assert len(ids) == 3, "the carrier's, and one for each attempt (EDGE F7)"
    stories = [events_of(it, log) for it in ids]
    assert all(story == stories[0] for story in stories) and len(stories[0]) == 4


def test_a_challenge_belongs_to_the_story_of_its_call() -> None:  # EDGE G2
    log = log_of(CASES[Reason.NO_CREDENTIALS][0]())
    lines = lines_of(Story(events_of(CALL_ID, log), None))
    assert any("asked for credentials with 407: No credentials given" in it for it in lines)
    wrong = log_of(challenged(password="guess"))
    codes = [it.get("code") for it in wrong]
    assert codes == ["no-credentials", "wrong-password"]


def test_a_call_that_is_up_has_not_ended() -> None:
    log = log_of(asked(datagram()))
    lines = lines_of(Story(events_of(CALL_ID, log), None))
    assert "It has not ended, as far as is known here." in lines
    lines = lines_of(Story(events_of(CALL_ID, log), None, is_live=True))
    assert "The call is up." in lines


def test_a_call_whose_edge_died_ended_as_its_record_says() -> None:  # EDGE C9
    log = log_of(asked(datagram()))
    record = {"Status": "Completed", "StatusMessage": "Edge lost", "BillableDuration": 6}
    lines = lines_of(Story(events_of(CALL_ID, log), record))
    assert "Its node has not told of the end; the record says Edge lost." in lines
    assert not any("has not ended" in it for it in lines)


def test_the_record_and_where_it_lies_are_told() -> None:
    record = {
        "TransactionId": "t", "CallId": "c", "VoiceConnectorId": "v", "FromNumber": "+1",
        "ToNumber": "+2", "Status": "Completed", "StatusMessage": "Normal Call Clearing",
        "BillableDuration": 30, "Object": "s3://bucket/key",
    }  # fmt: skip
    lines = lines_of(Story((), record))
    assert "Record:      Completed, Normal Call Clearing, billed 30 s" in lines
    assert lines[-1].strip() == "s3://bucket/key"
    assert lines[0] == "Call t" and any("+1 -> +2" in it for it in lines)


def test_what_is_unknown_says_what_that_can_mean() -> None:  # EDGE R36
    scene = asked(datagram("OPTIONS", uri="sip:x.example"), STRANGER)
    log = log_of(scene)
    assert events_of("nothing", log) == () and last_call(log) is None
    lines = unknown("nothing\x1b[2J", strangers_of(log, 5), "the log")
    assert any(STRANGER[0] in it and "CidrAllowedList" in it for it in lines)
    assert all(it.isprintable() for it in lines), "what a stranger wrote steers no terminal"


def test_damaged_lines_are_no_reason_to_fail() -> None:
    log: list[Mapping[str, object]] = [
        {"event": "call-ended", "transaction_id": "t", "at": "yesterday"},
        {"event": "call-refused", "transaction_id": "t"},
        {"event": "call-attempt", "transaction_id": "t", "code": "unheard-of"},
    ]
    assert lines_of(Story(events_of("t", log), None))
    assert members_of(Story(events_of("t", log), None))["Rules"] is None


def test_the_media_of_a_call_is_told_direction_by_direction() -> None:  # EDGE X5, X6
    story = Story((), None, is_live=True, quality=a_quality())
    text = "\n".join(lines_of(story))
    assert "customer: MOS 4.38 of 4.40, round trip 20.0 ms" in text
    assert "from customer    1,474 packets, 3 lost, jitter 0.2 ms" in text
    assert "other side: MOS 4.40 of 4.40, round trip unknown, no RTCP tells" in text
    assert "to other side    1,474 packets, ? lost, jitter ?" in text
    assert members_of(story)["Quality"] == a_quality().members()


def test_media_that_never_flowed_is_told_as_such() -> None:
    side = a_quality().remote._replace(mos=None)
    text = "\n".join(lines_of(Story((), None, quality=a_quality()._replace(customer=side))))
    assert "customer: no packet either way" in text
    assert "Media:" not in "\n".join(lines_of(Story((), None)))
