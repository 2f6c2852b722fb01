"""Calls over TCP and TLS, and what strangers may do on streams (EDGE W1-W6, W10, W13, S2, S3)."""

from dataclasses import replace

import pytest

from edge.flow import Address, Flow, Transport
from edge.seam import CloseFlow, FlowClosed, FlowIdle, Received
from edge.sip.message import Response, parse_message
from model.connector import Origination, Protocol, Route
from model.settings import UdpLarge
from tests.core.stand import (
    EDGE,
    HOST,
    INBOUND_URI,
    OUTBOUND_URI,
    PBX,
    SETTINGS,
    TLS_EDGE,
    Node,
    Stage,
    connector,
    ladder,
)
from tests.support.agent import CalleePlan, CallerPlan, Step
from tests.support.link import lossy_link
from tests.support.reoffers import Offer

STREAMS = pytest.mark.parametrize(
    ("transport", "edge"),
    [(Transport.TCP, EDGE), (Transport.TLS, TLS_EDGE)],
    ids=["TCP", "TLS"],
)
STRANGER: Address = ("203.0.113.99", 40_000)
RINGS = CalleePlan(steps=(Step(0.0, 100), Step(0.1, 180)))


def by_tcp(*hosts: str) -> Node:
    routes = tuple(Route(host=host, protocol=Protocol.TCP) for host in hosts)
    return Node(replace(connector(), origination=Origination(routes=routes)))


def flows_to(stage: Stage, remote: Address) -> list[Flow]:
    """Return the ways of everything that the edge sent to an address."""
    return [flow for _, flow in stage.node.all_sent if flow.remote == remote]


@STREAMS
def test_a_call_of_a_pbx_over_a_stream(transport: Transport, edge: Address) -> None:
    # EDGE W1, W5, W6, B3, B8
    with lossy_link(1) as link:
        stage = Stage(link, transport=transport)
        call = stage.pbx.call(OUTBOUND_URI, edge, CallerPlan(bye_after_s=3.0), 0.0)
        link.run()
        assert ladder(link) == (
            "A>E INVITE  E>A 100  E>B INVITE  B>E 100  B>E 180  E>A 180  "
            "B>E 200  E>B ACK  E>A 200  A>E ACK  "
            "A>E BYE  E>A 200(BYE)  E>B BYE  B>E 200(BYE)"
        )
        stage.assert_quiet()
        connections = {flow.connection for flow in flows_to(stage, PBX)}
        assert connections == {link.connection(stage.pbx.flow(edge))} != {0}
        assert call.final is not None and call.final.contact is not None
        uri = f"sip:{edge[0]}:{edge[1]};transport={transport.lower()}"
        assert call.final.contact.uri == uri


@STREAMS
def test_a_hold_goes_over_the_connection_of_its_call(transport: Transport, edge: Address) -> None:
    # EDGE W6, D6
    with lossy_link(1) as link:
        held = CalleePlan(steps=(Step(0.0, 200),), offers=(Offer(5.0, "sendonly"),))
        stage = Stage(link, transport=transport, carrier=held)
        plan = CallerPlan(offers=(Offer(9.0, "sendonly"),), bye_after_s=20.0)
        call = stage.pbx.call(OUTBOUND_URI, edge, plan, 0.0)
        link.run()
        assert call.reoffers.statuses == stage.carrier.taken[0].reoffers.statuses == [200]
        connections = {flow.connection for flow in flows_to(stage, PBX)}
        assert connections == {link.connection(stage.pbx.flow(edge))} != {0}
        stage.assert_quiet()


@STREAMS
def test_the_bye_to_a_pbx_goes_over_the_connection_of_its_call(
    transport: Transport, edge: Address
) -> None:  # EDGE W6
    with lossy_link(1) as link:
        stage = Stage(link, transport=transport, carrier=CalleePlan(bye_after_s=2.0))
        stage.pbx.call(OUTBOUND_URI, edge, CallerPlan(), 0.0)
        link.run()
        assert ladder(link).endswith("B>E BYE  E>B 200(BYE)  E>A BYE  A>E 200(BYE)")
        stage.assert_quiet()
        bye = flows_to(stage, PBX)[-1]
        assert bye.connection == link.connection(stage.pbx.flow(edge))
        assert bye.reconnect == PBX


