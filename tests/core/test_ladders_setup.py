"""The ladders of EDGE 1.12 up to the answer; A is the PBX, B the carrier, E the edge."""

from dataclasses import replace

import pytest

from edge.sip.message import parse_datagram
from model.cdr import CallStatus, Disposition
from tests.core.stand import (
    CALLER,
    CARRIER,
    DIALED,
    EDGE,
    HOST,
    INBOUND_URI,
    OUTBOUND_URI,
    OWNED,
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

SILENT = CalleePlan(steps=())
RINGS = CalleePlan(steps=(Step(0.0, 100), Step(0.1, 180)))


def test_an_outbound_call() -> None:  # EDGE 1.2
    with lossy_link(1) as link:
        stage = Stage(link)
        stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(bye_after_s=30.0), 0.0)
        link.run()
        assert ladder(link) == (
            "A>E INVITE  E>A 100  E>B INVITE  B>E 100  B>E 180  E>A 180  "
            "B>E 200  E>B ACK  E>A 200  A>E ACK  "
            "A>E BYE  E>A 200(BYE)  E>B BYE  B>E 200(BYE)"
        )
        stage.assert_quiet()
        record = stage.record
        assert (record.status, record.status_message) == (
            CallStatus.COMPLETED,
            "Normal Call Clearing",
        )
        assert record.disposition is Disposition.TERMINATION
        assert (record.from_number, record.to_number) == (CALLER, DIALED)
        assert record.call_id == stage.pbx.placed[0].invite.call_id
        assert (record.ended_at - record.started_at).total_seconds() == pytest.approx(30.02)


def test_an_inbound_call_that_the_pbx_ends() -> None:  # EDGE 1.3, I1-I3, C2
    with lossy_link(1) as link:
        stage = Stage(link, pbx=CalleePlan(bye_after_s=5.0))
        stage.carrier.call(INBOUND_URI, EDGE, CallerPlan(), 0.0)
        link.run()
        assert ladder(link) == (
            "B>E INVITE  E>B 100  E>A INVITE  A>E 100  A>E 180  E>B 180  "
            "A>E 200  E>A ACK  E>B 200  B>E ACK  "
            "A>E BYE  E>A 200(BYE)  E>B BYE  B>E 200(BYE)"
        )
        stage.assert_quiet()
        invite = stage.pbx.taken[0].request
        assert invite.uri == f"sip:{OWNED}@{connector().connector_id}.{SETTINGS.domain}"
        assert invite.get("x-voiceconnector-id") == connector().connector_id
        assert stage.record.disposition is Disposition.ORIGINATION
        assert stage.record.call_id == invite.call_id


def test_cancel() -> None:  # EDGE E1
    with lossy_link(1) as link:
        stage = Stage(link, carrier=RINGS)
        stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(cancel_after_s=2.0), 0.0)
        link.run()
        assert ladder(link) == (
            "A>E INVITE  E>A 100  E>B INVITE  B>E 100  B>E 180  E>A 180  "
            "A>E CANCEL  E>A 200(CANCEL)  E>A 487  E>B CANCEL  "
            "A>E ACK  B>E 200(CANCEL)  B>E 487  E>B ACK"
        )
        stage.assert_quiet()
        assert stage.record.status is CallStatus.REJECTED
        assert stage.record.status_message == "487 Request Terminated"
        assert stage.record.body().count(b'"BillableDuration":0') == 1


def test_the_cancel_is_alike_its_invite() -> None:  # EDGE E4
    with lossy_link(1) as link:
        stage = Stage(link, carrier=RINGS)
        stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(cancel_after_s=2.0), 0.0)
        link.run()
        (invite,), (cancel,) = link.sent("E", "B", "INVITE"), link.sent("E", "B", "CANCEL")
        sent, cancelled = parse_datagram(invite.data), parse_datagram(cancel.data)
        for name in ("via", "from", "to", "call-id"):
            assert cancelled.headers[name] == sent.headers[name]
        assert cancelled.cseq == (sent.cseq.number, "CANCEL")
        assert invite.data.split(b" ")[1] == cancel.data.split(b" ")[1]
        assert cancel.remote == invite.remote


def test_cancel_early_waits_for_the_callees_first_word() -> None:  # EDGE E1
    with lossy_link(1) as link:
        stage = Stage(link, carrier=CalleePlan(steps=(Step(3.0, 100),)))
        stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(cancel_after_s=0.2), 0.0)
        link.run()
        assert ladder(link) == (
            "A>E INVITE  E>A 100  E>B INVITE  A>E CANCEL  E>A 200(CANCEL)  E>A 487  A>E ACK  "
            "E>B INVITE  E>B INVITE  B>E 100  E>B CANCEL  B>E 200(CANCEL)  B>E 487  E>B ACK"
        )
        stage.assert_quiet()


