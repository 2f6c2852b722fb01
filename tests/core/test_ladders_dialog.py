"""The ladders of EDGE 1.12 from the answer on, and the limits of a call."""

from dataclasses import replace

import pytest

from edge.seam import HangUp
from edge.sip.message import parse_datagram
from model.cdr import CallStatus
from model.settings import DigestAlgorithms
from tests.core.stand import (
    CARRIER,
    EDGE,
    OUTBOUND_URI,
    PBX,
    SETTINGS,
    Node,
    Stage,
    connector,
    ladder,
    moments,
    responses,
)
from tests.support.agent import CalleePlan, CallerPlan, Step
from tests.support.link import lossy_link

RINGS = CalleePlan(steps=(Step(0.0, 100), Step(0.1, 180)))
ANSWERS_AT_ONCE = CalleePlan(steps=(Step(0.0, 200),))


def test_no_ack() -> None:  # EDGE D2
    with lossy_link(1) as link:
        stage = Stage(link, carrier=ANSWERS_AT_ONCE)
        stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(acknowledges=False), 0.0)
        link.run()
        first = 0.03
        repeated = [0.0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
        assert moments(link, "E", "A", "200") == [round(first + it, 3) for it in repeated]
        assert moments(link, "E", "A", "BYE") == [32.03]
        assert moments(link, "E", "B", "BYE") == [32.03]
        bye = parse_datagram(link.sent("E", "A", "BYE")[0].data)
        assert bye.get("reason") == 'SIP;cause=200;text="ACK timeout"'
        assert stage.record.status is CallStatus.COMPLETED
        assert stage.record.status_message == "ACK timeout"
        stage.assert_quiet()


def test_a_repeated_2xx_gets_the_same_ack_and_reaches_the_caller_once() -> None:  # EDGE D3, B9
    with lossy_link(1) as link:
        stage = Stage(link, carrier=ANSWERS_AT_ONCE)
        stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(bye_after_s=20.0), 0.0)
        link.run(0.025)
        (taken,) = stage.carrier.taken
        again = link.sent("B", "E", "200")[0].data
        for moment in (5.0, 6.0):
            link.at(
                moment, lambda now: stage.carrier.endpoint.resend(again, stage.carrier.flow(EDGE))
            )
        link.run()
        acks = link.sent("E", "B", "ACK")
        assert len(acks) == 3
        assert len({it.data for it in acks}) == 1
        assert len(link.sent("E", "A", "200")) == 1
        assert taken.hung_up
        stage.assert_quiet()


def test_crossing_byes_are_both_answered() -> None:  # EDGE D1: bye cross
    with lossy_link(1) as link:
        stage = Stage(link, carrier=ANSWERS_AT_ONCE._replace(bye_after_s=5.0))
        stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(bye_after_s=4.995), 0.0)
        link.run()
        assert link.sent("E", "A", "200(BYE)") and link.sent("E", "B", "200(BYE)")
        assert len(stage.node.records) == 1
        stage.assert_quiet()


def test_a_callee_that_hangs_up_before_the_callers_ack() -> None:  # EDGE E8
    with lossy_link(1) as link:
        stage = Stage(link, carrier=ANSWERS_AT_ONCE._replace(bye_after_s=0.0))
        stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(), 0.0)
        link.run(0.035)
        link.silent.add(EDGE)  # the PBX's ACK gets lost, but the carrier's BYE has arrived
        link.run(0.045)
        link.silent.clear()
        link.run()
        assert link.sent("B", "E", "BYE")[0].at < link.sent("E", "A", "BYE")[0].at
        assert moments(link, "E", "A", "BYE")[0] >= moments(link, "A", "E", "ACK")[-1]
        stage.assert_quiet()


def test_early_media_stays_the_same_description() -> None:  # EDGE A2
    with lossy_link(1) as link:
        early = (Step(0.0, 183, sdp=True), Step(0.5, 180, sdp=True), Step(1.0, 200))
        stage = Stage(link, carrier=CalleePlan(steps=early))
        stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(bye_after_s=5.0), 0.0)
        link.run()
        bodies = [it.body for what in ("183", "180", "200") for it in responses(link, what)]
        assert len(bodies) == 3 and len(set(bodies)) == 1 and bodies[0]
        assert f"c=IN IP4 {EDGE[0]}".encode() in bodies[0]


def test_late_offer() -> None:  # EDGE A1
    with lossy_link(1) as link:
        stage = Stage(link, carrier=ANSWERS_AT_ONCE)
        stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(body=b"", bye_after_s=5.0), 0.0)
        link.run()
        assert stage.carrier.taken[0].request.body
        assert responses(link, "200")[0].body.startswith(b"v=0")
        assert stage.record.status_message == "Normal Call Clearing"
        stage.assert_quiet()


def test_a_refresh_is_answered_by_the_edge_alone() -> None:  # EDGE D6: refresh
    with lossy_link(1) as link:
        stage = Stage(link, carrier=ANSWERS_AT_ONCE)
        plan = CallerPlan(reinvite_after_s=5.0, bye_after_s=10.0)
        stage.pbx.call(OUTBOUND_URI, EDGE, plan, 0.0)
        link.run()
        assert "A>E INVITE  E>A 100  E>A 200  A>E ACK  A>E BYE" in ladder(link)
        assert len(link.sent("E", "B", "INVITE")) == 1
        first, second = (it.body for it in responses(link, "200"))
        assert first == second
        stage.assert_quiet()


