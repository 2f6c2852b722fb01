"""Session timers (RFC 4028; EDGE ST2, ST3, R22, R29, B6)."""

from dataclasses import replace

import pytest

from edge.media.sdp import read
from edge.sip.exchange import Fields
from edge.sip.message import Request, Response, parse_datagram
from model.settings import SettingsError
from tests.core.stand import (
    EDGE,
    INBOUND_URI,
    OUTBOUND_URI,
    PBX,
    SETTINGS,
    Node,
    Stage,
    ladder,
    moments,
    responses,
)
from tests.core.test_in_dialog import Asker
from tests.support.agent import SDP, CalleePlan, CallerPlan, PlacedCall, Step
from tests.support.link import Carried, LossyLink, lossy_link
from tests.support.reoffers import Offer, Reply
from tests.support.sdp import audio

TIMER = ("Supported", "timer")
LONG = 10_000.0


def asking(expires: str) -> Fields:
    return (TIMER, ("Session-Expires", expires))


def an_asking_call(
    link: LossyLink,
    expires: str,
    *offers: Offer,
    replies: tuple[Reply, ...] = (Reply(),),
    bye_after_s: float | None = None,
) -> tuple[Stage, PlacedCall]:
    """Let the PBX ask for a session interval."""
    stage = Stage(link, carrier=CalleePlan(steps=(Step(0.0, 200),)))
    plan = CallerPlan(
        fields=asking(expires), offers=offers, replies=replies, bye_after_s=bye_after_s
    )
    return stage, stage.pbx.call(OUTBOUND_URI, EDGE, plan, 0.0)


def a_granting_carrier(
    link: LossyLink,
    granted: str | None,
    *,
    replies: tuple[Reply, ...] = (Reply(),),
    node: Node | None = None,
    bye_after_s: float | None = None,
) -> Stage:
    """Let the carrier's 200 bring a session interval."""
    fields: Fields = () if granted is None else (("Session-Expires", granted),)
    callee = CalleePlan(steps=(Step(0.0, 200, fields=fields),), replies=replies)
    stage = Stage(link, node=node, carrier=callee)
    stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(bye_after_s=bye_after_s), 0.0)
    return stage


def message(carried: Carried) -> Request | Response:
    return parse_datagram(carried.data)


@pytest.mark.parametrize(
    ("expires", "answered", "require"),
    [
        ("1800", "1800;refresher=uac", "timer"),
        ("90", "90;refresher=uac", "timer"),
        ("1800;refresher=uac", "1800;refresher=uac", "timer"),
        ("1800 ; refresher=UAS", "1800;refresher=uas", None),
        ("99999999", "86400;refresher=uac", "timer"),
    ],
)
def test_an_interval_that_is_asked_for_is_taken(  # EDGE ST2, B6
    expires: str, answered: str, require: str | None
) -> None:
    with lossy_link(1) as link:
        an_asking_call(link, expires)
        link.run(1.0)
        (answer,) = responses(link, "200")
        assert answer.get("session-expires") == answered
        assert answer.get("require") == require
        assert answer.get("supported") == "timer"


@pytest.mark.parametrize(
    "fields",
    [
        (),
        (TIMER,),
        (("Session-Expires", "60"),),
        (TIMER, ("Session-Expires", "soon")),
        (TIMER, ("Session-Expires", '1800;refresher="')),
    ],
    ids=["nothing", "support", "no support", "unreadable", "bad parameter"],
)
def test_nobody_is_forced_to_have_a_session_timer(fields: Fields) -> None:  # EDGE ST2
    with lossy_link(1) as link:
        stage = Stage(link, carrier=CalleePlan(steps=(Step(0.0, 200),)))
        stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(fields=fields, bye_after_s=LONG), 0.0)
        link.run()
        (answer,) = responses(link, "200")
        assert answer.get("session-expires") is None and answer.get("require") is None
        assert moments(link, "A", "E", "BYE") == [pytest.approx(LONG, abs=0.1)]
        stage.assert_quiet()


def test_an_interval_that_is_too_short_is_refused() -> None:  # EDGE R29
    with lossy_link(1) as link:
        stage, _ = an_asking_call(link, "89")
        link.run()
        assert ladder(link) == "A>E INVITE  E>A 422  A>E ACK"
        (refusal,) = responses(link, "422")
        assert refusal.reason == "Session Interval Too Small"
        assert refusal.get("min-se") == "90"
        stage.assert_quiet()


def test_a_reinvite_with_too_short_an_interval_is_refused() -> None:  # EDGE R29, D7
    with lossy_link(1) as link:
        _, call = an_asking_call(link, "1800", Offer(5.0, fields=asking("60")))
        link.run(10.0)
        assert call.reoffers.statuses == [422]
        assert call.reoffers.heard[0].get("min-se") == "90"


