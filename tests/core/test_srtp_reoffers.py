"""What re-INVITEs do to the keys of a leg (EDGE K4, K14, D6, D7, R12, R13, ST3, A1).

A is the PBX, over TLS where its media is encrypted; B the carrier.
"""

import pytest

from edge.media.session import Side
from edge.media.srtp_keys import LegSrtp, Suite
from edge.sip.message import parse_datagram
from tests.core.stand import EDGE, HOST, INBOUND_URI, OUTBOUND_URI, PBX, Stage, responses
from tests.core.test_reoffers import media_of
from tests.core.test_srtp import (
    TLS_PBX,
    Outbound,
    body_of,
    encrypted,
    key_of,
    lines_in,
    mine,
    node_of,
    profile_in,
)
from tests.support.agent import CalleePlan, CallerPlan, Step
from tests.support.link import LossyLink, lossy_link
from tests.support.reoffers import Offer, Reply
from tests.support.sdp import AES_128, AES_256, SAVP, audio, crypto


def test_hold_and_resume_keep_the_keys_of_both_sides() -> None:  # EDGE K14, D6, D8
    with lossy_link(1) as link:
        hold = encrypted(direction="sendonly")
        out = Outbound(link, encrypted(), Offer(5.0, body=hold), Offer(10.0, body=encrypted()))
        link.run(4.0)
        before = out.keys()
        link.run(9.0)
        assert out.keys() == before and out.leg().direction.value == "sendonly"
        link.run(15.0)
        assert out.keys() == before and out.leg().direction.value == "sendrecv"
        answers = [lines_in(it.body) for it in responses(link, "200") if it.body]
        assert len(answers) == 3 and len(set(answers)) == 1
        link.run()
        out.stage.assert_quiet()


def test_an_offer_of_ours_proposes_the_key_that_is_in_force() -> None:  # EDGE K14, D6, SD8
    with lossy_link(1) as link:
        holds = CalleePlan(steps=(Step(0.0, 200),), offers=(Offer(5.0, "sendonly"),))
        lines = (crypto(4, "AES_CM_256_HMAC_SHA1_80", 2), crypto(5, AES_128, 3))
        reply = encrypted(PBX[0], crypto(4, "AES_CM_256_HMAC_SHA1_80", 2), direction="recvonly")
        out = Outbound(link, encrypted(PBX[0], *lines), carrier=holds, replies=(Reply(body=reply),))
        link.run(4.0)
        before = out.keys()
        link.run(9.0)
        (reinvite,) = link.sent("E", "A", "INVITE")
        assert profile_in(body_of(reinvite)) == SAVP
        ((tag, spelling, key),) = lines_in(body_of(reinvite))
        assert (tag, spelling, key) == ("4", "AES_CM_256_HMAC_SHA1_80", before.ours)
        assert out.keys() == before
        link.run()
        out.stage.assert_quiet()


# (name, the peer's second offer, whether our key and its own are other ones then)
REKEYED = [
    ("K14 nothing new", encrypted(), False, False),
    ("K14 another key", encrypted(PBX[0], crypto(1, AES_128, 2)), False, True),
    ("K14 another address", encrypted(port=9_000), False, False),
    ("K14 another suite", encrypted(PBX[0], crypto(1, AES_256, 1)), True, True),
]


@pytest.mark.parametrize(
    ("body", "ours_change", "theirs_change"),
    [row[1:] for row in REKEYED],
    ids=[row[0] for row in REKEYED],
)
def test_what_a_reinvite_changes_of_the_keys(
    body: bytes, ours_change: bool, theirs_change: bool
) -> None:  # EDGE K4, K14, D6: refresh
    with lossy_link(1) as link:
        out = Outbound(link, encrypted(), Offer(5.0, body=body))
        link.run(4.0)
        before = out.keys()
        link.run(9.0)
        assert out.keys().theirs == lines_in(body)[0].key
        assert (out.keys().ours != before.ours, out.keys().theirs != before.theirs) == (
            ours_change,
            theirs_change,
        )
        assert len(link.sent("E", "B", "INVITE")) == 1, "the other side hears of no key"
        assert lines_in(responses(link, "200")[1].body)[0].key == out.keys().ours
        link.run()
        out.stage.assert_quiet()


# (name, re-INVITE, Warning)
BAD_REOFFERS = [
    ("R12 plain", audio(), "302"),
    ("K15 plain with a key", audio(crypto=(crypto(),)), "302"),
    ("R12 without keys", audio(profile=SAVP), "306"),
    ("SD8 DTLS", audio(profile="UDP/TLS/RTP/SAVPF", crypto=(crypto(),)), "302"),
]


