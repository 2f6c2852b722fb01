"""The endpoint on streams: ports, answers, connections that end, requests too large for UDP."""

from collections.abc import Callable

import pytest

from edge.flow import Address, Flow, Transport
from edge.sip.endpoint import LARGE_WAIT_S, LARGEST_ON_UDP_BYTES, Endpoint
from edge.sip.exchange import ClientTransaction, OutgoingRequest
from edge.sip.message import Request, parse_message
from edge.sip.writing import answer_flow
from tests.sip.stand import BYE, FLOW, HERE, INVITE, PEER, Caller, Stand, peer_request, response_to

TLS_HERE: Address = (HERE[0], 5061)
TCP = Flow(Transport.TCP, HERE, PEER)
TLS = Flow(Transport.TLS, TLS_HERE, PEER)
THEIRS = Flow(Transport.TCP, HERE, (PEER[0], 40_000), 7, reconnect=PEER)
"""A connection that the peer has opened."""


def stand(*, large_by_tcp: bool = True) -> Stand:
    return Stand(large_by_tcp=large_by_tcp)


@pytest.mark.parametrize(
    ("flow", "via"),
    [
        (FLOW, "SIP/2.0/UDP 198.51.100.10:5060;"),
        (TCP, "SIP/2.0/TCP 198.51.100.10:5060;"),
        (TLS, "SIP/2.0/TLS 198.51.100.10:5061;"),
    ],
    ids=["UDP", "TCP", "TLS"],
)
def test_via_shows_the_transport_and_its_port(flow: Flow, via: str) -> None:  # EDGE W14, B3
    bench, caller = stand(), Caller()
    bench.request(INVITE, caller, flow)
    request = parse_message(bench.sent[0].data, flow.transport)
    assert request.headers["via"][0].startswith(via)
    assert request.headers["via"][0].endswith(";rport")
    bench.take(response_to(bench.sent[0].data, 180), flow._replace(connection=3))
    assert caller.outcomes == [180]


def test_the_default_port_of_tls_need_not_stand_in_a_via() -> None:  # RFC 3261 §18.1.1
    bench, caller = stand(), Caller()
    bench.request(BYE, caller, TLS)
    answer = response_to(bench.sent[0].data, 200).replace(b"10:5061;", b"10;")
    bench.take(answer, TLS._replace(connection=3))
    assert caller.outcomes == [200]


@pytest.mark.parametrize(
    ("transport", "sent_by", "port"),
    [
        (Transport.TCP, "192.0.2.7", 5060),
        (Transport.TLS, "192.0.2.7", 5061),
        (Transport.TLS, "pbx.example.com:5091;rport", 5091),
    ],
)
def test_an_answer_goes_back_on_the_connection_or_else_to_the_port_of_the_via(
    transport: Transport, sent_by: str, port: int
) -> None:  # EDGE W5
    arrived = Flow(transport, HERE, ("192.0.2.7", 40_000), 9)
    request = parse_message(peer_request("OPTIONS", sent_by=sent_by), transport)
    assert isinstance(request, Request)
    assert answer_flow(request, arrived) == arrived._replace(reconnect=("192.0.2.7", port))


def heard_of(bench: Stand, request: OutgoingRequest, flow: Flow) -> tuple[Caller, Flow]:
    caller = Caller()
    bench.request(request, caller, flow)
    return caller, bench.sent[-1].flow


@pytest.mark.parametrize("sending", [INVITE, BYE], ids=["INVITE", "BYE"])
def test_a_connection_that_ends_before_any_answer_is_an_unreachable_peer(
    sending: OutgoingRequest,
) -> None:  # EDGE F4
    bench = stand()
    caller, _ = heard_of(bench, sending, TCP)
    bench.endpoint.flow_closed(TCP._replace(connection=3), 1.0)
    assert caller.outcomes == ["unreachable"]
    assert bench.is_empty


def test_a_connection_that_ends_after_a_provisional_leaves_the_call_alone() -> None:
    # The answer may come over another one (RFC 3261 §18.2.2).
    bench = stand()
    caller, _ = heard_of(bench, INVITE, TCP)
    bench.take(response_to(bench.sent[0].data, 180), TCP._replace(connection=3))
    bench.endpoint.flow_closed(TCP._replace(connection=3), 1.0)
    bench.take(response_to(bench.sent[0].data, 200), THEIRS._replace(connection=4))
    assert caller.outcomes == [180, 200]


OTHER_ENDS = {
    "another peer's": TCP._replace(remote=("192.0.2.8", 5060), connection=3),
    "another transport's": TLS._replace(connection=3),
    "one that was opened for another name": TCP._replace(connection=3, tls_name="other"),
}


@pytest.mark.parametrize("closed", OTHER_ENDS.values(), ids=OTHER_ENDS)
def test_another_connection_that_ends_means_nothing(closed: Flow) -> None:
    bench = stand()
    caller, _ = heard_of(bench, INVITE, TCP)
    bench.endpoint.flow_closed(closed, 1.0)
    assert caller.outcomes == []


def test_a_request_inside_a_dialog_goes_to_a_new_connection_once() -> None:  # EDGE W6
    bench = stand()
    caller, _ = heard_of(bench, BYE, THEIRS)
    bench.endpoint.flow_closed(THEIRS, 1.0)
    assert [it.flow for it in bench.sent] == [THEIRS, TCP]
    assert bench.sent[0].data == bench.sent[1].data
    bench.endpoint.flow_closed(THEIRS, 2.0)
    assert caller.outcomes == []
    bench.endpoint.unreachable(PEER, Transport.TCP, 3.0)
    assert caller.outcomes == ["unreachable"]
    assert bench.is_empty


