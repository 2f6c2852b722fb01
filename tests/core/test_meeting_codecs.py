"""G.722 between a caller and a meeting's bridge, and nowhere else (EDGE M1, M3, 1.12: meeting)."""

import pytest

from edge.flow import Transport
from edge.media.session import LegMedia, PayloadTypes, Side
from edge.media.srtp_keys import LegSrtp
from edge.sip.message import parse_datagram
from tests.core.stand import (
    EDGE,
    HOST,
    OUTBOUND_URI,
    PBX,
    TLS_EDGE,
    Node,
    Stage,
    responses,
)
from tests.core.test_meetings import BRIDGE, JOIN_URI, MEETINGS, TOKEN
from tests.core.test_reoffers import media_of
from tests.core.test_srtp import key_of, lines_in
from tests.support.agent import Agent, CalleePlan, CallerPlan, PlacedCall, Step
from tests.support.link import Carried, LossyLink, lossy_link
from tests.support.reoffers import Offer, Reply
from tests.support.sdp import AES_256, SAVP, audio, crypto

PORT = 30_000


def said(formats: str, port: int = 20_000, direction: str = "sendrecv") -> bytes:
    return audio(PBX[0], port, formats=formats, direction=direction)


def answered(formats: str) -> bytes:
    return audio(BRIDGE[0], PORT, formats=formats)


class Meeting:
    """A call to a bridge that answers with these formats."""

    def __init__(
        self,
        link: LossyLink,
        offer: bytes,
        answer: str,
        *offers: Offer,
        replies: tuple[Reply, ...] = (Reply(),),
        bridge_offers: tuple[Offer, ...] = (),
        caller_replies: tuple[Reply, ...] = (Reply(),),
        transport: Transport = Transport.UDP,
        ack_body: bytes | None = None,
        uri: str = JOIN_URI,
    ) -> None:
        self.link = link
        self.stage = Stage(link, node=Node(settings=MEETINGS), transport=transport)
        plan = CalleePlan(
            steps=(Step(0.0, 200, body=answered(answer)),), replies=replies, offers=bridge_offers
        )
        self.bridge = Agent("B3", BRIDGE, plan_of=lambda _: plan)
        link.join(self.bridge, BRIDGE)
        caller = CallerPlan(
            body=offer,
            bye_after_s=60.0,
            offers=offers,
            replies=caller_replies,
            ack_body=ack_body,
        )
        edge = TLS_EDGE if transport is Transport.TLS else EDGE
        self.call: PlacedCall = self.stage.pbx.call(uri, edge, caller, 0.0)

    def leg(self, side: Side) -> LegMedia:
        return media_of(self.stage, side)

    def invites(self, to: str = "B3") -> list[str]:
        """Return the formats that were offered to the bridge, or to the caller."""
        return [formats_in(it) for it in self.link.sent("E", to, "INVITE")]

    def answers(self, to: str = "A") -> list[str]:
        return [formats_in(it) for it in self.link.sent("E", to, "200")]

    def finish(self) -> None:
        self.link.run()
        assert self.stage.record.status_message == "Normal Call Clearing"
        self.stage.assert_quiet()


def formats_in(carried: Carried) -> str:
    body = parse_datagram(carried.data).body.decode()
    return body.partition("m=audio ")[2].partition("\r\n")[0].split(maxsplit=2)[2]


# (formats offered, what the bridge is offered, what it answers, what the caller is answered)
AGREED = [
    ("0 9 101", "0 9 101", "9 101", "9 101"),
    ("9 0 101", "9 0 101", "9 0 101", "9 0 101"),
    ("9 101", "9 101", "9 101", "9 101"),
    ("0 9", "0 9", "0", "0"),
    ("0 101", "0 101", "0 101", "0 101"),
    ("8 9 18 0", "9 0", "0 9", "0 9"),
]


@pytest.mark.parametrize(("offer", "told", "answer", "heard"), AGREED)
def test_caller_and_bridge_agree_on_a_codec(
    offer: str, told: str, answer: str, heard: str
) -> None:  # EDGE M1
    with lossy_link(1) as link:
        meeting = Meeting(link, said(offer), answer)
        link.run(5.0)
        assert (meeting.invites(), meeting.answers()) == ([told], [heard])
        for side, formats in ((Side.A, heard), (Side.B, told)):
            pcmu, _, g722 = meeting.leg(side).expects
            assert (pcmu is not None, g722 is not None) == ("0" in formats.split(), "9" in formats)
        meeting.finish()


def test_an_encrypted_caller_joins_with_a_token() -> None:  # EDGE M1, M2, 1.12: meeting
    with lossy_link(1) as link:
        lines = (crypto(3, AES_256, 4),)
        offer = audio(PBX[0], profile=SAVP, formats="0 9 101", crypto=lines)
        meeting = Meeting(
            link, offer, "9 101", transport=Transport.TLS, uri=f"{JOIN_URI};{TOKEN};transport=tls"
        )
        link.run(5.0)
        assert meeting.invites() == ["0 9 101"]
        (sent,) = link.sent("E", "B3", "INVITE")
        assert b"RTP/AVP" in sent.data and b"crypto" not in sent.data  # EDGE K16
        answer = responses(link, "200")[0].body
        assert b"m=audio 10000 RTP/SAVP 9 101\r\na=rtpmap:9 G722/8000\r\n" in answer
        (line,) = lines_in(answer)
        assert meeting.leg(Side.A).srtp == LegSrtp(line.key, key_of(lines[0]))
        assert meeting.leg(Side.A).expects == PayloadTypes(None, 101, 9)
        assert meeting.leg(Side.B).peer_expects == PayloadTypes(None, 101, 9)
        meeting.finish()


