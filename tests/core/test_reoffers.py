"""Re-INVITEs that pass between the legs: the ladders of EDGE 1.12 and rules D5-D9, D11, D12, A1."""

import pytest

from edge.media.sdp import read
from edge.media.session import LegMedia, Side
from edge.sip.message import Request, Response, parse_datagram
from model.cdr import CallStatus
from tests.core.stand import (
    CARRIER,
    EDGE,
    OUTBOUND_URI,
    PBX,
    Stage,
    ladder,
    moments,
    responses,
)
from tests.core.test_in_dialog import Asker
from tests.support.agent import SDP, CalleePlan, CallerPlan, PlacedCall, Step, TakenCall
from tests.support.link import Carried, LossyLink, lossy_link
from tests.support.reoffers import Offer, Reply
from tests.support.sdp import audio

AT_ONCE = (Step(0.0, 200),)
RELAYED = "A>E INVITE  E>A 100  E>B INVITE  B>E 200  E>B ACK  E>A 200  A>E ACK"


def a_call(
    link: LossyLink,
    *offers: Offer,
    replies: tuple[Reply, ...] = (Reply(),),
    callee_offers: tuple[Offer, ...] = (),
    caller_replies: tuple[Reply, ...] = (Reply(),),
    bye_after_s: float = 60.0,
) -> tuple[Stage, PlacedCall]:
    """Let the PBX call, both sides offer and reply; nothing has happened yet."""
    stage = Stage(link, carrier=CalleePlan(steps=AT_ONCE, offers=callee_offers, replies=replies))
    plan = CallerPlan(offers=offers, replies=caller_replies, bye_after_s=bye_after_s)
    return stage, stage.pbx.call(OUTBOUND_URI, EDGE, plan, 0.0)


def taken(stage: Stage) -> TakenCall:
    (call,) = stage.carrier.taken
    return call


def since(link: LossyLink, moment: float, until: float = 1e9) -> str:
    """Return the ladder of a part of the call."""
    steps = link.ladder()
    return "  ".join(
        step for step, it in zip(steps, link.carried, strict=True) if moment <= it.at < until
    )


def directions(carried: list[Carried]) -> list[str]:
    """Return what the descriptions among some messages say."""
    bodies = [parse_datagram(it.data).body for it in carried]
    return [read(body).direction.value for body in bodies if body]


def message(carried: Carried) -> Request | Response:
    return parse_datagram(carried.data)


def media_of(stage: Stage, side: Side) -> LegMedia:
    """Return what the worker knows of the only call's leg."""
    (session,) = stage.node.worker.open
    return stage.node.worker.legs[session, side]


def test_hold_and_resume_by_the_caller() -> None:  # EDGE D6, D8: hold, resume
    with lossy_link(1) as link:
        stage, _ = a_call(link, Offer(5.0, "sendonly"), Offer(10.0, "sendrecv"))
        link.run()
        assert since(link, 5.0, 9.0) == RELAYED
        assert since(link, 10.0, 15.0) == RELAYED
        assert directions(link.sent("E", "B", "INVITE")) == ["sendrecv", "sendonly", "sendrecv"]
        assert directions(link.sent("E", "A", "200")) == ["sendrecv", "recvonly", "sendrecv"]
        assert stage.record.status_message == "Normal Call Clearing"
        stage.assert_quiet()


def test_hold_and_resume_by_the_callee() -> None:  # EDGE D6, D8
    with lossy_link(1) as link:
        holds = (Offer(5.0, "inactive"), Offer(10.0, "sendrecv"))
        stage, _ = a_call(link, callee_offers=holds)
        link.run()
        assert since(link, 5.0, 9.0) == (
            "B>E INVITE  E>B 100  E>A INVITE  A>E 200  E>A ACK  E>B 200  B>E ACK"
        )
        assert directions(link.sent("E", "A", "INVITE")) == ["inactive", "sendrecv"]
        assert directions(link.sent("E", "B", "200")) == ["inactive", "sendrecv"]
        stage.assert_quiet()


