"""When what is sent again, and when a transaction is forgotten (RFC 3261 §17, RFC 6026)."""

import pytest

from edge.flow import Flow, Transport
from edge.sip.exchange import OutgoingRequest
from edge.sip.timing import T1, T2, T4, TIMEOUT
from tests.sip.stand import (
    BYE,
    FLOW,
    HERE,
    INVITE,
    PEER,
    Caller,
    Stand,
    peer_request,
    response_to,
)

STREAM = Flow(Transport.TCP, HERE, PEER)
BOTH = pytest.mark.parametrize("flow", [FLOW, STREAM], ids=["UDP", "TCP"])

EACH = pytest.mark.parametrize("sending", [INVITE, BYE], ids=["INVITE", "BYE"])

INVITE_AT = [0.0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
"""Timer A: doubled every time, until Timer B."""
OTHER_AT = [0.0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
"""Timers E and G: doubled up to T2, until Timer F or H."""


def times(stand: Stand, what: str) -> list[float]:
    return [it.at for it in stand.sent if it.what == what]


def test_the_timers_have_the_values_of_the_rfc() -> None:  # EDGE B8
    assert (T1, T2, T4, TIMEOUT) == (0.5, 4.0, 5.0, 32.0)


def test_an_invite_without_response_is_repeated_until_timer_b() -> None:  # A, B
    stand, caller = Stand(), Caller()
    stand.request(INVITE, caller)
    stand.run(100)
    assert times(stand, "INVITE") == INVITE_AT
    assert caller.heard == [(32.0, "timeout")]
    assert stand.is_empty


def test_another_request_without_response_is_repeated_until_timer_f() -> None:  # E, F
    stand, caller = Stand(), Caller()
    stand.request(BYE, caller)
    stand.run(100)
    assert times(stand, "BYE") == OTHER_AT
    assert caller.heard == [(32.0, "timeout")]
    assert stand.is_empty


@EACH
def test_on_a_stream_nothing_is_repeated_and_the_timeout_stays(sending: OutgoingRequest) -> None:
    stand, caller = Stand(), Caller()
    stand.request(sending, caller, STREAM)
    stand.run(100)
    assert len(stand.sent) == 1
    assert caller.heard == [(32.0, "timeout")]
    assert stand.is_empty


@EACH
def test_repeated_requests_are_the_same_bytes(sending: OutgoingRequest) -> None:
    stand = Stand()
    stand.request(sending, Caller())
    stand.run(100)
    assert len({it.data for it in stand.sent}) == 1
    assert {it.flow for it in stand.sent} == {FLOW}


def test_a_provisional_ends_the_repetition_of_an_invite_for_good() -> None:
    stand, caller = Stand(), Caller()
    stand.request(INVITE, caller)
    stand.run(1.0)
    stand.take(response_to(stand.sent[0].data, 100))
    stand.run(1_000)
    assert times(stand, "INVITE") == [0.0, 0.5]
    assert caller.heard == [(1.0, 100)]  # no Timer B: the call decides how long it rings
    assert stand.endpoint.pending() == 1


def test_a_provisional_slows_the_repetition_of_another_request_to_t2() -> None:
    stand, caller = Stand(), Caller()  # RFC 3261 §17.1.2.2
    stand.request(BYE, caller)
    stand.run(1.0)
    stand.take(response_to(stand.sent[0].data, 100))
    stand.run(100)
    assert times(stand, "BYE") == [0.0, 0.5, 1.5, 5.5, 9.5, 13.5, 17.5, 21.5, 25.5, 29.5]
    assert caller.heard == [(1.0, 100), (32.0, "timeout")]


@BOTH
def test_timer_m_keeps_an_accepted_invite_for_repeated_2xx(flow: Flow) -> None:  # RFC 6026
    stand, caller = Stand(), Caller()
    stand.request(INVITE, caller, flow)
    answer = response_to(stand.sent[0].data, 200)
    for at in (2.0, 10.0, 33.9):
        stand.run(at)
        stand.take(answer, flow)
    assert caller.outcomes == [200, 200, 200]
    stand.run(34.0)
    assert stand.is_empty
    stand.take(answer, flow)
    assert len(caller.heard) == 3


@pytest.mark.parametrize(("flow", "kept"), [(FLOW, 32.0), (STREAM, 0.0)], ids=["UDP", "TCP"])
def test_timer_d_keeps_a_refused_invite_for_repeated_refusals(flow: Flow, kept: float) -> None:
    stand, caller = Stand(), Caller()
    stand.request(INVITE, caller, flow)
    stand.run(0.25)
    stand.take(response_to(stand.sent[0].data, 486), flow)
    assert stand.timers.deadline() == 0.25 + kept
    stand.run(0.25 + kept)
    assert stand.is_empty


@pytest.mark.parametrize(("flow", "kept"), [(FLOW, 5.0), (STREAM, 0.0)], ids=["UDP", "TCP"])
def test_timer_k_keeps_an_answered_request_for_repeated_answers(flow: Flow, kept: float) -> None:
    stand, caller = Stand(), Caller()
    stand.request(BYE, caller, flow)
    stand.run(0.25)
    stand.take(response_to(stand.sent[0].data, 200), flow)
    stand.take(response_to(stand.sent[0].data, 200), flow)
    assert caller.outcomes == [200]
    assert stand.timers.deadline() == 0.25 + kept
    stand.run(0.25 + kept)
    assert stand.is_empty


def test_a_refusal_is_repeated_until_timer_h() -> None:  # G, H
    stand = Stand()
    stand.respond(stand.serve(peer_request()), 486)
    stand.run(100)
    assert times(stand, "486") == OTHER_AT
    assert stand.is_empty


def test_on_a_stream_a_refusal_is_not_repeated_and_waits_for_its_ack() -> None:
    stand = Stand()
    stand.respond(stand.serve(peer_request(), STREAM), 486)
    stand.run(31.9)
    assert stand.said == ["486"]
    assert stand.endpoint.pending() == 1
    stand.run(32.0)
    assert stand.is_empty


@pytest.mark.parametrize(("flow", "kept"), [(FLOW, 5.0), (STREAM, 0.0)], ids=["UDP", "TCP"])
def test_timer_i_absorbs_further_acks(flow: Flow, kept: float) -> None:
    stand = Stand()
    transaction = stand.serve(peer_request(), flow)
    stand.respond(transaction, 486)
    stand.run(0.25)
    ack = peer_request("ACK", to_tag=transaction.to_tag)
    stand.take(ack, flow)
    stand.take(ack, flow)
    assert len(stand.requests) == 1
    assert stand.timers.deadline() == 0.25 + kept
    stand.run(0.25 + kept)
    assert stand.said == ["486"]
    assert stand.is_empty


@BOTH
def test_timer_l_keeps_an_answered_invite_for_its_repetitions(flow: Flow) -> None:  # RFC 6026
    stand = Stand()
    stand.respond(stand.serve(peer_request(), flow), 200)
    stand.run(31.9)
    stand.take(peer_request(), flow)
    assert len(stand.requests) == 1  # no second call
    assert stand.said == ["200"]  # the transaction user repeats its 2xx itself (EDGE D2)
    stand.run(32.0)
    assert stand.is_empty


@pytest.mark.parametrize(("flow", "kept"), [(FLOW, 32.0), (STREAM, 0.0)], ids=["UDP", "TCP"])
def test_timer_j_keeps_an_answer_for_repeated_requests(flow: Flow, kept: float) -> None:
    stand = Stand()
    stand.respond(stand.serve(peer_request("BYE"), flow), 200)
    stand.take(peer_request("BYE"), flow)
    assert stand.said == ["200", "200"]
    assert stand.timers.deadline() == kept
    stand.run(kept)
    assert stand.is_empty


def test_a_repeated_invite_gets_the_last_provisional_again() -> None:  # RFC 3261 §17.2.1
    stand = Stand()
    transaction = stand.serve(peer_request())
    stand.take(peer_request())
    assert stand.said == []  # nothing was said yet
    for status in (100, 180):
        stand.respond(transaction, status)
        stand.take(peer_request())
    assert stand.said == ["100", "100", "180", "180"]
    assert len(stand.requests) == 1


def test_a_repeated_request_is_ignored_while_nobody_has_answered_it() -> None:
    stand = Stand()  # RFC 3261 §17.2.2
    stand.serve(peer_request("OPTIONS"))
    stand.take(peer_request("OPTIONS"))
    assert stand.sent == []
    assert len(stand.requests) == 1
