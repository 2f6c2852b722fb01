"""The ladders of EDGE 1.12 where targets fail or fork; A is the PBX, B and B2 are carriers."""

import pytest

from edge.media.session import Side
from edge.sip.message import parse_datagram
from model.cdr import CallStatus
from tests.core.stand import (
    CARRIER,
    EDGE,
    INBOUND_URI,
    OUTBOUND_URI,
    Stage,
    ladder,
    moments,
    responses,
)
from tests.support.agent import CalleePlan, CallerPlan, Step
from tests.support.link import lossy_link


def test_failover_on_silence() -> None:  # EDGE F4, F7
    with lossy_link(1) as link:
        stage = Stage(link)
        link.silent.add(CARRIER)
        stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(bye_after_s=5.0), 0.0)
        link.run()
        assert moments(link, "E", "B", "INVITE")[:4] == [0.01, 0.51, 1.51, 3.51]
        assert moments(link, "E", "B2", "INVITE") == [4.01]
        assert stage.record.status is CallStatus.COMPLETED
        stage.assert_quiet()


def test_the_next_attempt_has_its_own_branch_call_id_and_tag() -> None:  # EDGE F7
    with lossy_link(1) as link:
        stage = Stage(link)
        link.refusing.add(CARRIER)
        stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(bye_after_s=5.0), 0.0)
        link.run()
        first = parse_datagram(link.sent("E", "B", "INVITE")[0].data)
        second = parse_datagram(link.sent("E", "B2", "INVITE")[0].data)
        assert first.via.branch != second.via.branch
        assert first.call_id != second.call_id
        assert first.from_.tag != second.from_.tag
        assert moments(link, "E", "B2", "INVITE") == [0.02]  # ICMP: at once


@pytest.mark.parametrize("late", [180, 200])
def test_an_abandoned_target_that_speaks_late_is_sent_home(late: int) -> None:  # EDGE F7
    with lossy_link(1) as link:
        stage = Stage(link, carrier=CalleePlan(steps=(Step(6.0, late),)))
        stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(bye_after_s=20.0), 0.0)
        link.run()
        expected = ["CANCEL", "ACK"] if late == 180 else ["ACK", "BYE"]
        sent_late = [it for it in link.ladder() if it.startswith("E>B ") and "INVITE" not in it]
        assert sent_late == [f"E>B {what}" for what in expected]
        assert stage.pbx.placed[0].answered
        stage.assert_quiet()


def test_503_sends_the_call_on_and_the_target_rests() -> None:  # EDGE A4, F9, 1.12: 503
    with lossy_link(1) as link:
        refuses = Step(0.0, 503, fields=(("Retry-After", "60"),))
        stage = Stage(link, carrier=CalleePlan(steps=(refuses,)))
        stage.carrier.ping_answer = 503  # F10: it says so when it is asked, too
        for moment in (0.0, 59.0, 61.0):
            link.at(
                moment,
                lambda now: stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(bye_after_s=1.0), now),
            )
        link.run(30.0)
        assert ladder(link).startswith(
            "A>E INVITE  E>A 100  E>B INVITE  B>E 503  E>B ACK  E>B2 INVITE  B2>E 100  "
        )
        link.run()
        assert moments(link, "E", "B", "INVITE") == [0.01, 61.01]
        assert len(stage.node.records) == 3
        stage.assert_quiet()


def test_only_a_503_says_how_long_a_target_rests() -> None:  # EDGE F9
    with lossy_link(1) as link:
        refuses = Step(0.0, 500, fields=(("Retry-After", "300"),))
        stage = Stage(link, carrier=CalleePlan(steps=(refuses,)))
        for moment in (0.0, 29.0, 31.0):
            link.at(
                moment,
                lambda now: stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(bye_after_s=1.0), now),
            )
        link.run()
        assert moments(link, "E", "B", "INVITE") == [0.01, 31.01]
        stage.assert_quiet()