def test_resume_of_one_side_keeps_the_hold_of_the_other() -> None:  # EDGE D8
    with lossy_link(1) as link:
        stage, _ = a_call(
            link,
            Offer(5.0, "sendonly"),
            Offer(11.0, "sendrecv"),
            callee_offers=(Offer(8.0, "sendonly"), Offer(14.0, "sendrecv")),
        )
        link.run(9.0)
        assert media_of(stage, Side.A).direction.value == "inactive"
        assert media_of(stage, Side.B).direction.value == "sendonly"
        link.run()
        to_a = [*directions(link.sent("E", "A", "200")), *directions(link.sent("E", "A", "INVITE"))]
        assert to_a == ["sendrecv", "recvonly", "sendonly", "sendonly", "sendrecv"]
        assert directions(link.sent("E", "B", "200")) == ["inactive", "sendrecv"]
        stage.assert_quiet()


def test_an_old_style_hold_is_passed_on_in_the_new_style() -> None:  # EDGE D8
    with lossy_link(1) as link:
        stage, _ = a_call(link, Offer(5.0, body=audio("0.0.0.0")))
        link.run()
        assert directions(link.sent("E", "B", "INVITE")) == ["sendrecv", "sendonly"]
        assert directions(link.sent("E", "A", "200")) == ["sendrecv", "recvonly"]
        assert not any(b"0.0.0.0" in it.data for it in link.carried if it.source == "E")
        stage.assert_quiet()


@pytest.mark.parametrize(
    "body",
    [
        audio(PBX[0]),
        audio(PBX[0], 9_000, version=2),
        audio("192.0.2.99", version=2),
        audio(PBX[0], version=2) + b"a=ptime:30\r\n",
    ],
    ids=["nothing", "port", "address", "ptime"],
)
def test_what_the_other_side_would_not_notice_it_does_not_hear_of(body: bytes) -> None:
    # EDGE D6: refresh
    with lossy_link(1) as link:
        stage, _ = a_call(link, Offer(5.0, body=body))
        link.run()
        assert since(link, 5.0, 9.0) == "A>E INVITE  E>A 100  E>A 200  A>E ACK"
        first, second = (it.body for it in responses(link, "200"))
        assert first == second
        stage.assert_quiet()


@pytest.mark.parametrize("status", [400, 403, 408, 415, 488, 500, 503, 606])
def test_a_hold_that_is_refused_is_local(status: int) -> None:  # EDGE D6, D7: hold refused
    with lossy_link(1) as link:
        stage, _ = a_call(
            link, Offer(5.0, "sendonly"), Offer(10.0, "sendrecv"), replies=(Reply(status),)
        )
        link.run(9.0)
        assert since(link, 5.0) == (
            f"A>E INVITE  E>A 100  E>B INVITE  B>E {status}  E>B ACK  E>A 200  A>E ACK"
        )
        assert directions(link.sent("E", "A", "200")) == ["sendrecv", "recvonly"]
        assert media_of(stage, Side.B).is_fed
        assert media_of(stage, Side.B).direction.value == "sendrecv"
        link.run(15.0)
        assert since(link, 10.0) == "A>E INVITE  E>A 100  E>A 200  A>E ACK"
        assert not media_of(stage, Side.B).is_fed
        link.run()
        assert stage.record.status_message == "Normal Call Clearing"
        stage.assert_quiet()


@pytest.mark.parametrize("reply", [Reply(481), Reply(0)], ids=["481", "silence"])
def test_a_side_that_is_gone_ends_the_call(reply: Reply) -> None:  # EDGE D6
    with lossy_link(1) as link:
        stage, call = a_call(link, Offer(5.0, "sendonly"), replies=(reply,))
        link.run()
        gone_at = 5.08 if reply.status else 37.06
        assert moments(link, "E", "A", "BYE")[0] == pytest.approx(gone_at, abs=0.03)
        assert call.reoffers.statuses == [487]
        assert stage.record.status is CallStatus.COMPLETED
        assert stage.record.status_message == "Peer lost"
        assert stage.node.is_empty(), stage.node.core.pending


