"""Requests of ours: which response belongs to which, CANCEL, ACK, unreachable peers."""

import pytest

from edge.flow import Address, Flow, Transport
from edge.sip.message import Request
from tests.sip.stand import (
    BYE,
    FLOW,
    HERE,
    INVITE,
    PEER,
    Caller,
    Stand,
    read_request,
    response_to,
)

ELSEWHERE: Address = ("192.0.2.99", 5060)


def flow_to(remote: Address) -> Flow:
    return Flow(Transport.UDP, HERE, remote)


def same(*names: str, one: Request, other: Request) -> bool:
    return all(one.headers.get(name) == other.headers.get(name) for name in names)


def test_a_request_is_written_with_everything_it_needs() -> None:  # RFC 3261 §8.1.1, EDGE W14
    stand = Stand()
    transaction = stand.request(INVITE._replace(max_forwards=69), Caller())
    assert stand.sent[0].data.decode().split("\r\n") == [
        "INVITE sip:+12065550199@192.0.2.7 SIP/2.0",
        f"Via: SIP/2.0/UDP 198.51.100.10:5060;branch={transaction.branch};rport",
        "Route: <sip:proxy@192.0.2.7;lr>",
        "Max-Forwards: 69",
        "From: <sip:+12065550100@198.51.100.10>;tag=ours",
        "To: <sip:+12065550199@192.0.2.7>",
        "Call-ID: call-1",
        "CSeq: 1 INVITE",
        "Contact: <sip:198.51.100.10:5060>",
        "Content-Type: application/sdp",
        "Content-Length: 5",
        "",
        "v=0",
        "",
    ]


def test_every_request_has_a_branch_of_its_own() -> None:  # RFC 3261 §8.1.1.7
    stand = Stand()
    branches = {stand.request(INVITE, Caller()).branch for _ in range(10)}
    assert len(branches) == 10
    assert all(branch.startswith("z9hG4bK") for branch in branches)


def test_responses_go_to_whoever_sent_the_request() -> None:
    stand, one, other = Stand(), Caller(), Caller()
    stand.request(INVITE, one)
    stand.request(INVITE, other)
    stand.take(response_to(stand.sent[1].data, 180))
    stand.take(response_to(stand.sent[0].data, 183))
    assert (one.outcomes, other.outcomes) == ([183], [180])


OUR_VIA = "SIP/2.0/UDP 198.51.100.10:5060;branch=z9hG4bKbranch-e-2;rport=5060"
FOREIGN = {  # RFC 3261 §17.1.3, §18.1.2, §8.1.3.3; EDGE S10
    "another branch": {"Via": "SIP/2.0/UDP 198.51.100.10:5060;branch=z9hG4bKother"},
    "no branch": {"Via": "SIP/2.0/UDP 198.51.100.10:5060"},
    "another host": {"Via": OUR_VIA.replace("198.51.100.10", "198.51.100.11")},
    "another port": {"Via": OUR_VIA.replace(":5060;", ":5061;")},
    "another method": {"CSeq": "1 BYE"},
    "two Via values": {"Via": f"{OUR_VIA}, SIP/2.0/UDP 203.0.113.1;branch=z9hG4bKx"},
    "no readable Via": {"Via": "SIP/2.0/UDP ;"},
    "no readable CSeq": {"CSeq": "INVITE"},
    "no readable To": {"To": "<"},
}


def test_the_usual_via_is_the_one_that_the_table_below_spoils() -> None:
    stand, caller = Stand(), Caller()
    stand.request(INVITE, caller)
    stand.take(response_to(stand.sent[0].data, 200, Via=OUR_VIA))
    assert caller.outcomes == [200]


@pytest.mark.parametrize("changed", FOREIGN.values(), ids=FOREIGN)
def test_a_response_that_does_not_match_is_dropped(changed: dict[str, str]) -> None:
    stand, caller = Stand(), Caller()
    stand.request(INVITE, caller)
    stand.take(response_to(stand.sent[0].data, 200, **changed))
    assert caller.heard == []
    assert stand.said == ["INVITE"]


def test_a_response_from_elsewhere_is_dropped_unless_it_is_trusted() -> None:  # EDGE S10
    stand, wary, trusting = Stand(), Caller(), Caller(ELSEWHERE)
    stand.request(INVITE, wary)
    stand.request(INVITE, trusting)
    for sent in list(stand.sent):
        stand.take(response_to(sent.data, 180), flow_to(ELSEWHERE))
    assert (wary.outcomes, trusting.outcomes) == ([], [180])


def test_the_port_that_a_response_comes_from_does_not_matter() -> None:  # EDGE S10
    stand, caller = Stand(), Caller()
    stand.request(INVITE, caller)
    stand.take(response_to(stand.sent[0].data, 180), flow_to((PEER[0], 40_000)))
    assert caller.outcomes == [180]


def test_a_response_to_nothing_is_dropped() -> None:  # RFC 6026 §8.9
    stand = Stand()
    stand.take(response_to(peer_bytes(), 200))
    assert (stand.sent, stand.requests) == ([], [])


def peer_bytes() -> bytes:
    stand = Stand()
    stand.request(INVITE, Caller())
    return stand.sent[0].data


def test_each_2xx_of_a_fork_reaches_the_caller() -> None:  # RFC 3261 §13.2.2.4
    stand, caller = Stand(), Caller()
    stand.request(INVITE, caller)
    for tag in ("x", "y", "x"):
        stand.take(response_to(stand.sent[0].data, 200, tag=tag))
    assert [it.to.tag for it in caller.responses] == ["x", "y", "x"]
    assert stand.said == ["INVITE"]  # the ACK is the caller's to send