def test_a_call_to_a_pbx_whose_route_says_tcp() -> None:  # EDGE W1, W6, F4
    with lossy_link(1) as link:
        stage = Stage(link, node=by_tcp(PBX[0]))
        stage.carrier.call(INBOUND_URI, EDGE, CallerPlan(bye_after_s=3.0), 0.0)
        link.run()
        assert ladder(link) == (
            "B>E INVITE  E>B 100  E>A INVITE  A>E 100  A>E 180  E>B 180  "
            "A>E 200  E>A ACK  E>B 200  B>E ACK  "
            "B>E BYE  E>B 200(BYE)  E>A BYE  A>E 200(BYE)"
        )
        stage.assert_quiet()
        invite, *rest = flows_to(stage, PBX)
        assert invite == Flow(Transport.TCP, EDGE, PBX)
        assert {flow.connection for flow in rest} == {link.connection(invite)}
        (taken,) = stage.pbx.taken
        assert taken.request.get("contact") == f"<sip:{EDGE[0]}:{EDGE[1]};transport=tcp>"


def test_a_connection_that_ends_before_any_answer_leads_to_the_next_route() -> None:  # EDGE F4
    with lossy_link(1) as link:
        stage = Stage(link, node=by_tcp(PBX[0], "192.0.2.8"))
        link.silent.add(PBX)
        first = Flow(Transport.TCP, EDGE, PBX, 77)
        link.at(0.5, lambda now: stage.node.hear(FlowClosed(first), now))
        link.silent.add(("192.0.2.8", 5060))
        second = Flow(Transport.TCP, EDGE, ("192.0.2.8", 5060), 78)
        link.at(0.7, lambda now: stage.node.hear(FlowClosed(second), now))
        call = stage.carrier.call(INBOUND_URI, EDGE, CallerPlan(), 0.0)
        link.run(2.0)
        assert sorted(it.destination for it in link.carried if it.source == "E") == [
            *("A", "A2", "B", "B")
        ]
        assert call.final is not None and call.final.status == 480
        link.run()
        stage.assert_quiet()


def test_a_bye_finds_its_way_when_the_connection_has_ended() -> None:  # EDGE W6
    with lossy_link(1) as link:
        carrier = CalleePlan(steps=(Step(0.0, 200),), bye_after_s=2.0)
        stage = Stage(link, transport=Transport.TCP, carrier=carrier)
        stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(), 0.0)
        link.run(1.0)
        old = stage.pbx.flow(EDGE)
        flow = Flow(Transport.TCP, EDGE, PBX, link.connection(old))
        link.silent.add(PBX)  # what goes over the dead connection is lost
        link.at(2.06, lambda now: stage.node.hear(FlowClosed(flow), now))
        link.at(2.06, lambda now: link.silent.discard(PBX))
        link.run()
        assert ladder(link).endswith("E>A BYE  E>A BYE  A>E 200(BYE)")
        assert flows_to(stage, PBX)[-1] == Flow(Transport.TCP, EDGE, PBX)
        stage.assert_quiet()


@pytest.mark.parametrize("contact", ["<sip:A@192.0.2.7>", "<sip:A@pbx.example.com>"])
def test_a_bye_to_a_pbx_that_we_called_goes_to_its_route_then(contact: str) -> None:  # EDGE W6
    with lossy_link(1) as link:
        stage = Stage(link, node=by_tcp(PBX[0]), pbx=CalleePlan(steps=(Step(0.0, 200),)))
        stage.pbx.contact = ("Contact", contact)
        stage.carrier.call(INBOUND_URI, EDGE, CallerPlan(bye_after_s=2.0), 0.0)
        link.run(1.0)
        used = flows_to(stage, PBX)[-1]
        assert used.connection and used.reconnect == PBX
        link.silent.add(PBX)
        link.at(2.06, lambda now: stage.node.hear(FlowClosed(used), now))
        link.at(2.06, lambda now: link.silent.discard(PBX))
        link.run()
        assert ladder(link).endswith("E>A BYE  E>A BYE  A>E 200(BYE)")
        assert flows_to(stage, PBX)[-1] == Flow(Transport.TCP, EDGE, PBX)
        stage.assert_quiet()