def test_what_the_network_refuses_once_ends_no_call() -> None:  # EDGE D6, RFC 3261 §8.1.3.1
    with lossy_link(1) as link:
        stage, call = a_call(link, Offer(5.0, "sendonly"), bye_after_s=20.0)
        link.run(4.0)
        link.refusing.add(CARRIER)
        link.run(6.0)
        assert call.reoffers.statuses == [200]
        assert media_of(stage, Side.B).is_fed
        link.refusing.clear()
        link.run()
        assert stage.record.status_message == "Normal Call Clearing"
        stage.assert_quiet()


def test_a_side_that_never_comes_to_an_answer_is_cancelled() -> None:  # EDGE D6
    with lossy_link(1) as link:
        stage, call = a_call(link, Offer(5.0, "sendonly"), replies=(Reply(100),))
        link.run()
        assert moments(link, "E", "B", "CANCEL") == [pytest.approx(37.06, abs=0.03)]
        assert call.reoffers.statuses == [200]
        assert directions(link.sent("E", "A", "200"))[-1] == "recvonly"
        stage.assert_quiet()


def test_a_cancel_that_is_not_heeded_ends_the_call() -> None:  # EDGE D6
    with lossy_link(1) as link:
        stage, call = a_call(link, Offer(5.0, "sendonly"), replies=(Reply(100),), bye_after_s=200.0)
        link.run(30.0)
        link.silent.add(CARRIER)
        link.run()
        assert call.reoffers.statuses == [487]
        assert moments(link, "E", "A", "BYE")[0] == pytest.approx(69.06, abs=0.03)
        assert stage.node.is_empty(), stage.node.core.pending


@pytest.mark.parametrize("body", [b"", b"nonsense", audio(CARRIER[0], formats="8")])
def test_an_answer_that_cannot_be_used_ends_the_call(body: bytes) -> None:  # EDGE D6, A1
    with lossy_link(1) as link:
        stage, call = a_call(link, Offer(5.0, "sendonly"), replies=(Reply(body=body),))
        link.run()
        assert call.reoffers.statuses == [487]
        for to in ("A", "B"):
            bye = message(link.sent("E", to, "BYE")[0])
            assert bye.get("reason") == "SIP;cause=488"
        assert stage.record.status_message == "488 Not Acceptable Here"
        stage.assert_quiet()


def test_both_sides_hold_at_the_same_moment() -> None:  # EDGE D5: both hold
    with lossy_link(1) as link:
        stage, call = a_call(
            link, Offer(5.0, "sendonly"), callee_offers=(Offer(4.995, "sendonly"),)
        )
        link.run()
        assert call.reoffers.statuses == [491]
        assert taken(stage).reoffers.statuses == [491]
        stage.assert_quiet()


def test_glare_is_the_offerers_to_resolve() -> None:  # EDGE D5, D6: glare 491
    with lossy_link(1) as link:
        stage, call = a_call(
            link,
            Offer(5.0, "sendonly"),
            Offer(8.0, "sendonly"),
            callee_offers=(Offer(5.0, "sendonly"), Offer(12.0, "sendonly")),
        )
        link.run(7.0)
        assert "E>B INVITE" in since(link, 5.0) and "E>B 491" in since(link, 5.0)
        assert since(link, 5.0).endswith("B>E 491  B>E ACK  E>B ACK  E>A 491  A>E ACK")
        link.run()
        assert call.reoffers.statuses == [491, 200]
        assert taken(stage).reoffers.statuses == [491, 200]
        assert directions(link.sent("E", "B", "200")) == ["inactive"]
        stage.assert_quiet()