def test_a_refusal_is_acknowledged_by_the_transaction() -> None:  # RFC 3261 §17.1.1.3
    stand, caller = Stand(), Caller()
    stand.request(INVITE, caller)
    stand.take(response_to(stand.sent[0].data, 486, tag="busy"))
    invite, ack = (read_request(it.data) for it in stand.sent)
    assert caller.outcomes == [486]
    assert (ack.method, ack.uri, ack.cseq) == ("ACK", invite.uri, (1, "ACK"))
    assert same("via", "from", "call-id", "route", one=ack, other=invite)
    assert ack.require("to") == "<sip:+12065550199@192.0.2.7>;tag=busy"
    assert ack.body == b""
    assert ack.get("contact") is None


def test_a_repeated_refusal_is_acknowledged_again_and_heard_once() -> None:
    stand, caller = Stand(), Caller()
    stand.request(INVITE, caller)
    for _ in range(3):
        stand.take(response_to(stand.sent[0].data, 503))
    assert stand.said == ["INVITE", "ACK", "ACK", "ACK"]
    assert len({it.data for it in stand.sent[1:]}) == 1
    assert caller.outcomes == [503]


def test_no_other_request_is_acknowledged() -> None:
    stand, caller = Stand(), Caller()
    stand.request(BYE, caller)
    stand.take(response_to(stand.sent[0].data, 481))
    assert stand.said == ["BYE"]
    assert caller.outcomes == [481]


@pytest.mark.parametrize(("first", "late"), [(200, 180), (200, 486), (486, 180), (486, 200)])
def test_what_comes_after_the_final_response_is_ignored(first: int, late: int) -> None:
    stand, caller = Stand(), Caller()
    stand.request(INVITE, caller)
    for status in (first, late):
        stand.take(response_to(stand.sent[0].data, status))
    assert caller.outcomes == [first]


def test_cancel_is_the_invite_in_all_that_matters() -> None:  # RFC 3261 §9.1, EDGE E4
    stand = Stand()
    transaction = stand.request(INVITE, Caller())
    stand.endpoint.cancel(transaction, (("Reason", "SIP;cause=200"),), Caller(), 0.0)
    invite, cancel = (read_request(it.data) for it in stand.sent)
    assert (cancel.method, cancel.uri, cancel.cseq) == ("CANCEL", invite.uri, (1, "CANCEL"))
    assert same("via", "from", "to", "call-id", "route", one=cancel, other=invite)
    assert cancel.get("reason") == "SIP;cause=200"
    assert (cancel.get("contact"), cancel.body) == (None, b"")
    assert {it.flow for it in stand.sent} == {FLOW}


def test_the_answers_to_cancel_and_invite_are_told_apart() -> None:
    stand, caller, canceller = Stand(), Caller(), Caller()
    transaction = stand.request(INVITE, caller)
    stand.take(response_to(stand.sent[0].data, 180))
    stand.endpoint.cancel(transaction, (), canceller, 0.0)
    stand.take(response_to(stand.sent[1].data, 200))
    stand.take(response_to(stand.sent[0].data, 487))
    assert caller.outcomes == [180, 487]
    assert canceller.outcomes == [200]


def test_the_ack_of_a_2xx_is_a_new_transaction() -> None:  # RFC 3261 §13.2.2.4, EDGE D3
    stand = Stand()
    invite = stand.request(INVITE, Caller())
    ack = INVITE._replace(method="ACK", fields=(), body=b"")
    data = stand.endpoint.send_ack(ack, FLOW)
    assert stand.sent[1].data == data
    branch = read_request(data).via.branch
    assert branch is not None
    assert branch.startswith("z9hG4bK")
    assert branch != invite.branch
    stand.endpoint.resend(data, FLOW)
    assert stand.sent[2].data == data
    assert stand.endpoint.pending() == 1  # the INVITE's; nothing waits for an answer to ACK


def test_whoever_waits_for_an_unreachable_peer_hears_so() -> None:  # RFC 3261 §8.1.3.1
    stand, here, there, ringing = Stand(), Caller(), Caller(), Caller()
    stand.request(INVITE, ringing)
    stand.take(response_to(stand.sent[0].data, 180))
    stand.request(INVITE, here)
    stand.request(BYE, here)
    stand.request(INVITE, there, flow_to(ELSEWHERE))
    stand.endpoint.unreachable(PEER, Transport.UDP, 0.0)
    assert here.outcomes == ["unreachable", "unreachable"]
    assert there.outcomes == []
    assert ringing.outcomes == [180]  # the figure knows no transport error in PROCEEDING
    assert stand.endpoint.pending() == 2
    stand.endpoint.unreachable(PEER, Transport.UDP, 0.0)
    assert len(here.heard) == 2


def test_an_abandoned_request_is_forgotten() -> None:  # RFC 3261 §9.1
    stand, caller = Stand(), Caller()
    transaction = stand.request(INVITE, caller)
    stand.endpoint.abandon(transaction)
    stand.take(response_to(stand.sent[0].data, 200))
    stand.run(100)
    assert caller.heard == []
    assert stand.said == ["INVITE"]
    assert stand.is_empty


def test_a_caller_may_ask_again_while_it_hears_the_answer() -> None:
    """A challenge is answered inside on_response, a failover inside on_no_response."""
    stand = Stand()

    class Insisting(Caller):
        def on_no_response(self, transaction: object, now: float) -> None:
            self.heard.append((now, "timeout"))
            if len(self.heard) < 3:
                stand.request(INVITE, self)

    caller = Insisting()
    stand.request(INVITE, caller)
    stand.run(200.0)
    assert caller.heard == [(32.0, "timeout"), (64.0, "timeout"), (96.0, "timeout")]
    assert stand.is_empty