@pytest.mark.parametrize("algorithms", DigestAlgorithms)
def test_digest_then_a_caller_id_that_is_refused(algorithms: DigestAlgorithms) -> None:
    # EDGE R4, G1: caller id
    with lossy_link(1) as link:
        admission = replace(SETTINGS.admission, digest_algorithms=algorithms)
        node = Node(
            connector(user=("pbx", "secret")), settings=replace(SETTINGS, admission=admission)
        )
        stage = Stage(link, node=node)
        plan = CallerPlan(credentials=("pbx", "secret"))
        stage.pbx.call(OUTBOUND_URI, EDGE, plan, 0.0, caller="+14435550")
        link.run()
        assert ladder(link) == ("A>E INVITE  E>A 407  A>E ACK  A>E INVITE  E>A 403  A>E ACK")
        assert responses(link, "403")[0].reason == "Caller Id +14435550 is not valid"
        assert stage.record.status is CallStatus.REJECTED
        assert stage.record.sip_auth_user == "pbx"
        stage.assert_quiet()


def test_calls_per_second() -> None:  # EDGE R15: CPS
    with lossy_link(1) as link:
        stage = Stage(link, node=Node(connector(cps_limit=1)))
        for moment in (0.0, 0.4):
            link.at(
                moment,
                lambda now: stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(bye_after_s=1.0), now),
            )
        link.run()
        assert responses(link, "503")[0].get("retry-after") == "1"
        statuses = sorted(it.status.value for it in stage.node.records)
        assert statuses == ["Completed", "Rate_Limited"]
        limited = next(it for it in stage.node.records if it.status is CallStatus.RATE_LIMITED)
        assert limited.status_message == "Calls per second exceeded"
        stage.assert_quiet()


def test_the_longest_call_is_ended_by_the_edge() -> None:  # EDGE V5
    with lossy_link(1) as link:
        stage = Stage(link, carrier=ANSWERS_AT_ONCE)
        stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(), 0.0)
        link.run()
        assert moments(link, "E", "A", "BYE") == moments(link, "E", "B", "BYE") == [14_400.03]
        assert stage.record.status_message == "Maximum duration"
        stage.assert_quiet()


def test_expires_of_the_invite_is_heeded() -> None:  # EDGE E6
    with lossy_link(1) as link:
        stage = Stage(link, carrier=RINGS)
        stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(fields=(("Expires", "10"),)), 0.0)
        link.run()
        assert moments(link, "E", "A", "487") == [10.01]
        stage.assert_quiet()


def test_a_shutdown_ends_calls_of_every_age() -> None:  # EDGE C9
    with lossy_link(1) as link:
        stage = Stage(link)
        for moment in (0.0, 9.0):
            link.at(moment, lambda now: stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(), now))
        link.run(9.5)
        stage.node.core.handle(HangUp("Service shutdown"), link.now)
        stage.node.tick(link.now)
        link.run()
        statuses = {it.status: it.status_message for it in stage.node.records}
        assert statuses[CallStatus.COMPLETED] == "Service shutdown"
        assert statuses[CallStatus.REJECTED] == "480 Service shutdown"
        stage.assert_quiet()


def test_a_bye_from_a_foreign_address_is_not_heeded() -> None:  # EDGE S16
    with lossy_link(1) as link:
        stage = Stage(link, carrier=ANSWERS_AT_ONCE)
        call = stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(bye_after_s=10.0), 0.0)
        link.run(5.0)
        assert call.dialog is not None
        bye = link.sent("A", "E", "ACK")[0].data.replace(b" ACK\r\n", b" BYE\r\n")
        bye = bye.replace(b"ACK sip:", b"BYE sip:").replace(b"CSeq: 1", b"CSeq: 7")
        stage.second_carrier.endpoint.resend(bye, stage.second_carrier.flow(EDGE))
        link.run()
        assert stage.record.status is CallStatus.COMPLETED
        assert moments(link, "E", "B", "BYE") == moments(link, "E", "A", "200(BYE)")
        assert moments(link, "E", "A", "200(BYE)")[0] > 10.0


def test_what_a_leg_shows_tells_nothing_of_the_other() -> None:  # EDGE B2
    with lossy_link(1) as link:
        stage = Stage(link)
        stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(bye_after_s=5.0), 0.0)
        link.run()
        for it in link.carried:
            if (it.source, it.destination) == ("E", "B"):
                assert PBX[0].encode() not in it.data
                assert stage.pbx.placed[0].invite.call_id.encode() not in it.data
            elif (it.source, it.destination) == ("E", "A"):
                assert CARRIER[0].encode() not in it.data
                assert stage.carrier.taken[0].request.call_id.encode() not in it.data


def test_loss_of_any_one_datagram_does_not_hurt_the_call() -> None:  # EDGE B8
    for lost in range(14):
        with lossy_link(lost) as link:
            stage = Stage(link)
            link.lose(lost)
            stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(bye_after_s=30.0), 0.0)
            link.run()
            assert stage.record.status_message == "Normal Call Clearing"
            stage.assert_quiet()