@pytest.mark.parametrize("second", [200, 491])
def test_a_491_without_glare_is_tried_again_once(second: int) -> None:  # EDGE D5, D6
    with lossy_link(1) as link:
        stage, call = a_call(
            link, Offer(5.0, "sendonly"), replies=(Reply(491), Reply(second), Reply(200))
        )
        link.run()
        assert call.reoffers.statuses == [200]
        _, first, *again = moments(link, "E", "B", "INVITE")
        assert len(again) == 1
        assert 2.1 <= again[0] - first <= 4.0 + 0.03
        assert directions(link.sent("E", "B", "INVITE"))[-1] == "sendonly"
        stage.assert_quiet()


def test_a_retry_that_is_not_needed_any_more_is_dropped() -> None:  # EDGE D5
    with lossy_link(1) as link:
        stage, call = a_call(
            link, Offer(5.0, "sendonly"), Offer(6.0, "sendrecv"), replies=(Reply(491), Reply())
        )
        link.run()
        assert call.reoffers.statuses == [200, 200]
        assert len(link.sent("E", "B", "INVITE")) == 2
        stage.assert_quiet()


def test_a_fresh_offer_takes_the_place_of_one_that_waits() -> None:  # EDGE D5
    with lossy_link(1) as link:
        busy = (Reply(491), Reply(491), Reply())
        stage, call = a_call(link, Offer(5.0, "sendonly"), Offer(6.0, "inactive"), replies=busy)
        link.run()
        assert call.reoffers.statuses == [200, 200]
        offered = directions(link.sent("E", "B", "INVITE"))
        assert offered == ["sendrecv", "sendonly", "inactive", "inactive"]
        stage.assert_quiet()


def test_a_refusal_is_one_even_when_two_offers_have_met() -> None:  # EDGE D6
    with lossy_link(1) as link:
        stage, call = a_call(link, Offer(5.0, "sendonly"), replies=(Reply(488, after_s=1.0),))
        link.run(5.5)
        asker = Asker(stage.carrier)
        hold = audio(CARRIER[0], direction="sendonly")
        asker.ask(taken(stage), "INVITE", 5.5, fields=(SDP,), body=hold)
        link.run()
        assert asker.statuses == [491]
        assert call.reoffers.statuses == [200]
        stage.assert_quiet()


@pytest.mark.parametrize("side", ["A", "B"])
def test_the_owner_of_the_call_id_waits_longer(side: str) -> None:  # EDGE D5
    for seed in range(20):
        with lossy_link(seed) as link:
            asks = Offer(5.0, body=b"", ack_direction="sendonly")
            busy = (Reply(491), Reply())
            if side == "B":
                a_call(link, asks, replies=busy)
            else:
                a_call(link, callee_offers=(asks,), caller_replies=busy)
            link.run()
            first, again = moments(link, "E", side, "INVITE")[-2:]
            wait = again - first - 0.02
            least, most = (2.1, 4.0) if side == "B" else (0.0, 2.0)
            assert least - 1e-6 <= wait <= most + 1e-6
            assert abs(wait * 100 - round(wait * 100)) < 1e-6


def test_a_second_offer_has_to_wait_for_the_first() -> None:  # EDGE D5: two offers
    with lossy_link(1) as link:
        stage, call = a_call(link, replies=(Reply(after_s=2.0),))
        link.run(5.0)
        asker = Asker(stage.pbx)
        for moment, direction in ((5.0, "sendonly"), (5.5, "inactive")):
            body = audio(PBX[0], direction=direction)
            link.at(
                moment,
                lambda now, body=body: asker.ask(call, "INVITE", now, fields=(SDP,), body=body),  # type: ignore[misc]  # binds the loop's value
            )
        link.run(8.0)
        assert asker.statuses[:3] == [100, 500, 200]
        assert 0 <= int(asker.heard[1].require("retry-after")) <= 10
        assert [it.cseq.number for it in asker.heard][:3] == [2, 3, 2]