def test_timer_may_be_required() -> None:  # EDGE R22
    with lossy_link(1) as link:
        stage = Stage(link, carrier=CalleePlan(steps=(Step(0.0, 200),)))
        fields = (("Require", "timer"), ("Session-Expires", "1800"))
        call = stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(fields=fields, bye_after_s=9.0), 0.0)
        link.run(5.0)
        assert responses(link, "200")[0].get("session-expires") == "1800;refresher=uac"
        asker = Asker(stage.pbx)
        asker.ask(call, "INVITE", 5.0, fields=(SDP, ("Require", "timer")), body=audio(PBX[0]))
        link.run(5.1)
        assert asker.statuses == [100, 200]


@pytest.mark.parametrize(("interval", "ends_at"), [("1800", 1768.0), ("90", 60.0)])
def test_a_session_that_nobody_refreshes_ends(interval: str, ends_at: float) -> None:  # EDGE ST3
    with lossy_link(1) as link:
        stage, _ = an_asking_call(link, interval)
        link.run()
        assert moments(link, "E", "A", "BYE") == [pytest.approx(ends_at, abs=0.1)]
        assert moments(link, "E", "B", "BYE") == [pytest.approx(ends_at, abs=0.1)]
        bye = message(link.sent("E", "A", "BYE")[0])
        assert bye.get("reason") == 'SIP;cause=408;text="Session timer expired"'
        assert stage.record.status_message == "Session timer expired"
        stage.assert_quiet()


def test_a_peers_refresh_starts_the_session_anew() -> None:  # EDGE ST3, D6
    with lossy_link(1) as link:
        refreshes = [Offer(at, fields=asking("100;refresher=uac")) for at in (50.0, 100.0)]
        stage, call = an_asking_call(link, "100", *refreshes)
        link.run()
        assert call.reoffers.statuses == [200, 200]
        assert len(link.sent("E", "B", "INVITE")) == 1
        assert moments(link, "E", "A", "BYE") == [pytest.approx(100.0 + 100.0 - 32.0, abs=0.1)]
        stage.assert_quiet()


def test_a_reinvite_that_says_nothing_of_it_ends_the_timer() -> None:  # RFC 4028 §9
    with lossy_link(1) as link:
        stage, _ = an_asking_call(link, "100", Offer(10.0), bye_after_s=LONG)
        link.run()
        assert responses(link, "200")[-1].get("session-expires") is None
        assert stage.record.status_message == "Normal Call Clearing"
        stage.assert_quiet()


def test_the_edge_refreshes_when_it_is_asked_to() -> None:  # EDGE ST3
    with lossy_link(1) as link:
        keeps = (Reply(fields=(("Session-Expires", "200;refresher=uac"),)),)
        stage, call = an_asking_call(link, "200;refresher=uas", replies=keeps, bye_after_s=450.0)
        link.run()
        at = moments(link, "E", "A", "INVITE")
        assert at == [pytest.approx(it, abs=0.3) for it in (100.0, 200.0, 300.0, 400.0)]
        for refresh in call.reoffers.taken:
            assert refresh.get("session-expires") == "200;refresher=uac"
            assert refresh.get("min-se") == "90"
            assert refresh.get("supported") == "timer" and refresh.get("require") is None
            assert refresh.body == responses(link, "200")[0].body
        assert len(link.sent("E", "B", "INVITE")) == 1
        assert stage.record.status_message == "Normal Call Clearing"
        stage.assert_quiet()


def test_an_answer_that_says_nothing_of_it_ends_the_timer() -> None:  # RFC 4028 §7.2
    with lossy_link(1) as link:
        stage, call = an_asking_call(link, "200;refresher=uas", bye_after_s=LONG)
        link.run()
        assert len(call.reoffers.taken) == 1
        assert stage.record.status_message == "Normal Call Clearing"
        stage.assert_quiet()


@pytest.mark.parametrize(
    ("granted", "refreshes", "ends_at"),
    [
        ("120;refresher=uac", [60.0], None),
        ("120", [60.0], None),
        ("120;refresher=uas", [], 88.0),
        ("30;refresher=uas", [], 60.0),
    ],
)
def test_a_callee_may_ask_in_its_2xx(  # EDGE ST2
    granted: str, refreshes: list[float], ends_at: float | None
) -> None:
    with lossy_link(1) as link:
        stage = a_granting_carrier(link, granted, bye_after_s=LONG)
        link.run()
        invites = moments(link, "E", "B", "INVITE")[1:]
        assert invites == [pytest.approx(it, abs=0.1) for it in refreshes]
        if ends_at is None:
            assert stage.record.status_message == "Normal Call Clearing"
        else:
            assert moments(link, "E", "B", "BYE") == [pytest.approx(ends_at, abs=0.1)]
            assert stage.record.status_message == "Session timer expired"
        stage.assert_quiet()