def test_a_dialog_follows_its_peer_to_a_new_connection() -> None:  # EDGE W6, S16
    with lossy_link(1) as link:
        carrier = CalleePlan(steps=(Step(0.0, 200),), bye_after_s=5.0)
        stage = Stage(link, transport=Transport.TCP, carrier=carrier)
        stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(reinvite_after_s=1.0), 0.0)
        link.run(0.5)
        link.forget_connections()
        link.run()
        numbers = [flow.connection for flow in flows_to(stage, PBX)]
        assert numbers[0] != numbers[-1]
        assert ladder(link).endswith("E>A BYE  A>E 200(BYE)")
        assert numbers[-1] == link.connection(stage.pbx.flow(EDGE))
        stage.assert_quiet()


def test_an_idle_connection_lives_as_long_as_a_dialog_uses_it() -> None:  # EDGE W4
    with lossy_link(1) as link:
        stage = Stage(link, transport=Transport.TCP)
        stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(bye_after_s=9.0), 0.0)
        link.run(5.0)
        used = Flow(Transport.TCP, EDGE, PBX, link.connection(stage.pbx.flow(EDGE)))
        unused = used._replace(connection=99)
        assert stage.node.hear(FlowIdle(used), 5.0) == []
        assert stage.node.hear(FlowIdle(unused), 5.0) == [CloseFlow(unused)]
        link.run()
        assert stage.node.hear(FlowIdle(used), link.now) == [CloseFlow(used)]


@pytest.mark.parametrize("scheme", ["sips", "SIPS"])
def test_a_sips_call_does_not_leave_by_udp(scheme: str) -> None:  # EDGE W10, R26
    with lossy_link(1) as link:
        stage = Stage(link, transport=Transport.TLS)
        uri = OUTBOUND_URI.replace("sip:", f"{scheme}:")
        call = stage.pbx.call(uri, TLS_EDGE, CallerPlan(), 0.0)
        link.run()
        assert call.final is not None and call.final.status == 416
        assert link.sent("E", "B", "INVITE") == []
        assert stage.record.status_message == "416 sips cannot leave by TLS"
        stage.assert_quiet()


