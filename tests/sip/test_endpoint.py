"""Requests of peers: which belongs to which transaction, CANCEL, ACK, merged requests, answers."""

import pytest

from edge.flow import Flow, Transport
from edge.sip.message import Response, parse_datagram
from tests.sip.stand import FLOW, HERE, Answerer, Stand, peer_request

NEIGHBOUR = Flow(Transport.UDP, HERE, ("192.0.2.8", 5060))
OTHER_PORT = Flow(Transport.UDP, HERE, ("192.0.2.7", 40_000))


def answers(stand: Stand) -> list[Response]:
    read = [parse_datagram(it.data) for it in stand.sent]
    return [it for it in read if isinstance(it, Response)]


def test_a_new_request_goes_to_the_transaction_user() -> None:
    stand = Stand()
    stand.take(peer_request("OPTIONS"))
    assert [it.method for it in stand.requests] == ["OPTIONS"]
    assert stand.endpoint.pending() == 0  # the user decides whether it is worth a transaction


OTHERS = {  # RFC 3261 §17.2.3
    "another branch": peer_request(branch="z9hG4bKother"),
    "another sent-by host": peer_request(sent_by="192.0.2.8"),
    "another sent-by port": peer_request(sent_by="192.0.2.7:5070"),
    "another method": peer_request("OPTIONS"),
}
SAME = {
    "itself": peer_request(),
    "another Request-URI": peer_request(uri="sip:+12065550111@h"),
    "another CSeq": peer_request(cseq=7),
    "the default port written out": peer_request(sent_by="192.0.2.7:5060"),
}


@pytest.mark.parametrize("data", OTHERS.values(), ids=OTHERS)
def test_another_key_is_another_request(data: bytes) -> None:
    stand = Stand()
    stand.serve(peer_request())
    stand.take(data)
    assert len(stand.requests) == 2


@pytest.mark.parametrize("data", SAME.values(), ids=SAME)
def test_branch_sent_by_and_method_make_the_same_request(data: bytes) -> None:
    stand = Stand()
    stand.respond(stand.serve(peer_request()), 180)
    stand.take(data)
    assert len(stand.requests) == 1
    assert stand.said == ["180", "180"]


OLD = ("", "z9hG4bK", "branch-1")
"""Branches of RFC 2543's time: none, the cookie alone, one without the cookie."""


@pytest.mark.parametrize("branch", OLD)
def test_an_old_peers_request_is_known_by_all_its_parts(branch: str) -> None:  # §17.2.3, EDGE B9
    stand = Stand()
    stand.respond(stand.serve(peer_request(branch=branch)), 180)
    stand.take(peer_request(branch=branch))
    assert stand.said == ["180", "180"]
    assert len(stand.requests) == 1
    for other in (
        peer_request(branch=branch, cseq=2),
        peer_request(branch=branch, from_tag="x"),
        peer_request(branch=branch, call_id="x"),
        peer_request(branch=branch, uri="sip:x@h"),
        peer_request(branch=branch, sent_by="192.0.2.8"),
        peer_request("OPTIONS", branch=branch),
    ):
        stand.take(other)
    assert len(stand.requests) == 7


@pytest.mark.parametrize("branch", [*OLD, "z9hG4bKtheirs"])
def test_the_ack_of_a_refusal_is_absorbed(branch: str) -> None:
    stand = Stand()
    transaction = stand.serve(peer_request(branch=branch))
    stand.respond(transaction, 486)
    stand.take(peer_request("ACK", branch=branch, to_tag=transaction.to_tag))
    stand.run(100.0)
    assert stand.said == ["486"]  # not repeated
    assert len(stand.requests) == 1
    assert stand.is_empty


