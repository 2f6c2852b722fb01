"""Every refusal says why, in every place (EDGE 2.2, 6.3, 7; policy/reasons.py)."""

import pytest

from edge.policy.reasons import BY_CODE, Reason
from edge.refusals import SUMMARY_EVERY_S
from model.cdr import CallStatus
from tests.core.refusal_cases import CASES, STRANGER, asked, other
from tests.core.stand import DIALED, HOST, PBX
from tests.policy.world import datagram

ASKED_AGAIN = {
    Reason.NO_CREDENTIALS,
    Reason.OTHER_CREDENTIALS,
    Reason.FOREIGN_NONCE,
    Reason.WRONG_PASSWORD,
    Reason.OTHER_URI,
    Reason.STALE_NONCE,
}
"""Challenges: the wire does not tell what was wrong (EDGE S7), and no record is due (C7)."""

UNRECORDED = ASKED_AGAIN | {
    Reason.NOT_CONFIGURED,
    Reason.SOURCE_RATE,
    Reason.OVERLOAD,
    Reason.MALFORMED,
    Reason.VERSION,
    Reason.TOO_LARGE,
    Reason.METHOD,
    Reason.URI_TOO_LONG,
    Reason.SCHEME,
    Reason.SIPS_WITHOUT_TLS,
    Reason.NO_DIALOG,
    Reason.MERGED,
    Reason.LOOP,
    Reason.HOPS,
    Reason.UNKNOWN_HOST,
    Reason.TERMINATION_DISABLED,
    Reason.NOT_LISTED,
    Reason.NOT_ASSIGNED,
}
"""Refused before a connector, its source and the dialog were sure (EDGE C7)."""

REFUSED = [reason for reason in Reason if reason.value.statuses]
IGNORED = [reason for reason in Reason if not reason.value.statuses]


def test_every_reason_has_a_scene() -> None:
    assert set(CASES) == set(Reason)
    assert len(BY_CODE) == len(Reason)


@pytest.mark.parametrize("why", REFUSED, ids=[it.code for it in REFUSED])
def test_a_refusal_says_why_in_answer_record_and_log(why: Reason) -> None:
    play, text = CASES[why]
    text = why.text if text is None else text
    scene = play()
    final = scene.final
    assert final is not None and final.status in why.value.statuses
    if why in ASKED_AGAIN:
        assert final.get("warning") is None
    elif why.in_phrase:
        assert final.reason == text
    else:
        agent, _, rest = final.require("warning").partition(" ")[2].partition(" ")
        assert rest == f'"{text}"'
        assert agent.endswith(HOST.partition(".")[2]), "never an address (EDGE 2.2)"
    messages = [it.status_message for it in scene.node.records]
    if why in UNRECORDED:
        assert not any(text in it for it in messages)
    else:
        assert messages[-1] == (text if why.limited else f"{final.status} {text}")
        limited = scene.node.records[-1].status is CallStatus.RATE_LIMITED
        assert limited == why.limited
    (line,) = [it for it in scene.node.logs if it.fields.get("code") == why.code]
    assert line.fields["call_id"]
    if why is Reason.NOT_CONFIGURED:  # nobody is known then
        assert line.event == "source-refused" and line.fields["hint"]
    elif line.event == "call-ended":
        assert line.fields["status_message"] == f"{final.status} {text}"
    else:
        assert line.event == ("call-challenged" if why in ASKED_AGAIN else "call-refused")
        assert (line.fields["status"], line.fields["reason"]) == (final.status, text)
        assert line.fields["hint"]
    if scene.node.records and why not in UNRECORDED:
        assert line.fields["transaction_id"] == scene.node.records[-1].transaction_id
        assert line.fields["call_id"] == scene.node.records[-1].call_id


