"""Rules of EDGE 1.6-1.8 that the ladders of 1.12 leave open."""

import pytest

from edge.media.sdp import read
from edge.sip.dialog import Dialog
from edge.sip.message import Request, Response, parse_datagram
from model.cdr import CallStatus
from tests.core.stand import (
    CARRIER,
    EDGE,
    HOST,
    OUTBOUND_URI,
    PBX,
    Stage,
    ladder,
    moments,
    responses,
)
from tests.core.test_in_dialog import Asker
from tests.support.agent import CalleePlan, CallerPlan, Step
from tests.support.link import Carried, lossy_link
from tests.support.sdp import audio

AT_ONCE = CalleePlan(steps=(Step(0.0, 200),))


def message(carried: Carried) -> Request | Response:
    return parse_datagram(carried.data)


@pytest.mark.parametrize("body", [b"", b"nonsense", audio(PBX[0], formats="8")])
def test_an_ack_that_does_not_answer_our_offer_ends_the_call(body: bytes) -> None:  # EDGE A1
    with lossy_link(1) as link:
        stage = Stage(link, carrier=AT_ONCE)
        stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(body=b"", ack_body=body), 0.0)
        link.run()
        assert ladder(link).startswith(
            "A>E INVITE  E>A 100  E>B INVITE  B>E 200  E>B ACK  E>A 200  A>E ACK  E>A BYE  E>B BYE"
        )
        for to in ("A", "B"):
            assert message(link.sent("E", to, "BYE")[0]).get("reason") == "SIP;cause=488"
        assert stage.record.status_message == "488 Not Acceptable Here"
        stage.assert_quiet()


def test_a_caller_that_holds_in_its_ack_is_held_on_both_sides() -> None:  # EDGE A1, D6
    with lossy_link(1) as link:
        stage = Stage(link, carrier=AT_ONCE)
        hold = audio(PBX[0], direction="sendonly")
        plan = CallerPlan(body=b"", ack_body=hold, bye_after_s=9.0)
        stage.pbx.call(OUTBOUND_URI, EDGE, plan, 0.0)
        link.run()
        offers = [read(message(it).body).direction.value for it in link.sent("E", "B", "INVITE")]
        assert offers == ["sendrecv", "sendonly"]
        stage.assert_quiet()


@pytest.mark.parametrize("body", [b"", audio(CARRIER[0], formats="8")])
def test_an_answer_that_cannot_be_used_is_hung_up(body: bytes) -> None:  # EDGE E5, SD3
    with lossy_link(1) as link:
        stage = Stage(link, carrier=CalleePlan(steps=(Step(0.0, 200, body=body),)))
        stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(), 0.0)
        link.run()
        assert ladder(link) == (
            "A>E INVITE  E>A 100  E>B INVITE  B>E 200  E>B ACK  E>B BYE  E>A 488  "
            "A>E ACK  B>E 200(BYE)"
        )
        assert message(link.sent("E", "B", "BYE")[0]).get("reason") == "SIP;cause=488"
        assert responses(link, "488")[0].require("warning").partition(" ")[2].startswith(HOST)
        assert stage.record.status is CallStatus.REJECTED
        stage.assert_quiet()


def test_an_answer_without_sdp_means_the_one_in_the_provisional() -> None:  # EDGE A2
    with lossy_link(1) as link:
        steps = (Step(0.0, 183, sdp=True, port=30_004), Step(1.0, 200, body=b""))
        stage = Stage(link, carrier=CalleePlan(steps=steps))
        stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(bye_after_s=5.0), 0.0)
        link.run()
        (early,), (answer,) = responses(link, "183"), responses(link, "200")
        assert early.body == answer.body != b""
        assert stage.record.status_message == "Normal Call Clearing"
        stage.assert_quiet()


def test_every_18x_starts_timer_c_anew() -> None:  # EDGE E6
    with lossy_link(1) as link:
        steps = (Step(0.0, 100), Step(0.1, 183), Step(100.0, 199), Step(120.0, 100))
        stage = Stage(link, carrier=CalleePlan(steps=steps))
        stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(), 0.0)
        link.run()
        assert moments(link, "E", "B", "CANCEL") == [180.13]


