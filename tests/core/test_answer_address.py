"""Where answers and later requests go for peers that send from one port and listen on another."""

import pytest

from edge.flow import Address
from tests.core.stand import DIALED, HOST, PBX, Node
from tests.support.sdp import audio

SENDS_FROM: Address = (PBX[0], 40_123)


def request(method: str, via: str, *, body: bytes = b"") -> bytes:
    kind = "Content-Type: application/sdp\r\n" if body else ""
    return (
        f"{method} sip:{DIALED}@{HOST} SIP/2.0\r\nVia: SIP/2.0/UDP {via}\r\n"
        f"From: <sip:+12065550100@{PBX[0]}>;tag=a\r\nTo: <sip:{DIALED}@{HOST}>\r\n"
        f"Call-ID: one@{PBX[0]}\r\nCSeq: 1 {method}\r\nContact: <sip:pbx@{PBX[0]}:5062>\r\n"
        f"{kind}Content-Length: {len(body)}\r\n\r\n"
    ).encode() + body


@pytest.mark.parametrize(
    ("via", "port"),
    [
        (f"{PBX[0]}:5062;branch=z9hG4bK1", 5062),
        (f"{PBX[0]};branch=z9hG4bK1", 5060),
        ("pbx.internal:5062;branch=z9hG4bK1", 5062),
        (f"{PBX[0]}:5062;branch=z9hG4bK1;rport", 40_123),
        (f"{PBX[0]}:5062;branch=z9hG4bK1;maddr=203.0.113.9;received=203.0.113.9", 5062),
    ],
)
def test_answers_go_to_the_host_they_came_from(via: str, port: int) -> None:  # EDGE W5, S10, S12
    node = Node()
    for data in (request("OPTIONS", via), request("INVITE", via, body=audio(PBX[0]))):
        answers = [it for it in node.ask(data, SENDS_FROM, 0.0) if it.data.startswith(b"SIP/2.0")]
        assert [it.flow.remote for it in answers] == [(PBX[0], port)]


def test_the_source_port_still_says_who_asks() -> None:  # EDGE W5, R18
    node = Node()
    (answer,) = node.ask(request("OPTIONS", f"{PBX[0]} :x;branch=z9hG4bK1"), SENDS_FROM, 0.0)
    assert answer.data.startswith(b"SIP/2.0 400 Bad Via")
    assert answer.flow.remote == SENDS_FROM