@pytest.mark.parametrize("status", [488, 500, 503])
def test_a_refresh_that_fails_is_tried_until_time_is_up(status: int) -> None:  # EDGE ST3, D7
    with lossy_link(1) as link:
        stage = a_granting_carrier(link, "120;refresher=uac", replies=(Reply(status),))
        link.run()
        tries = moments(link, "E", "B", "INVITE")[1:]
        assert tries == [pytest.approx(it, abs=0.1) for it in (60.0, 70.0, 80.0)]
        assert moments(link, "E", "B", "BYE") == [pytest.approx(88.0, abs=0.1)]
        assert stage.record.status_message == "Session timer expired"
        stage.assert_quiet()


@pytest.mark.parametrize("status", [481, 408])
def test_a_refresh_of_a_dialog_that_is_gone_ends_the_call(status: int) -> None:  # EDGE D7
    with lossy_link(1) as link:
        stage = a_granting_carrier(link, "120;refresher=uac", replies=(Reply(status),))
        link.run()
        assert moments(link, "E", "A", "BYE") == [pytest.approx(60.0, abs=0.1)]
        assert stage.record.status_message == "Peer lost"
        stage.assert_quiet()


def test_a_refresh_that_meets_a_491_waits_for_its_turn() -> None:  # EDGE D5
    with lossy_link(1) as link:
        stage = a_granting_carrier(
            link, "120;refresher=uac", replies=(Reply(491), Reply()), bye_after_s=200.0
        )
        link.run()
        first, again = moments(link, "E", "B", "INVITE")[1:]
        assert 2.1 <= again - first <= 4.03
        stage.assert_quiet()


def test_a_refresh_that_is_too_early_for_the_peer_is_tried_once_more() -> None:  # EDGE ST3
    with lossy_link(1) as link:
        longer = Reply(422, fields=(("Min-SE", "300"),))
        stage = a_granting_carrier(
            link, "120;refresher=uac", replies=(longer, Reply()), bye_after_s=200.0
        )
        link.run()
        _, first, again = (message(it) for it in link.sent("E", "B", "INVITE"))
        assert first.get("session-expires") == "120;refresher=uac"
        assert again.get("session-expires") == "300;refresher=uac"
        assert again.get("min-se") == "300"
        assert first.body == again.body
        stage.assert_quiet()


def test_a_hold_refreshes_the_session_too() -> None:  # RFC 4028 §7.4
    with lossy_link(1) as link:
        keeps = Reply(fields=(("Session-Expires", "120;refresher=uac"),))
        callee = CalleePlan(
            steps=(Step(0.0, 200, fields=(("Session-Expires", "120;refresher=uac"),)),),
            replies=(keeps,),
        )
        stage = Stage(link, carrier=callee)
        plan = CallerPlan(offers=(Offer(50.0, "sendonly"),), bye_after_s=120.0)
        stage.pbx.call(OUTBOUND_URI, EDGE, plan, 0.0)
        link.run()
        hold, refresh = (message(it) for it in link.sent("E", "B", "INVITE")[1:])
        assert hold.get("session-expires") == "120;refresher=uac"
        assert moments(link, "E", "B", "INVITE")[2] == pytest.approx(110.0, abs=0.2)
        assert read(refresh.body).origin == read(hold.body).origin
        assert refresh.body == hold.body
        stage.assert_quiet()


def test_a_refused_refresh_leaves_a_hold_alone() -> None:  # EDGE D7
    with lossy_link(1) as link:
        granted = (("Session-Expires", "120;refresher=uac"),)
        callee = CalleePlan(
            steps=(Step(0.0, 200, fields=granted),),
            replies=(Reply(fields=granted), Reply(500), Reply(fields=granted)),
        )
        stage = Stage(link, carrier=callee)
        plan = CallerPlan(offers=(Offer(10.0, "sendonly"),), bye_after_s=100.0)
        stage.pbx.call(OUTBOUND_URI, EDGE, plan, 0.0)
        link.run()
        bodies = [read(message(it).body) for it in link.sent("E", "B", "INVITE")]
        assert [it.direction.value for it in bodies] == ["sendrecv", *["sendonly"] * 3]
        assert len({it.origin for it in bodies[1:]}) == 1
        stage.assert_quiet()