@pytest.mark.parametrize("branch", ["z9hG4bKtheirs", "z9hG4bKanother"])
def test_the_ack_of_a_2xx_goes_to_the_transaction_user(branch: str) -> None:
    """Its branch is a new one; a peer that takes the INVITE's is understood as well."""
    stand = Stand()
    transaction = stand.serve(peer_request())
    stand.respond(transaction, 200)
    stand.take(peer_request("ACK", branch=branch, to_tag=transaction.to_tag))
    assert [it.method for it in stand.requests] == ["INVITE", "ACK"]


def test_a_transaction_belongs_to_the_address_that_began_it() -> None:  # EDGE S16
    stand = Stand()
    stand.respond(stand.serve(peer_request()), 180)
    stand.take(peer_request(), NEIGHBOUR)
    assert stand.said == ["180"]
    stand.take(peer_request(), OTHER_PORT)
    assert stand.said == ["180", "180"]
    assert len(stand.requests) == 1


def test_responses_go_where_the_request_came_from() -> None:  # EDGE W5, RFC 3581
    stand = Stand()
    asked = peer_request(sent_by="192.0.2.7;rport")
    stand.respond(stand.serve(asked, OTHER_PORT), 180)
    stand.respond(stand.serve(peer_request(branch="z9hG4bKb"), OTHER_PORT), 180)
    assert [it.flow for it in stand.sent] == [OTHER_PORT, FLOW]


def ringing(stand: Stand, branch: str = "z9hG4bKtheirs") -> Answerer:
    transaction = stand.serve(peer_request(branch=branch))
    transaction.user = answerer = Answerer()
    stand.respond(transaction, 180)
    return answerer


@pytest.mark.parametrize("branch", [*OLD, "z9hG4bKtheirs"])
def test_cancel_finds_its_invite_and_is_answered_with_the_same_tag(branch: str) -> None:
    stand = Stand()
    answerer = ringing(stand, branch)
    stand.take(peer_request("CANCEL", branch=branch))
    assert len(answerer.cancels) == 1
    progress, answer = answers(stand)
    assert (answer.status, answer.cseq) == (200, (1, "CANCEL"))
    assert answer.to.tag == progress.to.tag
    assert len(stand.requests) == 1


def test_a_repeated_cancel_is_answered_again_and_heard_once() -> None:
    stand = Stand()
    answerer = ringing(stand)
    for _ in range(3):
        stand.take(peer_request("CANCEL"))
    assert stand.said == ["180", "200", "200", "200"]
    assert len(answerer.cancels) == 1


@pytest.mark.parametrize("final", [200, 486])
def test_cancel_after_the_final_response_changes_nothing(final: int) -> None:  # EDGE E2
    stand = Stand()
    transaction = stand.serve(peer_request())
    transaction.user = answerer = Answerer()
    stand.respond(transaction, final)
    stand.take(peer_request("CANCEL"))
    assert stand.said == [str(final), "200"]
    assert answerer.cancels == []


def test_cancel_of_nothing_goes_to_the_transaction_user() -> None:  # it answers 481, EDGE E2
    stand = Stand()
    stand.take(peer_request("CANCEL"))
    assert [it.method for it in stand.requests] == ["CANCEL"]


def test_a_neighbour_cannot_cancel() -> None:  # EDGE S16
    stand = Stand()
    answerer = ringing(stand)
    stand.take(peer_request("CANCEL"), NEIGHBOUR)
    assert answerer.cancels == []
    assert [it.method for it in stand.requests] == ["INVITE", "CANCEL"]


def test_the_same_request_over_another_path_is_merged_while_the_first_is_pending() -> None:
    stand = Stand()
    transaction = stand.serve(peer_request())
    stand.take(peer_request(branch="z9hG4bKdetour"))
    assert stand.endpoint.is_merged(stand.requests[-1])
    for other in (peer_request(cseq=2), peer_request(from_tag="x"), peer_request(call_id="x")):
        stand.take(other.replace(b"z9hG4bKtheirs", b"z9hG4bKdetour"))
        assert not stand.endpoint.is_merged(stand.requests[-1])
    stand.respond(transaction, 486)
    stand.run(100.0)
    stand.take(peer_request(branch="z9hG4bKdetour"))
    assert not stand.endpoint.is_merged(stand.requests[-1])