@pytest.mark.parametrize("why", IGNORED, ids=[it.code for it in IGNORED])
def test_what_gets_no_answer_is_counted_by_reason(why: Reason) -> None:  # EDGE S2, S5, R36
    scene = CASES[why][0]()
    assert scene.heard == []
    assert scene.node.records == []
    scene.wait(SUMMARY_EVERY_S)
    (line,) = [it for it in scene.node.logs if it.event == "unknown-sources"]
    assert line.fields[why.code]
    assert line.fields["last_source"] == STRANGER[0]
    scene.wait(100.0)
    assert scene.node.is_empty(), "one summary, then nothing waits"
    assert sum(it.event == "unknown-sources" for it in scene.node.logs) == 1


def test_a_stranger_is_not_told_why() -> None:  # EDGE R7: short, and no header more than needed
    scene = asked(datagram(), STRANGER)
    final = scene.final
    assert final is not None
    assert (final.status, final.reason, final.get("warning")) == (403, "Forbidden", None)
    (line,) = scene.node.logs
    assert (line.event, line.fields["code"]) == ("source-refused", "not-in-allow-list")


def test_a_scanner_is_labelled_and_no_more() -> None:  # EDGE S4
    scene = asked(datagram("OPTIONS", fields=("User-Agent: friendly-scanner",)), STRANGER)
    (line,) = scene.node.logs
    assert (line.event, line.fields["scanner"]) == ("source-refused", "friendly-scanner")
    listed = asked(datagram("OPTIONS", fields=("User-Agent: friendly-scanner",)), PBX)
    assert [it.status for it in listed.responses()] == [200]


def test_one_source_and_reason_is_one_line_in_ten_seconds() -> None:  # EDGE S5
    scene = asked(datagram(uri=f"sip:911@{HOST}"))
    for number in range(50):
        scene.say(datagram(uri=f"sip:911@{HOST}", fields=other(number)), now=0.1 * number)
    scene.say(datagram(uri=f"sip:+4930123456@{HOST}", fields=other(98)), now=6.0)
    codes = [it.fields["code"] for it in scene.node.logs]
    assert codes == ["dialed-number", "calling-region"]
    scene.say(datagram(uri=f"sip:911@{HOST}", fields=other(99)), now=10.5)
    assert scene.node.logs[-1].fields["call_id"] == "99@192.0.2.7"


def test_each_failed_attempt_is_a_line_and_the_end_names_the_last_target() -> None:
    scene = CASES[Reason.CARRIERS_FAILED][0]()
    lines = [it for it in scene.node.logs if it.event == "call-attempt"]
    told = [(it.fields["attempt"], it.fields["target"], it.fields["outcome"]) for it in lines]
    assert told == [(1, "first", "status 503"), (2, "second", "status 500")]
    (ended,) = [it for it in scene.node.logs if it.event == "call-ended"]
    assert (ended.fields["target"], ended.fields["attempts"]) == ("second", 2)
    started = scene.node.logs[0]
    names = {it.fields["transaction_id"] for it in (started, *lines, ended)}
    assert len(names) == 1 and None not in names


def test_a_listed_source_that_cannot_be_read_is_named() -> None:  # EDGE R18
    scene = asked(b"OPTIONS sip:x SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.7\r\n\r\n")
    scene.say(b"INVITE sip:x SIP/2.0\r\n\r\n", now=1.0)
    (line,) = scene.node.logs
    assert (line.event, line.fields["code"]) == ("source-refused", "unreadable")
    assert line.fields["source"] == f"{PBX[0]}:{PBX[1]}"
    scene.wait(20.0)
    assert len(scene.node.logs) == 1, "it is no unknown source"


def test_a_first_call_to_a_country_is_one_line() -> None:  # EDGE S6
    scene = asked(datagram())
    scene.callee(486, "Busy Here")
    scene.say(datagram(fields=other(2)), now=1.0)
    lines = [it.fields for it in scene.node.logs if it.event == "new-destination"]
    assert [(it["region"], it["to_number"]) for it in lines] == [("US", DIALED)]


def test_what_is_logged_has_no_control_characters() -> None:  # EDGE S14
    scene = asked(datagram(uri=f"sip:911@{HOST}", fields=("Call-ID: a\x07b\x9bc",)))
    assert all(str(it).isprintable() for line in scene.node.logs for it in line.fields.values())