@pytest.mark.parametrize(
    ("octets", "ways"), [(100, {Transport.UDP}), (1_500, {Transport.TCP})], ids=["small", "large"]
)
def test_a_large_invite_to_a_udp_peer_goes_by_tcp(octets: int, ways: set[Transport]) -> None:
    # EDGE W13
    with lossy_link(1) as link:
        stage = Stage(link, pbx=RINGS)
        fields = (("User-to-User", "ab" * (octets // 2) + ";encoding=hex"),)
        stage.carrier.call(INBOUND_URI, EDGE, CallerPlan(cancel_after_s=2.0, fields=fields), 0.0)
        link.run()
        assert len(link.sent("E", "A", "INVITE")) == 1
        assert {flow.transport for flow in flows_to(stage, PBX)} == ways
        stage.assert_quiet()


def test_the_operator_may_keep_large_invites_on_udp() -> None:  # EDGE W13
    settings = replace(SETTINGS, routing=replace(SETTINGS.routing, udp_large=UdpLarge.UDP))
    with lossy_link(1) as link:
        stage = Stage(link, node=Node(settings=settings), pbx=RINGS)
        fields = (("User-to-User", "ab" * 750 + ";encoding=hex"),)
        stage.carrier.call(INBOUND_URI, EDGE, CallerPlan(cancel_after_s=2.0, fields=fields), 0.0)
        link.run()
        assert {flow.transport for flow in flows_to(stage, PBX)} == {Transport.UDP}


# Strangers and broken streams

STREAM = Flow(Transport.TCP, EDGE, STRANGER, 5)
PBX_STREAM = Flow(Transport.TCP, EDGE, (PBX[0], 40_000), 6)


def request(method: str, uri: str = f"sip:{HOST}", *lines: str) -> bytes:
    head = [
        f"{method} {uri} SIP/2.0",
        f"Via: SIP/2.0/TCP 203.0.113.99:5060;branch=z9hG4bK{method}",
        *("From: <sip:a@b>;tag=1", "To: <sip:c@d>", "Call-ID: x", f"CSeq: 1 {method}"),
        *lines,
    ]
    return "\r\n".join([*head, "", ""]).encode()


def status_of(node: Node) -> list[int]:
    read = [parse_message(data, Transport.TCP) for data, _ in node.outgoing()]
    return [it.status for it in read if isinstance(it, Response)]


def test_a_stream_that_cannot_be_read_on_is_refused_and_closed() -> None:  # EDGE W2, R18, R24
    for line, status in (
        ("Content-Length: -1", 400),
        ("X: y", 400),
        ("Content-Length: 70000", 513),
    ):
        node = Node()
        broken = Received(request("OPTIONS", f"sip:{HOST}", line), PBX_STREAM, broken=True)
        assert node.hear(broken, 1.0) == [CloseFlow(PBX_STREAM)]
        assert status_of(node) == [status]


BAD = {
    "a request that names nobody": request("OPTIONS", "sip:nobody", "Content-Length: 0"),
    "a request that names a connector": request("OPTIONS", f"sip:{HOST}", "Content-Length: 0"),
    "another protocol": b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
    "a request without Content-Length": request("OPTIONS"),
}


@pytest.mark.parametrize("data", BAD.values(), ids=BAD)
def test_the_third_bad_request_of_a_stranger_closes_its_stream(data: bytes) -> None:  # EDGE S2
    node = Node()
    bad = Received(data, STREAM)
    assert [node.hear(bad, 1.0)[:] for _ in range(3)] == [[], [], [CloseFlow(STREAM, 60.0)]]


def test_a_stranger_that_errs_now_and_then_keeps_its_stream() -> None:  # EDGE S2
    node = Node()
    bad = Received(BAD["another protocol"], STREAM)
    assert [node.hear(bad, 40.0 * minute)[:] for minute in range(6)] == [[]] * 6


def test_a_listed_source_is_told_and_not_banned() -> None:  # EDGE S2
    node = Node()
    bad = Received(request("OPTIONS"), PBX_STREAM)
    assert [node.hear(bad, 1.0)[:] for _ in range(5)] == [[]] * 5
    assert status_of(node) == [400] * 5


def test_a_stranger_over_its_rate_is_refused_and_closed() -> None:  # EDGE S3
    node = Node()
    for number in range(30):
        stranger = (f"198.18.0.{number}", 1)
        node.hear(Received(BAD["another protocol"], STREAM._replace(remote=stranger)), 1.0)
    data = BAD["a request that names nobody"]
    closed = [node.hear(Received(data, STREAM), 1.0)[:] for _ in range(11)]
    assert closed[10] == [CloseFlow(STREAM)]
    assert status_of(node)[-1] == 503


STUN = b"\x00\x01\x00\x00\x21\x12\xa4\x42" + bytes(12)


@pytest.mark.parametrize(
    "data",
    [b"", b"\r\n", b"\r\n\r\n", b"\0", bytes(4), STUN],
    ids=["empty", "CRLF", "double CRLF", "NUL", "NULs", "STUN"],
)
@pytest.mark.parametrize("source", [PBX, STRANGER], ids=["listed", "stranger"])
def test_a_datagram_that_keeps_a_way_open_is_ignored(data: bytes, source: Address) -> None:
    # EDGE W3; RFC 5626 §4.4.1, §3.5.1
    node = Node()
    assert node.ask(data, source, 1.0) == []
    assert node.logs == []