def test_a_request_inside_a_dialog_is_never_the_first_of_a_merge() -> None:
    stand = Stand()
    stand.serve(peer_request(to_tag="ours"))
    stand.take(peer_request(branch="z9hG4bKdetour"))
    assert not stand.endpoint.is_merged(stand.requests[-1])


def test_a_100_has_no_to_tag_and_every_other_response_has_the_same() -> None:  # EDGE B7, 2.2
    stand = Stand()
    transaction = stand.serve(peer_request())
    for status in (100, 180, 183, 200):
        stand.respond(transaction, status)
    assert [it.to.tag for it in answers(stand)] == [None, *[transaction.to_tag] * 3]


@pytest.mark.parametrize(("first", "second"), [(200, 486), (486, 200), (486, 486), (200, 180)])
def test_a_request_has_one_final_response(first: int, second: int) -> None:
    stand = Stand()
    transaction = stand.serve(peer_request())
    assert stand.respond(transaction, first) == stand.sent[0].data
    assert stand.respond(transaction, second) == b""
    assert stand.said == [str(first)]


def test_after_the_final_response_the_request_itself_is_let_go() -> None:
    stand = Stand()
    transaction = stand.serve(peer_request())
    stand.respond(transaction, 180)
    assert transaction.request is not None
    stand.respond(transaction, 200)
    assert transaction.request is None


def test_a_stateless_answer_leaves_nothing_and_keeps_its_tag() -> None:  # RFC 3261 §8.2.7
    stand = Stand()
    for data in (peer_request(), peer_request(), peer_request(call_id="another")):
        stand.take(data)
        stand.endpoint.respond_statelessly(
            stand.requests[-1], OTHER_PORT, 403, "Forbidden", [("Reason", "SIP")]
        )
    first, again, other = (it.to.tag for it in answers(stand))
    assert first is not None
    assert len(first) == 32
    assert first == again != other
    assert answers(stand)[0].get("reason") == "SIP"
    assert stand.is_empty


def test_another_node_gives_another_stateless_tag() -> None:
    """The tag is keyed: nobody can tell it in advance (EDGE S10)."""
    here, there = Stand("here"), Stand("there")
    for stand in (here, there):
        stand.take(peer_request())
        stand.endpoint.respond_statelessly(stand.requests[-1], NEIGHBOUR, 403, "Forbidden")
    assert answers(here)[0].to.tag != answers(there)[0].to.tag


def test_a_malformed_request_goes_to_the_transaction_user() -> None:  # EDGE R18
    stand = Stand()
    stand.take(peer_request().replace(b"CSeq: 1 INVITE", b"CSeq: x"))
    assert [it.error.element for it in stand.malformed] == ["CSeq"]
    assert stand.requests == []


@pytest.mark.parametrize("data", [b"SIP/2.0 abc\r\n\r\n", b"SIP/7.0 200 OK\r\n\r\n", b"x" * 70_000])
def test_unreadable_bytes_that_are_no_request_are_dropped(data: bytes) -> None:
    stand = Stand()
    stand.take(data)
    assert (stand.sent, stand.requests, stand.malformed) == ([], [], [])


def test_thousands_of_requests_leave_nothing_behind() -> None:
    stand = Stand()
    for number in range(2_000):
        method = ("INVITE", "OPTIONS", "BYE")[number % 3]
        data = peer_request(method, branch=f"z9hG4bK{number}", call_id=f"call-{number}")
        transaction = stand.serve(data)
        stand.respond(transaction, (200, 486, 503)[number % 7 % 3])
    assert stand.endpoint.pending() == 2_000
    stand.run(100.0)
    assert stand.is_empty
    assert not any(stand.endpoint.is_merged(it) for it in stand.requests)
