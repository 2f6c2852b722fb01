"""IPv6 in the messages of peers that reach the node over IPv4, which is all that it has (RFC 5118).

tests/sip/test_torture.py reads the RFC's own messages.
"""

from dataclasses import replace

import pytest

from edge.seam import HangUp
from edge.sip.headers import parse_via
from edge.sip.message import Request
from model.connector import Connector
from tests.core.refusal_cases import Scene, asked
from tests.core.stand import PBX, connector
from tests.policy.world import OFFER, datagram

SENT_BY, TARGET, PROXY = "[2001:db8::10]:5062", "sip:pbx@[2001:db8::10]:5070", "[2001:db8::1]"
HEADERS = (f"Contact: <{TARGET}>", f"Record-Route: <sip:{PROXY};lr>")


def listing_ipv6() -> Connector:
    usual = connector()
    assert usual.termination is not None
    allowed = (f"{PBX[0]}/32", "2001:db8::/32")
    return replace(usual, termination=replace(usual.termination, cidr_allowed_list=allowed))


@pytest.mark.parametrize("usual", [connector(), listing_ipv6()], ids=["not listed", "listed"])
@pytest.mark.parametrize(("rport", "port"), [("", 5062), (";rport", PBX[1])])
def test_a_pbx_that_names_itself_by_ipv6(usual: Connector, rport: str, port: int) -> None:
    # EDGE W15: answers to the source, later requests to where the dialog was made
    via = f"SIP/2.0/UDP {SENT_BY};branch=z9hG4bKone{rport}"
    scene = asked(datagram(via=via, fields=HEADERS), PBX, usual)
    scene.callee(200, "OK", OFFER)
    answer = scene.responses((PBX[0], port))[-1]
    assert answer.status == 200
    told = parse_via(answer.require("via"))
    assert (told.sent_by, told.parameters["received"]) == (SENT_BY, PBX[0])
    assert answer.members("record-route") == [f"<sip:{PROXY};lr>"]
    ack = datagram("ACK", via=via.replace("one", "two"), to=answer.require("to"))
    scene.say(ack, PBX, 0.1)
    bye = last_request(scene, "BYE")
    assert (bye.uri, bye.members("route")) == (TARGET, [f"<sip:{PROXY};lr>"])


def last_request(scene: Scene, method: str) -> Request:
    """Let the node hang up; return what goes to the PBX, and nowhere else but to the carrier."""
    scene.node.hear(HangUp("Service shutdown"), 1.0)
    scene.wait(1.0)
    (found,) = [
        it
        for to, it in scene.heard
        if to[0] == PBX[0] and isinstance(it, Request) and it.method == method
    ]
    assert not any(":" in to[0] for to, _ in scene.heard), "nothing is sent over IPv6"
    return found