def test_a_transaction_learns_the_connection_on_which_its_peer_answers() -> None:  # EDGE W6
    bench, caller = stand(), Caller()
    transaction = bench.request(INVITE, caller, TCP)
    bench.take(response_to(bench.sent[0].data, 100), TCP._replace(connection=3))
    assert transaction.flow == TCP._replace(connection=3)
    bench.take(response_to(bench.sent[0].data, 180), THEIRS)
    assert transaction.flow == TCP._replace(connection=3)


# Requests too large for UDP, EDGE W13, RFC 3261 §18.1.1


def sized(request: OutgoingRequest, octets: int) -> OutgoingRequest:
    """Return a request that takes so many octets on the wire over UDP."""
    bench = stand(large_by_tcp=False)
    bench.request(request._replace(fields=(*request.fields, ("X", ""))), Caller(), FLOW)
    padding = "x" * (octets - len(bench.sent[0].data))
    return request._replace(fields=(*request.fields, ("X", padding)))


LARGE = sized(INVITE, LARGEST_ON_UDP_BYTES + 1)


def ways(bench: Stand) -> list[tuple[float, str, Transport]]:
    return [(round(it.at, 3), it.what, it.flow.transport) for it in bench.sent]


@pytest.mark.parametrize("sending", [INVITE, BYE], ids=["INVITE", "BYE"])
def test_1300_octets_go_by_udp_and_1301_by_tcp(sending: OutgoingRequest) -> None:
    bench = stand()
    for octets in (LARGEST_ON_UDP_BYTES, LARGEST_ON_UDP_BYTES + 1):
        bench.request(sized(sending, octets), Caller(), FLOW)
    small, large = bench.sent
    assert (small.flow, len(small.data)) == (FLOW, LARGEST_ON_UDP_BYTES)
    assert (large.flow, large.data[:200].count(b"Via: SIP/2.0/TCP ")) == (TCP, 1)


def test_a_large_request_stays_on_udp_where_the_operator_wants_it() -> None:
    bench = stand(large_by_tcp=False)
    bench.request(LARGE, Caller(), FLOW)
    assert [it.flow for it in bench.sent] == [FLOW]


def test_an_answer_over_tcp_keeps_the_request_there() -> None:
    bench, caller = stand(), Caller()
    bench.request(LARGE, caller, FLOW)
    bench.take(response_to(bench.sent[0].data, 180), TCP._replace(connection=3))
    bench.run(40.0)
    assert ways(bench) == [(0.0, "INVITE", Transport.TCP)]
    bench.take(response_to(bench.sent[0].data, 486), TCP._replace(connection=3))
    assert [it.what for it in bench.sent] == ["INVITE", "ACK"]
    assert bench.sent[1].flow == TCP._replace(connection=3)
    assert caller.outcomes == [180, 486]


def branch_of(bench: Stand, number: int) -> str | None:
    return parse_message(bench.sent[number].data, Transport.TCP).via.branch


def test_silence_over_tcp_leads_to_udp_with_the_same_branch() -> None:
    bench, caller = stand(), Caller()
    bench.request(LARGE, caller, FLOW)
    bench.run(40.0)
    by_udp = [(at, what) for at, what, over in ways(bench) if over is Transport.UDP]
    assert LARGE_WAIT_S == 1.0
    assert by_udp[:4] == [(1.0, "INVITE"), (1.5, "INVITE"), (2.5, "INVITE"), (4.5, "INVITE")]
    assert branch_of(bench, 0) == branch_of(bench, 1)
    assert b"Via: SIP/2.0/UDP " in bench.sent[1].data
    assert caller.outcomes == ["timeout"]
    assert bench.is_empty


LOSSES: dict[str, Callable[[Endpoint], None]] = {
    "refused": lambda endpoint: endpoint.unreachable(PEER, Transport.TCP, 0.0),
    "closed": lambda endpoint: endpoint.flow_closed(TCP._replace(connection=3), 0.0),
}


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("large", [LARGE, sized(BYE, 2_000)], ids=["INVITE", "BYE"])
def test_a_refused_connection_leads_to_udp_at_once(loss: str, large: OutgoingRequest) -> None:
    bench, caller = stand(), Caller()
    bench.request(large, caller, FLOW)
    LOSSES[loss](bench.endpoint)
    assert [it.flow for it in bench.sent] == [TCP, FLOW]
    bench.run(1.6)
    assert [at for at, _, over in ways(bench) if over is Transport.UDP] == [0.0, 0.5, 1.5]
    bench.endpoint.unreachable(PEER, Transport.UDP, 2.0)
    assert caller.outcomes == ["unreachable"]


def test_the_cancel_of_a_large_invite_goes_where_the_invite_went() -> None:  # EDGE E4
    bench, caller = stand(), Caller()
    invite: ClientTransaction = bench.request(LARGE, caller, FLOW)
    bench.take(response_to(bench.sent[0].data, 100), TCP._replace(connection=3))
    bench.endpoint.cancel(invite, (), caller, bench.now)
    assert bench.sent[-1].flow == TCP._replace(connection=3)