@pytest.mark.parametrize(
    ("body", "warning"), [row[1:] for row in BAD_REOFFERS], ids=[row[0] for row in BAD_REOFFERS]
)
def test_a_reinvite_may_not_give_the_encryption_up(body: bytes, warning: str) -> None:
    # EDGE R12, D7
    with lossy_link(1) as link:
        out = Outbound(link, encrypted(), Offer(5.0, body=body))
        link.run(4.0)
        before = out.leg()
        link.run(9.0)
        assert out.call.reoffers.statuses == [488]
        assert out.call.reoffers.heard[-1].require("warning").startswith(f"{warning} {HOST} ")
        assert out.leg() == before
        link.run()
        assert out.stage.record.status_message == "Normal Call Clearing"
        out.stage.assert_quiet()


def test_where_nobody_requires_it_a_reinvite_may_change_the_encryption() -> None:  # EDGE R13
    with lossy_link(1) as link:
        offers = (Offer(5.0, body=audio()), Offer(10.0, body=encrypted()))
        out = Outbound(link, encrypted(), *offers, node=node_of(mine(required=False)))
        link.run(4.0)
        before = out.keys()
        link.run(9.0)
        assert out.leg().srtp is None
        link.run(15.0)
        assert out.keys().ours != before.ours, "no keystream is used twice"
        assert [profile_in(it.body) for it in responses(link, "200") if it.body] == [
            SAVP,
            "RTP/AVP",
            SAVP,
        ]
        link.run()
        out.stage.assert_quiet()


def test_keys_do_not_come_over_an_open_transport() -> None:  # EDGE R13
    with lossy_link(1) as link:
        stage = Stage(link, node=node_of(mine(required=False)))
        plan = CallerPlan(offers=(Offer(5.0, body=encrypted()),), bye_after_s=9.0)
        call = stage.pbx.call(OUTBOUND_URI, EDGE, plan, 0.0)
        link.run()
        assert call.reoffers.statuses == [488]
        assert stage.record.status_message == "Normal Call Clearing"


def test_a_session_refresh_repeats_the_keys() -> None:  # EDGE ST3, K14
    with lossy_link(1) as link:
        fields = (("Supported", "timer"), ("Session-Expires", "90;refresher=uas"))
        out = Outbound(link, encrypted(), fields=fields, replies=(Reply(body=encrypted()),))
        link.run(4.0)
        before = out.keys()
        link.run(50.0)
        (refresh,) = link.sent("E", "A", "INVITE")
        assert body_of(refresh) == responses(link, "200")[0].body
        assert out.keys() == before
        link.run()
        out.stage.assert_quiet()


def test_a_reinvite_without_sdp_is_offered_every_suite() -> None:  # EDGE A1, K14
    with lossy_link(1) as link:
        lines = (crypto(2, AES_256, 3), crypto(1, AES_128, 4))
        asks = [
            Offer(at, body=b"", ack_body=encrypted(PBX[0], lines[at == 9.0])) for at in (5.0, 9.0)
        ]
        out = Outbound(link, encrypted(PBX[0], crypto(2, AES_256)), *asks)
        link.run(4.0)
        before = out.keys()
        link.run(8.0)
        first, *others = lines_in(responses(link, "200")[1].body)
        assert (first.tag, first.key) == ("2", before.ours)
        assert {it.key.suite for it in others} == set(Suite) - {before.ours.suite}
        assert out.keys() == LegSrtp(before.ours, key_of(lines[0]))
        link.run(12.0)
        (chosen,) = [it for it in lines_in(responses(link, "200")[2].body) if it.tag == "1"]
        assert out.keys() == LegSrtp(chosen.key, key_of(lines[1]))
        link.run()
        out.stage.assert_quiet()


class Called:
    """A call of the carrier's to the PBX, whose media is encrypted with the second of our lines."""

    def __init__(self, link: LossyLink, plan: CalleePlan, caller: CallerPlan) -> None:
        self.link = link
        self.stage = Stage(link, node=node_of(), pbx=plan)
        link.join(self.stage.pbx, TLS_PBX)
        self.stage.carrier.call(INBOUND_URI, EDGE, caller, 0.0)

    def keys(self) -> LegSrtp:
        keys = media_of(self.stage, Side.B).srtp
        assert keys is not None
        return keys

    def offers(self) -> list[bytes]:
        """Return what the PBX was offered."""
        return [body_of(it) for it in self.link.sent("E", "A", "INVITE")]

    def finish(self) -> None:
        self.link.run()
        assert self.stage.record.status_message == "Normal Call Clearing"
        self.stage.assert_quiet()