@pytest.mark.parametrize("who", ["A", "B"])
def test_a_bye_while_a_reinvite_is_pending(who: str) -> None:  # EDGE D11
    with lossy_link(1) as link:
        stage, call = a_call(link, Offer(5.0, "sendonly"), replies=(Reply(after_s=10.0),))
        link.run(6.0)
        (call if who == "A" else taken(stage)).hang_up(link.now)
        link.run()
        assert call.reoffers.statuses == [487]
        assert since(link, 6.0).count("BYE") == 4
        assert "B>E 487" in since(link, 6.0)
        assert stage.record.status_message == "Normal Call Clearing"
        stage.assert_quiet()


def test_a_cancelled_reinvite_changes_nothing() -> None:  # EDGE D7, RFC 3261 §9.2
    with lossy_link(1) as link:
        stage, call = a_call(
            link, Offer(5.0, "sendonly", cancel_after_s=1.0), replies=(Reply(after_s=10.0),)
        )
        link.run(8.0)
        assert since(link, 6.0) == (
            "A>E CANCEL  E>A 200(CANCEL)  E>A 487  E>B CANCEL  "
            "A>E ACK  B>E 200(CANCEL)  B>E 487  E>B ACK"
        )
        assert media_of(stage, Side.A).direction.value == "sendrecv"
        link.run()
        assert call.reoffers.statuses == [487]
        stage.assert_quiet()


def test_a_cancel_that_crosses_the_answer_takes_the_news_back() -> None:  # EDGE D6
    with lossy_link(1) as link:
        stage, call = a_call(
            link,
            Offer(5.0, "sendonly", cancel_after_s=1.0),
            replies=(Reply(after_s=0.985), Reply()),
        )
        link.run()
        assert call.reoffers.statuses == [487]
        assert directions(link.sent("E", "B", "INVITE")) == ["sendrecv", "sendonly", "sendrecv"]
        stage.assert_quiet()


def test_a_reinvite_without_sdp_gets_a_full_offer() -> None:  # EDGE A1
    with lossy_link(1) as link:
        stage, _ = a_call(link, Offer(5.0, body=b"", ack_direction="inactive"))
        link.run(9.0)
        assert since(link, 5.0) == (
            "A>E INVITE  E>A 100  E>A 200  A>E ACK  E>B INVITE  B>E 200  E>B ACK"
        )
        assert directions(link.sent("E", "A", "200")) == ["sendrecv", "sendrecv"]
        assert directions(link.sent("E", "B", "INVITE"))[-1] == "inactive"
        assert media_of(stage, Side.A).direction.value == "inactive"
        assert media_of(stage, Side.B).direction.value == "inactive"
        link.run()
        stage.assert_quiet()


def test_an_offer_that_is_asked_for_respects_the_others_hold() -> None:  # EDGE A1
    with lossy_link(1) as link:
        asks = Offer(8.0, body=b"", ack_direction="recvonly")
        stage, _ = a_call(link, asks, callee_offers=(Offer(5.0, "sendonly"),))
        link.run()
        assert directions(link.sent("E", "A", "200")) == ["sendrecv", "sendonly"]
        assert since(link, 8.0, 12.0) == "A>E INVITE  E>A 100  E>A 200  A>E ACK"
        stage.assert_quiet()


@pytest.mark.parametrize("body", [b"", b"nonsense"])
def test_an_ack_without_a_usable_answer_ends_the_call(body: bytes) -> None:  # EDGE A1
    with lossy_link(1) as link:
        stage, call = a_call(link)
        link.run(5.0)
        asker = Asker(stage.pbx)
        asker.ask(call, "INVITE", link.now)
        link.run(5.1)
        assert call.dialog is not None
        ack = call.dialog.ack(2, body)._replace(fields=(SDP,))
        stage.pbx.endpoint.send_ack(ack, call.flow)
        link.run()
        for to in ("A", "B"):
            assert message(link.sent("E", to, "BYE")[0]).get("reason") == "SIP;cause=488"
        assert stage.record.status_message == "488 Not Acceptable Here"
        stage.assert_quiet()


