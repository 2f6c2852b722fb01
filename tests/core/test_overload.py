"""A node that has too much to do refuses new calls cheaply, keeps its own, recovers (EDGE R30)."""

import pytest

from edge.flow import Transport
from edge.seam import LoadMeasured
from tests.core.stand import (
    CARRIER,
    EDGE,
    HOST,
    INBOUND_URI,
    OUTBOUND_URI,
    PBX,
    Node,
    Stage,
    connector,
    ladder,
    responses,
)
from tests.core.test_shared_call_rate import invite
from tests.support.agent import CallerPlan
from tests.support.link import lossy_link

IDLE, BUSY, EXTREME = LoadMeasured(0.0, 0.1), LoadMeasured(0.0, 0.9), LoadMeasured(0.0, 1.0)


def options(branch: str = "o", host: str = HOST) -> bytes:
    return (
        f"OPTIONS sip:{host} SIP/2.0\r\n"
        f"Via: SIP/2.0/UDP {PBX[0]}:5060;branch=z9hG4bK{branch};rport\r\n"
        f"From: <sip:a@{PBX[0]}>;tag=a\r\nTo: <sip:{host}>\r\n"
        f"Call-ID: {branch}\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\n"
        f"Contact: <sip:a@{PBX[0]}:5060>\r\nUser-Agent: A PBX that asks now and then\r\n"
        "Accept: application/sdp\r\nContent-Length: 0\r\n\r\n"
    ).encode()


def test_new_calls_and_options_get_a_503_that_costs_nothing() -> None:
    node = Node()
    node.hear(BUSY, 0.0)
    waits = set()
    for number in range(40):
        (answer,) = node.ask(invite(number), PBX, 0.0)
        assert answer.data.startswith(b"SIP/2.0 503 ")
        waits.add(int(answer.data.partition(b"Retry-After: ")[2].split(b"\r\n")[0]))
    assert min(waits) >= 5 and max(waits) <= 15 and len(waits) > 3
    (answer,) = node.ask(options(), PBX, 0.0)
    assert answer.data.startswith(b"SIP/2.0 503 ")
    # Nothing is kept, nothing is written.
    assert node.is_empty() and not node.records
    # A carrier is told as well; a stranger never was.
    assert node.ask(invite(50), CARRIER, 0.0)[0].data.startswith(b"SIP/2.0 503 ")
    assert node.ask(invite(51), ("203.0.113.99", 5060), 0.0)[0].data.startswith(b"SIP/2.0 403 ")


def test_the_node_recovers_and_says_both() -> None:
    node = Node()
    node.hear(BUSY, 0.0)
    for tenth in range(1, 8):
        node.hear(IDLE, tenth / 10)
    assert node.ask(invite(1), PBX, 0.8)[0].data.startswith(b"SIP/2.0 100 ")
    shown = [it.fields["load"] for it in node.logs if it.event == "load"]
    assert shown == ["overloaded", "normal"]


def test_calls_that_are_up_go_on() -> None:
    with lossy_link(1) as link:
        stage = Stage(link)
        stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(reinvite_after_s=2.0, bye_after_s=6.0), 0.0)
        for second in range(3, 20):
            link.at(0.5 * second, lambda now: stage.node.hear(BUSY, now))
        link.at(3.0, lambda now: stage.carrier.call(INBOUND_URI, EDGE, CallerPlan(), now))
        link.run()
        assert "A>E INVITE  E>A 100  E>A 200  A>E ACK  A>E BYE" in ladder(link)
        assert stage.record.status_message == "Normal Call Clearing"
        assert len(link.sent("E", "B", "503")) == 1
        assert not responses(link, "503")


def test_an_invite_that_is_repeated_belongs_to_its_call() -> None:
    with lossy_link(1) as link:
        stage = Stage(link)
        link.lose(1)  # the 100
        stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(bye_after_s=1.0), 0.0)
        link.at(0.1, lambda now: stage.node.hear(BUSY, now))
        link.run()
        assert stage.record.status_message == "Normal Call Clearing"
        stage.assert_quiet()


def test_a_drowning_node_reads_no_invite_over_udp() -> None:
    node = Node()
    node.hear(EXTREME, 0.0)
    node.hear(EXTREME, 0.1)
    assert node.ask(invite(1), PBX, 0.1) == []
    assert node.ask(options(), PBX, 0.1)[0].data.startswith(b"SIP/2.0 503 ")
    over_tcp = node.ask_over(Transport.TCP, invite(2), PBX, 0.1)
    assert over_tcp[0].data.startswith(b"SIP/2.0 503 ")
    node.hear(BUSY, 0.2)
    assert node.ask(invite(1), PBX, 0.2)[0].data.startswith(b"SIP/2.0 503 ")
    assert node.logs[-1].fields["invites_dropped"] == 1


def test_few_free_ports_are_overload_too() -> None:
    node = Node()
    for number in range(31):
        node.ask(invite(number), PBX, 0.0)
    node.hear(IDLE, 0.1)
    assert node.ask(invite(40), PBX, 0.1)[0].data.startswith(b"SIP/2.0 503 ")


@pytest.mark.parametrize("request_", [invite(1), options()], ids=["INVITE", "OPTIONS"])
def test_a_draining_node_refuses_and_says_so(request_: bytes) -> None:  # EDGE R31
    node = Node()
    assert not node.core.report(0.0).draining
    node.drain(0.0)
    (answer,) = node.ask(request_, PBX, 0.0)
    assert answer.data.startswith(b"SIP/2.0 503 ")
    assert b"\r\nRetry-After: 30\r\n" in answer.data
    assert node.core.report(0.0).draining


def test_a_draining_node_is_not_among_those_whose_calls_are_averaged() -> None:  # EDGE X7, R31
    node = Node()
    node.ask(invite(1), PBX, 0.0)
    assert told_by(node) == {"ActiveCalls": 1, "ServingCalls": 1}
    node.drain(1.0)
    assert told_by(node) == {"ActiveCalls": 1}


def told_by(node: Node) -> dict[str, int | float]:
    """Return what a node tells of the calls that it holds."""
    figures = node.core.minute()[0].figures
    return {name: it for name, it in figures.items() if name in ("ActiveCalls", "ServingCalls")}


def test_a_draining_node_serves_its_calls() -> None:  # EDGE R31
    with lossy_link(1) as link:
        stage = Stage(link)
        stage.pbx.call(OUTBOUND_URI, EDGE, CallerPlan(reinvite_after_s=2.0, bye_after_s=4.0), 0.0)
        link.at(3.0, stage.node.drain)
        link.run()
        assert stage.record.status_message == "Normal Call Clearing"
        stage.assert_quiet()


def test_a_node_without_any_configuration_sends_new_work_away() -> None:  # EDGE R32
    node = Node(configured=False)
    for request_ in (invite(1), options()):
        (answer,) = node.ask(request_, PBX, 0.0)
        assert answer.data.startswith(b"SIP/2.0 503 ") and b"Retry-After" not in answer.data
        assert len(answer.data) <= len(request_)
    bye = options("b").replace(b"OPTIONS", b"BYE")
    assert node.ask(bye, PBX, 0.0) == []
    # No more of them than of the refusals of R7.
    assert sum(bool(node.ask(invite(number), PBX, 0.0)) for number in range(2, 40)) == 3
    node.load(connector())
    assert node.ask(invite(99), ("203.0.113.99", 5060), 1.0)[0].data.startswith(b"SIP/2.0 403 ")