def test_payload_types_are_numbered_for_each_leg() -> None:  # EDGE SD5, M1
    with lossy_link(1) as link:
        offer = said("97 0 101") + b"a=rtpmap:97 G722/8000\r\n"
        meeting = Meeting(link, offer, "9 0 101")
        link.run(5.0)
        assert (meeting.invites(), meeting.answers()) == (["9 0 101"], ["97 0 101"])
        assert meeting.leg(Side.A).peer_expects == PayloadTypes(0, 101, 97)
        assert meeting.leg(Side.B).peer_expects == PayloadTypes(0, 101, 9)
        meeting.finish()


def test_a_late_offer_has_what_the_bridge_takes() -> None:  # EDGE A1, M1
    with lossy_link(1) as link:
        meeting = Meeting(link, b"", "9 101", ack_body=said("9 101"))
        link.run(5.0)
        assert (meeting.invites(), meeting.answers()) == (["0 9 101"], ["9 101"])
        assert meeting.leg(Side.A).peer_expects == PayloadTypes(None, 101, 9)
        meeting.finish()


def test_an_ack_that_takes_one_codec_of_two_is_news_for_the_bridge() -> None:  # EDGE A1, D6
    with lossy_link(1) as link:
        reply = Reply(body=answered("0 101"))
        meeting = Meeting(link, b"", "0 9 101", ack_body=said("0 101"), replies=(reply,))
        link.run(5.0)
        assert meeting.invites() == ["0 9 101", "0 101"]
        assert meeting.leg(Side.B).peer_expects == PayloadTypes(0, 101, None)
        meeting.finish()


# (formats of the caller's re-INVITE, what the bridge is offered then)                    EDGE D6
REOFFERS = [
    ("0 9 101", None),  # a refresh
    ("9 101", None),  # what is in use
    ("9 0 101", None),
    ("0 101", "0 101"),
]


@pytest.mark.parametrize(("formats", "told"), REOFFERS)
def test_the_bridge_hears_of_a_codec_that_it_would_notice(formats: str, told: str | None) -> None:
    with lossy_link(1) as link:
        reply = Reply(body=answered("0 101"))
        offer = Offer(5.0, body=said(formats))
        meeting = Meeting(link, said("0 9 101"), "9 101", offer, replies=(reply,))
        link.run(9.0)
        assert meeting.invites() == ["0 9 101", *([told] if told else [])]
        assert meeting.answers()[1] == ("0 101" if told else "9 101")
        meeting.finish()


def test_a_bridge_may_bring_g722_in() -> None:  # EDGE M1, D6
    with lossy_link(1) as link:
        meeting = Meeting(
            link,
            said("0 101"),
            "0 101",
            bridge_offers=(Offer(5.0, body=answered("9 0 101")),),
            caller_replies=(Reply(body=said("9 101")),),
        )
        link.run(9.0)
        assert meeting.invites("A") == ["9 0 101"]
        assert meeting.answers("B3") == ["9 101"]
        meeting.finish()


def test_a_codec_that_the_bridge_refuses_is_refused() -> None:  # EDGE D6, D7
    with lossy_link(1) as link:
        offer = Offer(5.0, body=said("0 101"))
        meeting = Meeting(link, said("9 101"), "9 101", offer, replies=(Reply(488),))
        link.run(4.0)
        before = meeting.leg(Side.A), meeting.leg(Side.B)
        link.run(9.0)
        assert meeting.call.reoffers.statuses == [488]
        warning = meeting.call.reoffers.heard[-1].require("warning")
        assert warning == f'305 {HOST} "the other side takes another codec"'
        assert (meeting.leg(Side.A), meeting.leg(Side.B)) == before
        meeting.finish()


def test_a_bridge_that_answers_another_codec_loses_the_call() -> None:  # EDGE M1, E5
    with lossy_link(1) as link:
        meeting = Meeting(link, said("9 101"), "0 101")
        link.run()
        assert meeting.call.final is not None and meeting.call.final.status == 488
        assert len(link.sent("E", "B3", "BYE")) == 1


def test_no_other_call_has_g722() -> None:  # EDGE M3
    with lossy_link(1) as link:
        both = CalleePlan(steps=(Step(0.0, 200, body=audio(PBX[0], formats="9 0 101")),))
        stage = Stage(link, carrier=both)
        stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(body=said("9 0 101"), bye_after_s=9.0), 0.0)
        alone = stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(body=said("9 101")), 20.0)
        link.run(5.0)
        assert formats_in(link.sent("E", "B", "INVITE")[0]) == "0 101"
        assert formats_in(link.sent("E", "A", "200")[0]) == "0 101"
        for side in Side:
            media = media_of(stage, side)
            assert (media.expects.g722, media.peer_expects.g722) == (None, None)
        link.run()
        assert alone.final is not None and alone.final.status == 488