def test_cancel_early_and_a_silent_callee_is_forgotten_after_timer_b() -> None:  # EDGE E1, F7
    with lossy_link(1) as link:
        stage = Stage(link, carrier=SILENT)
        link.silent.add(CARRIER)
        stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(cancel_after_s=0.2), 0.0)
        link.run()
        assert link.sent("E", "B", "CANCEL") == []
        assert len(link.sent("E", "B", "INVITE")) == 7
        assert link.sent("E", "B2", "INVITE") == []
        stage.assert_quiet()
        assert stage.record.status_message == "487 Request Terminated"


def test_a_cancel_that_crosses_the_answer() -> None:  # EDGE E3: cancel/200
    with lossy_link(1) as link:
        answers = CalleePlan(steps=(Step(0.0, 100), Step(0.1, 180), Step(2.025, 200)))
        stage = Stage(link, carrier=answers._replace(heeds_cancel=False))
        stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(cancel_after_s=2.0), 0.0)
        link.run()
        assert ladder(link).endswith(
            "A>E CANCEL  E>A 200(CANCEL)  E>A 487  E>B CANCEL  A>E ACK  B>E 200(CANCEL)  "
            "B>E 200  E>B ACK  E>B BYE  B>E 200(BYE)"
        )
        stage.assert_quiet()
        assert stage.record.status_message == "487 Request Terminated"


def test_an_answer_that_crosses_the_cancel() -> None:  # EDGE E2, E3: 200/CANCEL
    with lossy_link(1) as link:
        stage = Stage(link)
        # The PBX has not seen the 200 yet, which is on its way since 2.03 s.
        plan = CallerPlan(cancel_after_s=2.035, bye_after_s=10.0)
        stage.pbx.call(OUTBOUND_URI, EDGE, plan, 0.0)
        link.run()
        assert ladder(link).endswith(
            "B>E 200  E>B ACK  E>A 200  A>E CANCEL  A>E ACK  E>A 200(CANCEL)  "
            "A>E BYE  E>A 200(BYE)  E>B BYE  B>E 200(BYE)"
        )
        stage.assert_quiet()
        assert stage.record.status is CallStatus.COMPLETED


@pytest.mark.parametrize("status", [403, 404, 480, 484, 486, 488, 600, 603, 606])
def test_busy_and_its_like_reach_the_caller_unchanged(status: int) -> None:  # EDGE E5
    with lossy_link(1) as link:
        stage = Stage(link, carrier=CalleePlan(steps=(Step(0.0, status),)))
        stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(), 0.0)
        link.run()
        assert ladder(link) == (
            f"A>E INVITE  E>A 100  E>B INVITE  B>E {status}  E>B ACK  E>A {status}  A>E ACK"
        )
        stage.assert_quiet()
        warned = status in (488, 606)
        detail = "Refused by the called side" if warned else f"Status {status}"
        assert stage.record.status_message == f"{status} {detail}"
        warning = f'399 {HOST} "{detail}"' if warned else None
        assert responses(link, str(status))[0].get("warning") == warning
        assert stage.record.status is CallStatus.REJECTED


@pytest.mark.parametrize("status", [300, 302, 380])
def test_a_redirection_is_not_followed(status: int) -> None:  # EDGE E5, S12
    with lossy_link(1) as link:
        stage = Stage(link, carrier=CalleePlan(steps=(Step(0.0, status),)))
        stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(), 0.0)
        link.run()
        assert ladder(link) == (
            f"A>E INVITE  E>A 100  E>B INVITE  B>E {status}  E>B ACK  E>A 480  A>E ACK"
        )


def test_no_answer() -> None:  # EDGE E6
    with lossy_link(1) as link:
        stage = Stage(link, carrier=RINGS)
        stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(), 0.0)
        link.run()
        assert ladder(link) == (
            "A>E INVITE  E>A 100  E>B INVITE  B>E 100  B>E 180  "
            "E>A 180  E>A 180  E>A 180  "
            "E>B CANCEL  E>A 480  A>E ACK  B>E 200(CANCEL)  B>E 487  E>B ACK"
        )
        assert moments(link, "E", "A", "480") == [180.13]
        assert responses(link, "480")[0].get("reason") == "SIP;cause=408"
        assert stage.record.status_message == "480 No answer"
        stage.assert_quiet()


def test_long_ringing_is_repeated_every_minute() -> None:  # EDGE E7
    with lossy_link(1) as link:
        stage = Stage(link, carrier=RINGS)
        stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(), 0.0)
        link.run()
        assert moments(link, "E", "A", "180") == [0.13, 60.13, 120.13]


def test_timer_c() -> None:  # EDGE E6
    with lossy_link(1) as link:
        settings = replace(SETTINGS, call=replace(SETTINGS.call, no_answer_s=10_000.0))
        stage = Stage(
            link,
            node=Node(settings=settings),
            carrier=CalleePlan(steps=(Step(0.0, 100), Step(0.1, 183))),
        )
        stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(), 0.0)
        link.run()
        assert moments(link, "E", "B", "CANCEL") == [185.13]
        assert moments(link, "E", "A", "480") == [185.13]
        stage.assert_quiet()
