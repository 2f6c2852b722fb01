"""What the edge's own messages look like on each leg (EDGE 1.13)."""

import pytest

from edge.sip.message import Request, Response, parse_datagram
from tests.core.stand import (
    CALLER,
    CARRIER,
    DIALED,
    EDGE,
    HOST,
    INBOUND_URI,
    OUTBOUND_URI,
    OWNED,
    Stage,
    responses,
)
from tests.support.agent import CalleePlan, CallerPlan, Step
from tests.support.link import LossyLink, lossy_link
from tests.support.sdp import audio

METHODS = "INVITE, ACK, CANCEL, BYE, OPTIONS"
CONTACT = f"<sip:{EDGE[0]}:{EDGE[1]};transport=udp>"
ANSWERS = CalleePlan(steps=(Step(0.1, 180), Step(1.0, 200)))
WIDEBAND = b"m=audio 30000 RTP/AVP 9 0 101\r\na=rtpmap:9 G722/8000\r\n"


def invite_to(link: LossyLink, peer: str) -> Request:
    """Return the only INVITE that the edge sent a peer."""
    (carried,) = link.sent("E", peer, "INVITE")
    invite = parse_datagram(carried.data)
    assert isinstance(invite, Request)
    return invite


def assert_is_modest(invite: Request) -> None:
    """EDGE B3, B5, B6: our own address, our methods, and nothing asked of the peer."""
    assert invite.headers["contact"] == [CONTACT]
    assert invite.headers["allow"] == [METHODS]
    assert set(invite.members("supported")) <= {"timer"}
    assert not invite.members("require")
    assert not {"record-route", "route", "session-expires"} & set(invite.headers)


def test_an_invite_to_a_carrier() -> None:  # EDGE O3, B3, B5, B6, W14
    with lossy_link(1) as link:
        stage = Stage(link, carrier=ANSWERS)
        stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(bye_after_s=5.0), 0.0)
        link.run()
        invite = invite_to(link, "B")
        assert invite.uri == f"sip:{DIALED}@{CARRIER[0]}"
        assert invite.headers["to"] == [f"<sip:{DIALED}@{CARRIER[0]}>"]
        assert invite.headers["from"][0].startswith(f"<sip:{CALLER}@{EDGE[0]}>;tag=")
        assert invite.headers["p-asserted-identity"] == [f"<sip:{CALLER}@{EDGE[0]}>"]
        (via,) = invite.headers["via"]
        assert via.startswith(f"SIP/2.0/UDP {EDGE[0]}:{EDGE[1]};branch=z9hG4bK")
        assert via.endswith(";rport")
        assert_is_modest(invite)
        stage.assert_quiet()


def test_an_invite_to_a_pbx() -> None:  # EDGE I1, I2, B3, B5, B6
    with lossy_link(1) as link:
        stage = Stage(link, pbx=ANSWERS)
        stage.carrier.call(INBOUND_URI, EDGE, CallerPlan(bye_after_s=5.0), 0.0)
        link.run()
        invite = invite_to(link, "A")
        assert invite.uri == f"sip:{OWNED}@{HOST}"
        assert invite.headers["from"][0].startswith(f"<sip:{CALLER}@{EDGE[0]}>;tag=")
        assert invite.headers["p-asserted-identity"] == [f"<sip:{CALLER}@{EDGE[0]}>"]
        assert_is_modest(invite)


def test_answers_to_the_caller() -> None:  # EDGE A2, A5, B3, B5
    with lossy_link(1) as link:
        stage = Stage(link, carrier=ANSWERS)
        stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(bye_after_s=5.0), 0.0)
        link.run()
        (trying,), (ringing,), (answer,) = (responses(link, what) for what in ("100", "180", "200"))
        assert trying.to.tag is None
        assert not ringing.body, "ringback is the caller's own affair"
        for response in (ringing, answer):
            assert response.headers["contact"] == [CONTACT]
        assert answer.headers["allow"] == [METHODS]


def test_options_to_a_connector() -> None:  # EDGE B5, 1.13
    with lossy_link(1) as link:
        stage = Stage(link)
        request = (
            f"OPTIONS sip:{HOST} SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.7:5060;branch=z9hG4bKo\r\n"
            f"From: <sip:a@192.0.2.7>;tag=o\r\nTo: <sip:{HOST}>\r\nCall-ID: o@192.0.2.7\r\n"
            "CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
        )
        (sent,) = stage.node.ask(request.encode(), stage.pbx.address, 0.0)
        response = parse_datagram(sent.data)
        assert isinstance(response, Response)
        assert response.status == 200
        assert response.headers["allow"] == [METHODS]
        assert response.headers["accept"] == ["application/sdp"]


@pytest.mark.parametrize("alone", [False, True])
def test_g722_is_neither_offered_nor_answered(alone: bool) -> None:  # EDGE M3
    offer = audio("192.0.2.7")
    head, _, _ = offer.partition(b"m=audio")
    line = WIDEBAND.replace(b" 0 101", b"") if alone else WIDEBAND
    with lossy_link(1) as link:
        stage = Stage(link, carrier=ANSWERS)
        plan = CallerPlan(body=head + line, bye_after_s=5.0)
        stage.pbx.call(OUTBOUND_URI, EDGE, plan, 0.0)
        link.run()
        if alone:
            assert responses(link, "488")
            assert not link.sent("E", "B", "INVITE")
        else:
            (answer,) = responses(link, "200")
            assert b"G722" not in invite_to(link, "B").body + answer.body
            assert b"m=audio 10" in answer.body and b" RTP/AVP 0" in answer.body
        stage.assert_quiet()