CHOSEN = crypto(2, AES_256, 5)
ANSWERS = (Step(0.0, 200, body=encrypted(PBX[0], CHOSEN)),)


def test_a_hold_reaches_an_encrypted_callee_with_the_key_in_force() -> None:  # EDGE K14, D6
    with lossy_link(1) as link:
        reply = Reply(body=encrypted(PBX[0], CHOSEN, direction="recvonly"))
        called = Called(
            link,
            CalleePlan(steps=ANSWERS, replies=(reply,)),
            CallerPlan(offers=(Offer(5.0, "sendonly"),), bye_after_s=30.0),
        )
        link.run(4.0)
        before = called.keys()
        link.run(9.0)
        first, second = called.offers()
        assert lines_in(second) == (lines_in(first)[1],)
        assert before == called.keys() == LegSrtp(lines_in(first)[1].key, key_of(CHOSEN))
        called.finish()


def test_news_that_came_late_reach_an_encrypted_callee_with_the_key_in_force() -> None:
    # EDGE A1, K14
    with lossy_link(1) as link:
        reply = Reply(body=encrypted(PBX[0], CHOSEN, direction="inactive"))
        called = Called(
            link,
            CalleePlan(steps=ANSWERS, replies=(reply,)),
            CallerPlan(offers=(Offer(5.0, body=b"", ack_direction="inactive"),), bye_after_s=30.0),
        )
        link.run(4.0)
        before = called.keys()
        link.run(9.0)
        first, second = called.offers()
        assert b"a=inactive" in second and lines_in(second) == (lines_in(first)[1],)
        assert called.keys() == before
        called.finish()


def test_a_hold_that_an_encrypted_callee_refuses_changes_no_key() -> None:  # EDGE D7, K14
    with lossy_link(1) as link:
        called = Called(
            link,
            CalleePlan(steps=ANSWERS, replies=(Reply(488),)),
            CallerPlan(offers=(Offer(5.0, "sendonly"),), bye_after_s=30.0),
        )
        link.run(4.0)
        before = called.keys()
        link.run(9.0)
        assert len(called.offers()) == 2 and called.keys() == before
        called.finish()


@pytest.mark.parametrize("body", [audio(), audio(profile=SAVP)], ids=["plain", "without keys"])
def test_an_answer_to_a_reinvite_needs_keys_as_well(body: bytes) -> None:  # EDGE K15, D6
    with lossy_link(1) as link:
        called = Called(
            link,
            CalleePlan(steps=ANSWERS, replies=(Reply(body=body),)),
            CallerPlan(offers=(Offer(5.0, "sendonly"),), bye_after_s=30.0),
        )
        link.run()
        (bye,) = link.sent("E", "A", "BYE")
        assert parse_datagram(bye.data).get("reason") == "SIP;cause=488"
        assert called.stage.record.status_message == "488 Not Acceptable Here"


def test_a_callee_may_change_its_key() -> None:  # EDGE K14
    with lossy_link(1) as link:
        again = Offer(5.0, body=encrypted(PBX[0], crypto(8, AES_256, 6)))
        plan = CalleePlan(steps=ANSWERS, offers=(again,))
        called = Called(link, plan, CallerPlan(bye_after_s=30.0))
        link.run(4.0)
        before = called.keys()
        link.run(9.0)
        assert called.keys() == LegSrtp(before.ours, key_of(crypto(8, AES_256, 6)))
        (answer,) = [body_of(it) for it in link.sent("E", "A", "200")]
        ((tag, _, key),) = lines_in(answer)
        assert (tag, key) == ("8", before.ours)
        assert not link.sent("E", "B", "INVITE")
        called.finish()


def test_a_refresh_repeats_all_that_was_offered() -> None:  # EDGE ST3, K14
    with lossy_link(1) as link:
        asks = (("Session-Expires", "90;refresher=uac"),)
        plan = CalleePlan(
            steps=(ANSWERS[0]._replace(fields=asks),),
            replies=(Reply(body=encrypted(PBX[0], CHOSEN), fields=asks),),
        )
        called = Called(link, plan, CallerPlan(bye_after_s=60.0))
        link.run(4.0)
        before = called.keys()
        link.run(50.0)
        first, refresh = called.offers()
        assert refresh == first and len(lines_in(refresh)) == 6
        assert called.keys() == before
        called.finish()