def test_a_new_18x_starts_the_minute_of_repetition_anew() -> None:  # EDGE E7
    with lossy_link(1) as link:
        steps = (Step(0.0, 180), Step(50.0, 183, sdp=True), Step(120.0, 200))
        stage = Stage(link, carrier=CalleePlan(steps=steps))
        stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(bye_after_s=1.0), 0.0)
        link.run()
        assert moments(link, "E", "A", "180") == [0.03]
        assert moments(link, "E", "A", "183") == [50.03, 110.03]
        first, again = responses(link, "183")
        assert first.body == again.body != b""
        stage.assert_quiet()


def test_a_caller_may_hang_up_an_early_dialog() -> None:  # EDGE E8
    with lossy_link(1) as link:
        stage = Stage(link, carrier=CalleePlan(steps=(Step(0.0, 100), Step(0.1, 180))))
        call = stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(), 0.0)
        link.run(2.0)
        call.dialog = Dialog.of_uac(call.invite, call.tag, call.provisionals[-1])
        Asker(stage.pbx).ask(call, "BYE", link.now)
        link.run()
        assert ladder(link).endswith(
            "A>E BYE  E>A 200(BYE)  E>A 487  E>B CANCEL  A>E ACK  B>E 200(CANCEL)  B>E 487  E>B ACK"
        )
        assert stage.record.status_message == "487 Request Terminated"
        stage.assert_quiet()


def test_a_bye_again_gets_its_200_and_later_a_481() -> None:  # EDGE D1, R23
    with lossy_link(1) as link:
        stage = Stage(link, carrier=AT_ONCE)
        call = stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(bye_after_s=5.0), 0.0)
        link.run(5.1)
        bye = link.sent("A", "E", "BYE")[0].data
        for moment in (10.0, 36.0, 38.0):
            link.at(moment, lambda now: stage.pbx.endpoint.resend(bye, call.flow))
        link.run()
        assert moments(link, "E", "A", "200(BYE)") == [5.05, 10.01, 36.01]
        assert moments(link, "E", "A", "481(BYE)") == [38.01]
        assert len(link.sent("E", "B", "BYE")) == 1
        stage.assert_quiet()


@pytest.mark.parametrize("fate", ["481", "silence"])
def test_a_leg_ends_whatever_our_bye_meets(fate: str) -> None:  # EDGE D1
    with lossy_link(1) as link:
        stage = Stage(link, carrier=AT_ONCE)
        stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(bye_after_s=5.0), 0.0)
        link.run(4.0)
        if fate == "481":
            stage.carrier.taken.clear()
        else:
            link.silent.add(CARRIER)
        link.run()
        assert bool(link.sent("B", "E", "481(BYE)")) == (fate == "481")
        assert stage.record.status_message == "Normal Call Clearing"
        assert stage.node.is_empty(), stage.node.core.pending


def test_ack_and_bye_follow_the_route_set() -> None:  # EDGE D3, RFC 3261 §12.2.1.1
    with lossy_link(1) as link:
        route = f"<sip:{CARRIER[0]}:5090;lr>"
        steps = (Step(0.0, 200, fields=(("Record-Route", route),)),)
        stage = Stage(link, carrier=CalleePlan(steps=steps))
        link.join(stage.carrier, (CARRIER[0], 5090))
        stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(bye_after_s=5.0), 0.0)
        link.run()
        (invite,) = link.sent("E", "B", "INVITE")
        for what in ("ACK", "BYE"):
            (sent,) = link.sent("E", "B", what)
            assert sent.remote == (CARRIER[0], 5090)
            assert message(sent).get("route") == route
            assert message(sent).via.branch != message(invite).via.branch
        stage.assert_quiet()


@pytest.mark.parametrize(("given", "sent"), [("70", "69"), ("1", "0"), (None, "70")])
def test_the_other_leg_has_one_hop_less(given: str | None, sent: str) -> None:  # EDGE B4
    with lossy_link(1) as link:
        stage = Stage(link, carrier=AT_ONCE)
        call = stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(), 0.0)
        (first,) = [data for data, _ in stage.pbx.outgoing()]
        line = b"" if given is None else b"Max-Forwards: %s\r\n" % given.encode()
        stage.pbx.endpoint.resend(first.replace(b"Max-Forwards: 70\r\n", line), call.flow)
        link.run(0.015)
        assert message(link.sent("E", "B", "INVITE")[0]).get("max-forwards") == sent