def test_the_contact_of_an_answer_moves_the_peer() -> None:  # EDGE D12
    with lossy_link(1) as link:
        stage, _ = a_call(link, Offer(5.0, "sendonly"))
        link.join(stage.carrier, (CARRIER[0], 5099))
        link.run(1.0)
        stage.carrier.contact = ("Contact", f"<sip:B@{CARRIER[0]}:5099>")
        link.run()
        assert link.sent("E", "B", "ACK")[-1].remote == (CARRIER[0], 5099)
        assert link.sent("E", "B", "BYE")[0].remote == (CARRIER[0], 5099)
        assert stage.record.status_message == "Normal Call Clearing"


def test_a_repeated_2xx_to_a_reinvite_gets_the_same_ack() -> None:  # EDGE D3
    with lossy_link(1) as link:
        stage, call = a_call(link, Offer(5.0, "sendonly"))
        link.run(5.06)
        again = link.sent("B", "E", "200")[-1].data
        for moment in (6.0, 7.0):
            link.at(
                moment, lambda now: stage.carrier.endpoint.resend(again, stage.carrier.flow(EDGE))
            )
        link.run(9.0)
        acks = link.sent("E", "B", "ACK")[1:]
        assert len(acks) == 3 and len({it.data for it in acks}) == 1
        assert call.reoffers.statuses == [200]


def test_an_answer_to_a_reinvite_that_nobody_acknowledges_ends_the_call() -> None:  # EDGE D2
    with lossy_link(1) as link:
        stage, call = a_call(link)
        link.run(5.0)
        Asker(stage.pbx).ask(call, "INVITE", 5.0, fields=(SDP,), body=audio(PBX[0], 9_000))
        link.run()
        assert len(link.sent("E", "A", "200")) == 1 + 11
        for to in ("A", "B"):
            bye = link.sent("E", to, "BYE")[0]
            assert bye.at == pytest.approx(5.01 + 32.0)
            assert message(bye).get("reason") == 'SIP;cause=200;text="ACK timeout"'
        assert stage.record.status_message == "ACK timeout"
        stage.assert_quiet()


def test_a_reinvite_of_ours_says_what_it_must() -> None:  # EDGE B5, B6, B2
    with lossy_link(1) as link:
        a_call(link, Offer(5.0, "sendonly"))
        link.run()
        invite = message(link.sent("E", "B", "INVITE")[1])
        assert invite.get("allow") == "INVITE, ACK, CANCEL, BYE, OPTIONS"
        assert invite.get("supported") == "timer"
        assert invite.get("require") is None and invite.get("session-expires") is None
        assert invite.require("contact") == f"<sip:{EDGE[0]}:{EDGE[1]};transport=udp>"
        assert PBX[0].encode() not in link.sent("E", "B", "INVITE")[1].data


def test_loss_of_any_one_datagram_does_not_hurt_a_hold() -> None:  # EDGE B8, D2, D3
    for lost in range(20):
        with lossy_link(lost) as link:
            stage, call = a_call(link, Offer(8.0, "sendonly"), Offer(48.0, "sendrecv"))
            link.lose(7 + lost)
            link.run()
            assert call.reoffers.statuses == [200, 200]
            assert directions(link.sent("E", "B", "INVITE"))[-1] == "sendrecv"
            assert stage.record.status_message == "Normal Call Clearing"
            stage.assert_quiet()


def test_the_media_of_a_hold_has_more_patience() -> None:  # EDGE D9
    with lossy_link(1) as link:
        stage, _ = a_call(link, Offer(5.0, "sendonly"))
        link.run(9.0)
        # Both legs on hold is what the worker's longer timeout goes by (edge/media/liveness.py).
        assert media_of(stage, Side.A).direction.value == "sendonly"
        assert media_of(stage, Side.B).direction.value == "recvonly"
        assert "BYE" not in ladder(link)