@pytest.mark.parametrize("status", [401, 407, 408, 500, 502, 503, 504])
def test_all_carriers_failing_is_503_to_the_pbx(status: int) -> None:  # EDGE R34, F4
    with lossy_link(1) as link:
        refuses = CalleePlan(steps=(Step(0.0, status),))
        stage = Stage(link, carrier=refuses, second_carrier=refuses)
        stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(), 0.0)
        link.run()
        assert link.ladder()[-2:] == ["E>A 503", "A>E ACK"]
        assert responses(link, "503")[0].get("retry-after") is None
        assert stage.record.status_message == "503 All carriers failed"
        stage.assert_quiet()


def test_all_routes_failing_is_480_to_the_carrier() -> None:  # EDGE R35
    with lossy_link(1) as link:
        refuses = CalleePlan(steps=(Step(0.0, 503),))
        stage = Stage(link, pbx=refuses, second_pbx=refuses)
        call = stage.carrier.call(INBOUND_URI, EDGE, CallerPlan(), 0.0)
        link.run()
        assert call.final is not None and call.final.status == 480
        assert call.final.get("reason") == "SIP;cause=503"
        stage.assert_quiet()


def test_100_and_then_silence_goes_to_the_next_target_after_eight_seconds() -> None:  # EDGE F5
    with lossy_link(1) as link:
        stage = Stage(link, carrier=CalleePlan(steps=(Step(0.0, 100),)))
        stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(bye_after_s=1.0), 0.0)
        link.run()
        assert moments(link, "E", "B2", "INVITE") == [8.03]
        assert moments(link, "E", "B", "CANCEL") == [8.03]
        stage.assert_quiet()


def test_after_ringing_nothing_fails_over() -> None:  # EDGE F5
    with lossy_link(1) as link:
        stage = Stage(link, carrier=CalleePlan(steps=(Step(0.0, 180), Step(1.0, 503))))
        stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(), 0.0)
        link.run()
        assert link.sent("E", "B2", "INVITE") == []
        assert link.ladder()[-2:] == ["E>A 480", "A>E ACK"]


def test_forked_answers() -> None:  # EDGE A3: fork
    with lossy_link(1) as link:
        stage = Stage(
            link,
            carrier=CalleePlan(
                steps=(
                    Step(0.0, 183, sdp=True, tag="x"),
                    Step(0.5, 180, tag="y"),
                    Step(1.0, 200, tag="y"),
                    Step(1.1, 200, tag="x"),
                )
            ),
        )
        stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(bye_after_s=5.0), 0.0)
        link.run()
        tags = {it.to.tag for what in ("180", "183", "200") for it in responses(link, what)}
        assert len(tags) == 1
        byes = [parse_datagram(it.data) for it in link.sent("E", "B", "BYE")]
        assert [it.to.tag for it in byes] == ["x", "y"]
        acks = [parse_datagram(it.data).to.tag for it in link.sent("E", "B", "ACK")]
        assert acks[:2] == ["y", "x"]
        assert len(link.sent("E", "A", "200")) == 1


def test_early_media_comes_from_the_latest_fork() -> None:  # EDGE A2, A3
    with lossy_link(1) as link:
        forks = (
            Step(0.0, 183, sdp=True, tag="x", port=30_000),
            Step(1.0, 183, sdp=True, tag="y", port=30_002),
            Step(2.0, 180, tag="x"),
            Step(3.0, 200, tag="x", port=30_000),
        )
        stage = Stage(link, carrier=CalleePlan(steps=forks))
        stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(bye_after_s=5.0), 0.0)
        ports = []
        for moment in (0.5, 1.5, 2.5, 3.5):
            link.run(moment)
            (session,) = stage.node.worker.open
            remote = stage.node.worker.legs[session, Side.B].remote
            ports.append(None if remote is None else remote[1])
        assert ports == [30_000, 30_002, 30_002, 30_000]
        link.run()
        bodies = {it.body for what in ("183", "200") for it in responses(link, what)}
        assert len(bodies) == 1, "an answer that was given does not change"
        assert [it.body for it in responses(link, "180")] == [b""]
        stage.assert_quiet()
