"""Calls from a PBX through a connector to the public network, with SIPp as the PBX."""

import pytest

from tests.e2e.lab import CALLER, PSTN, TALK, Lab, Trunk
from tests.e2e.records import window

pytestmark = [pytest.mark.sockets, pytest.mark.sipp, pytest.mark.xdist_group("outbound")]


def test_a_call_is_answered_and_the_pbx_hangs_up(lab: Lab, trunk: Trunk) -> None:
    # EDGE O1, O2, C1-C7, D1
    with window() as during, trunk.call("uac_call", f"{PSTN}0100", options=TALK) as pbx:
        pbx.succeed()
        answer = pbx.received("SIP/2.0 200")
        assert answer.header("Contact") == f"<sip:127.0.0.1:{lab.edge[1]};transport=udp>"
        assert "m=audio " in answer.text and "RTP/AVP 0 101" in answer.text
    record = trunk.assert_recorded(pbx.call_id(), f"{PSTN}0100", during)
    assert record.members["BillableDuration"] == 6
    assert 250 <= int(record.members["EndTime"]) - int(record.members["StartTime"]) <= 5_000


def test_the_called_side_hangs_up(trunk: Trunk) -> None:
    # EDGE D1, C6: 0109 hangs up two seconds after its answer.
    with window() as during, trunk.call("uac_hung_up", f"{PSTN}0109") as pbx:
        pbx.succeed()
    record = trunk.assert_recorded(pbx.call_id(), f"{PSTN}0109", during)
    assert 1_900 <= int(record.members["EndTime"]) - int(record.members["StartTime"]) <= 6_000


def test_early_media_comes_before_the_answer(trunk: Trunk) -> None:
    # EDGE A2: 0107 sends 183 with SDP, then answers.
    with trunk.call("uac_call", f"{PSTN}0107", options=TALK) as pbx:
        pbx.succeed()
        early, answer = pbx.received("SIP/2.0 183"), pbx.received("SIP/2.0 200")
        assert early.text.partition("\n\n")[2].startswith("v=0")
        assert early.text.partition("\n\n")[2] == answer.text.partition("\n\n")[2]


def test_a_cancelled_call_gets_487(trunk: Trunk) -> None:
    # EDGE E1, C7: 0103 rings for ever.
    with window() as during, trunk.call("uac_cancel", f"{PSTN}0103") as pbx:
        pbx.succeed()
    trunk.assert_recorded(
        pbx.call_id(),
        f"{PSTN}0103",
        during,
        status="Rejected",
        status_message="487 Request Terminated",
    )


@pytest.mark.parametrize(
    ("digits", "line", "message"),
    [
        ("0102", "486 Busy Here", "486 Busy Here"),  # EDGE E5
        ("0104", "404 Not Found", "404 Not Found"),  # EDGE E5
        ("0105", "603 Decline", "603 Decline"),  # EDGE E5
        # EDGE R34: the second carrier is dead.
        ("0106", "503 Service Unavailable", "503 All carriers failed"),
    ],
)
def test_a_refusal_reaches_the_pbx_and_the_record(
    trunk: Trunk, digits: str, line: str, message: str
) -> None:
    number, words = f"{PSTN}{digits}", {"STATUS": int(line[:3])}
    with window() as during, trunk.call("uac_refused", number, words=words) as pbx:
        pbx.succeed()
        refusal = pbx.received(f"SIP/2.0 {line}")
        assert refusal.header("Retry-After") is None
    trunk.assert_recorded(pbx.call_id(), number, during, status="Rejected", status_message=message)


def test_when_the_first_carrier_fails_the_second_one_takes_the_call(lab: Lab, trunk: Trunk) -> None:
    # EDGE F4, F13: 0106 gets 503 from the simulated network, which an answered call has cleared.
    number = f"{PSTN}0106"
    with trunk.call("uac_call", f"{PSTN}0100", options=TALK) as pbx:
        pbx.succeed()
    with window() as during, lab.answer("uas_answer", lab.second_carrier) as carrier:
        with trunk.call("uac_call", number, options=TALK) as pbx:
            pbx.succeed()
            carrier.succeed()
        host, port = lab.second_carrier
        invite = carrier.received("INVITE")
    assert invite.start_line == f"INVITE sip:{number}@{host}:{port} SIP/2.0"
    assert invite.header("P-Asserted-Identity") == f"<sip:{CALLER}@127.0.0.1>"
    assert trunk.pbx not in invite.text, "EDGE B2: the PBX shows through"
    assert pbx.call_id() not in invite.text, "EDGE B1: one Call-ID on both legs"
    trunk.assert_recorded(pbx.call_id(), number, during)


@pytest.mark.parametrize(
    ("number", "caller", "line", "message"),
    [
        ("+12125550", CALLER, "403 Forbidden", "403 Dialed number not valid"),  # EDGE R3
        ("+442079460100", CALLER, "403 Forbidden", "403 Calling region not permitted"),  # EDGE R5
        (
            f"{PSTN}0100",
            "+442079460100",
            "403 Caller Id +442079460100 is not valid",
            "403 Caller Id +442079460100 is not valid",
        ),  # EDGE R4
    ],
)
def test_what_the_edge_refuses_itself_is_recorded_too(
    trunk: Trunk, number: str, caller: str, line: str, message: str
) -> None:
    words = {"STATUS": 403}
    with (
        window() as during,
        trunk.call("uac_refused", number, caller=caller, words=words) as pbx,
    ):
        pbx.succeed()
        pbx.received(f"SIP/2.0 {line}")
    trunk.assert_recorded(
        pbx.call_id(), number, during, caller=caller, status="Rejected", status_message=message
    )


def test_calls_beyond_the_limit_of_a_second_are_refused(lab: Lab) -> None:
    # EDGE R15: CpsLimit 1 means that the second call inside one second is refused.
    trunk = lab.new_trunk()
    trunk.permit(CpsLimit=1)
    trunk.await_effect()
    busy, at_once = f"{PSTN}0102", ("-r", "1000")
    with (
        window() as during,
        trunk.call("uac_busy_or_limited", busy, calls=3, options=at_once) as pbx,
    ):
        pbx.succeed()
        assert pbx.received("SIP/2.0 503").header("Retry-After") == "1"
    assert trunk.record_of(pbx.call_id(1)).members["StatusMessage"] == "486 Busy Here"
    for number in (2, 3):
        trunk.assert_recorded(
            pbx.call_id(number),
            busy,
            during,
            status="Rate_Limited",
            status_message="Calls per second exceeded",
        )
