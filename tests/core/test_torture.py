"""The torture messages against the whole Core: the answer, and what must not happen besides."""

import pytest

from edge.flow import Address
from edge.media.sdp import SdpError, read
from edge.seam import Send
from tests.core.stand import HOST, PBX, PORTS, Node
from tests.support.circles import circles_of
from tests.support.torture import TortureMessage, Verdict, torture_messages

MESSAGES = torture_messages()
ADDRESSED = [it for it in MESSAGES if it.has_host]
STRANGER: Address = ("192.0.2.200", 40_000)

OPTIONS = (
    f"OPTIONS sip:{HOST} SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.7:5060;branch=z9hG4bKafter;rport\r\n"
    f"From: <sip:a@192.0.2.7>;tag=after\r\nTo: <sip:{HOST}>\r\nCall-ID: after@192.0.2.7\r\n"
    "CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
).encode()


def verdict_of(sent: list[Send]) -> Verdict:
    """Return the only final status that was sent, `drop` when nothing was."""
    statuses = [int(it.data[8:11]) for it in sent]
    finals = [status for status in statuses if status >= 200]
    assert len(finals) == len(statuses) or statuses[0] == 100
    assert len(finals) <= 1
    return finals[0] if finals else "drop"


def is_alive(node: Node, now: float) -> bool:
    """Ask for OPTIONS; retransmissions of earlier answers may go out in the same moment."""
    sent = [it for it in node.ask(OPTIONS, PBX, now) if b"branch=z9hG4bKafter" in it.data]
    return verdict_of(sent) == 200


def idle_after(node: Node) -> None:
    """Let every timer fire: nothing may be left."""
    while (deadline := node.deadline()) is not None:
        node.tick(deadline)
    assert node.is_empty(), node.core.pending


def assert_no_harm_is_done(node: Node, source: Address) -> None:  # EDGE S8, S10, S12
    assert all(it.flow.remote[0] == source[0] for it in node.sent), "something went elsewhere"
    assert len(node.worker.free) == len(PORTS), "a port was taken"
    assert is_alive(node, 0.5)
    idle_after(node)
    hosts = (source[0], PBX[0])
    assert all(it.flow.remote[0] in hosts for it in node.sent), "something went elsewhere"


@pytest.mark.parametrize("message", MESSAGES, ids=[it.name for it in MESSAGES])
def test_the_exact_bytes_from_a_listed_source_get_what_the_index_says(
    message: TortureMessage,
) -> None:
    node = Node()
    assert verdict_of(node.ask(message.data, PBX, 0.0)) in message.edge_accept
    assert_no_harm_is_done(node, PBX)


@pytest.mark.parametrize("message", ADDRESSED, ids=[it.name for it in ADDRESSED])
def test_addressed_to_a_connector_it_gets_what_the_index_says(message: TortureMessage) -> None:
    node = Node()
    sent = node.ask(message.addressed_to(HOST), PBX, 0.0)
    assert verdict_of(sent) in message.edge_accept_if_addressed_to_connector
    assert_no_harm_is_done(node, PBX)


@pytest.mark.parametrize("message", MESSAGES, ids=[it.name for it in MESSAGES])
def test_a_stranger_hears_nothing(message: TortureMessage) -> None:  # EDGE R36, S2
    node = Node()
    assert node.ask(message.data, STRANGER, 0.0) == []
    assert_no_harm_is_done(node, STRANGER)


def test_all_of_them_one_after_the_other_leave_nothing_behind() -> None:  # EDGE S8
    node = Node()
    for number, message in enumerate(MESSAGES):
        node.ask(message.data, PBX, 0.01 * number)
        node.ask(message.data, PBX, 0.01 * number)
    assert is_alive(node, 1.0)
    idle_after(node)


def test_what_cannot_be_used_is_let_go_at_once() -> None:  # EDGE S8, X9: no search for circles
    headless = OPTIONS.replace(b"\r\nTo:", b"\r\nno header\r\nTo:")
    unusable = [
        headless,
        headless.replace(b"OPTIONS", b"SIP/2.0 200 OK\r\n", 1),
        OPTIONS.replace(b"\r\nTo:", b"\r\nX: y" * 200 + b"\r\nTo:"),
        OPTIONS.replace(b"\r\nTo:", b"\r\nX: " + b"y" * 20_000 + b"\r\nTo:"),
    ]
    node = Node()
    with circles_of("edge.") as circles:
        for number, data in enumerate([*unusable, *(it.data for it in MESSAGES)]):
            node.ask(data, PBX, 0.01 * number)
            node.ask(data, STRANGER, 0.01 * number)
        assert circles() == []


def test_no_message_is_tried_twice_or_left_out() -> None:
    assert len(MESSAGES) == 62
    assert len(ADDRESSED) == 54
    assert len({it.file for it in MESSAGES}) == len(MESSAGES)


def test_ipv6_media_lines_do_not_hide_the_ipv4_one() -> None:  # RFC 5118 §4.8, EDGE SD9, R38
    bodies = {it.name: it.data.partition(b"\r\n\r\n")[2] for it in MESSAGES if it.kind == "request"}
    assert read(bodies["mult-ip-in-sdp"]).rtp == ("192.0.2.1", 22_334)
    with pytest.raises(SdpError, match="media needs an IPv4 address"):
        read(bodies["ipv6-in-sdp"].replace(b"AVP 2", b"AVP 0"))
    mapped = bodies["ipv4-mapped-ipv6"].replace(b"AVP 2", b"AVP 0")  # §4.9
    assert read(mapped).rtp == ("192.0.2.2", 6_000)