def session_node(interval_s: float) -> Node:
    call = replace(SETTINGS.call, session_expires_s=interval_s)
    return Node(settings=replace(SETTINGS, call=call))


def test_our_invite_asks_for_nothing_by_default() -> None:  # EDGE B6, ST2
    with lossy_link(1) as link:
        a_granting_carrier(link, None)
        link.run(1.0)
        invite = message(link.sent("E", "B", "INVITE")[0])
        assert invite.get("supported") == "timer"
        assert invite.get("session-expires") is None and invite.get("min-se") is None
        assert len(link.sent("E", "B", "INVITE")[0].data) < 1_300  # EDGE W13


def test_an_operator_may_ask_for_session_timers() -> None:  # EDGE ST2
    with lossy_link(1) as link:
        stage = a_granting_carrier(link, None, node=session_node(600.0), bye_after_s=LONG)
        link.run()
        invite = message(link.sent("E", "B", "INVITE")[0])
        assert invite.get("session-expires") == "600"
        assert invite.get("min-se") == "90"
        assert stage.record.status_message == "Normal Call Clearing"


@pytest.mark.parametrize("interval_s", [1.0, 89.0])
def test_an_operator_may_not_ask_for_less_than_the_rfc(interval_s: float) -> None:  # RFC 4028 §5
    with pytest.raises(SettingsError, match="session_expires_s"):
        replace(SETTINGS.call, session_expires_s=interval_s)
    assert replace(SETTINGS.call, session_expires_s=90.0).session_expires_s == 90.0


@pytest.mark.parametrize("answers", [200, 422])
def test_a_callee_that_wants_a_longer_interval_is_asked_once_more(answers: int) -> None:
    # EDGE ST3
    with lossy_link(1) as link:
        plans = [
            CalleePlan(steps=(Step(0.0, 422, fields=(("Min-SE", "900"),)),)),
            CalleePlan(steps=(Step(0.0, answers, fields=(("Min-SE", "1000"),)),)),
        ]
        stage = Stage(link, node=session_node(600.0))
        stage.carrier.plan_of = lambda request: plans.pop(0)
        call = stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(bye_after_s=5.0), 0.0)
        link.run()
        first, again = (message(it) for it in link.sent("E", "B", "INVITE"))
        assert (first.call_id, first.from_) == (again.call_id, again.from_)
        assert [first.cseq.number, again.cseq.number] == [1, 2]
        assert again.get("session-expires") == "900" and again.get("min-se") == "900"
        assert call.final is not None and call.final.status == answers
        stage.assert_quiet()


def test_a_caller_that_cancels_after_a_422_cancels_the_second_invite() -> None:  # EDGE E4
    with lossy_link(1) as link:
        plans = [
            CalleePlan(steps=(Step(0.0, 422, fields=(("Min-SE", "900"),)),)),
            CalleePlan(steps=(Step(0.0, 100), Step(0.1, 180))),
        ]
        stage = Stage(link, node=session_node(600.0))
        stage.carrier.plan_of = lambda request: plans.pop(0)
        stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(cancel_after_s=2.0), 0.0)
        link.run()
        assert message(link.sent("E", "B", "CANCEL")[0]).cseq.number == 2
        stage.assert_quiet()


def test_a_session_of_an_inbound_call_is_kept_on_both_legs() -> None:  # EDGE ST2
    with lossy_link(1) as link:
        granted = (("Session-Expires", "200;refresher=uac"),)
        answers = CalleePlan(steps=(Step(0.0, 200, fields=granted),), replies=(Reply(),))
        stage = Stage(link, pbx=answers)
        plan = CallerPlan(fields=asking("300;refresher=uas"), bye_after_s=400.0)
        stage.carrier.call(INBOUND_URI, EDGE, plan, 0.0)
        link.run()
        assert moments(link, "E", "A", "INVITE")[1:] == [pytest.approx(100.0, abs=0.1)]
        assert moments(link, "E", "B", "INVITE") == [pytest.approx(150.0, abs=0.1)]
        stage.assert_quiet()


def test_options_tell_what_is_supported() -> None:  # EDGE B6, D10
    with lossy_link(1) as link:
        stage, call = an_asking_call(link, "1800", bye_after_s=9.0)
        link.run(5.0)
        asker = Asker(stage.pbx)
        asker.ask(call, "OPTIONS", 5.0)
        link.run(6.0)
        (answer,) = asker.heard
        assert (answer.get("supported"), answer.get("accept")) == ("timer", "application/sdp")
        assert answer.get("allow") == "INVITE, ACK, CANCEL, BYE, OPTIONS"
