"""A dialog seen from both ends: identity, route set, remote target, sequence numbers (§12)."""

from typing import NamedTuple

import pytest

from edge.sip.dialog import Dialog
from edge.sip.exchange import OutgoingRequest
from edge.sip.message import Request, Response, parse_datagram
from edge.sip.uri import parse_uri
from edge.sip.writing import request_bytes, response_bytes
from tests.sip.messages import FLOW

INVITE = OutgoingRequest(
    method="INVITE",
    uri="sip:+12065550199@callee.example.com",
    from_="<sip:+12065550100@caller.example.com>;tag=caller",
    to="<sip:+12065550199@callee.example.com>",
    call_id="call-1",
    cseq=7,
    fields=(("Contact", "<sip:caller@192.0.2.1:5062;x=y>"),),
)


def received(request: OutgoingRequest, *further: tuple[str, str]) -> Request:
    """Return a request as its receiver reads it."""
    fields = [
        ("Via", "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1"),
        *(("Route", route) for route in request.routes),
        ("From", request.from_),
        ("To", request.to),
        ("Call-ID", request.call_id),
        ("CSeq", f"{request.cseq} {request.method}"),
        *request.fields,
        *further,
    ]
    read = parse_datagram(request_bytes(request.method, request.uri, fields, request.body))
    assert isinstance(read, Request)
    return read


def answered(invite: Request, *fields: tuple[str, str]) -> Response:
    """Return the 200 to an INVITE as its sender reads it."""
    read = parse_datagram(response_bytes(invite, FLOW, 200, "OK", to_tag="callee", fields=fields))
    assert isinstance(read, Response)
    return read


class Pair(NamedTuple):
    """Both ends of one dialog."""

    uac: Dialog
    uas: Dialog


def pair(*routes: str, contact: str = "<sip:callee@192.0.2.2:5064>") -> Pair:
    """Return a dialog that went through proxies; the first route is the one next to the caller."""
    recorded = [("Record-Route", route) for route in reversed(routes)]
    invite = received(INVITE, *recorded)
    answer = answered(invite, ("Contact", contact))
    return Pair(Dialog.of_uac(INVITE, "caller", answer), Dialog.of_uas(invite, "callee"))


NEAR, FAR = "<sip:near.example.com;lr>", "<sip:far.example.com:5070;lr;x=1>"


def test_both_ends_know_each_other() -> None:  # RFC 3261 §12.1.1, §12.1.2
    uac, uas = pair()
    assert (uac.call_id, uas.call_id) == ("call-1", "call-1")
    assert (uac.local_tag, uac.remote_tag) == ("caller", "callee")
    assert (uas.local_tag, uas.remote_tag) == ("callee", "caller")
    assert (uac.local, uac.remote) == (uas.remote, uas.local)
    assert uac.remote_target == "sip:callee@192.0.2.2:5064"
    assert uas.remote_target == "sip:caller@192.0.2.1:5062;x=y"
    assert (uac.local_cseq, uac.remote_cseq) == (7, None)
    assert (uas.local_cseq, uas.remote_cseq) == (0, 7)


def test_an_answer_without_contact_leaves_the_target_where_the_invite_went() -> None:
    answer = answered(received(INVITE))
    assert Dialog.of_uac(INVITE, "caller", answer).remote_target == INVITE.uri


def test_the_route_set_is_the_same_way_seen_from_either_end() -> None:
    uac, uas = pair(NEAR, FAR)  # RFC 3261 §12.1.1: in order, §12.1.2: reversed
    assert uac.routes == (NEAR, FAR)
    assert uas.routes == (FAR, NEAR)


def test_record_routes_on_one_line_are_as_many() -> None:
    answer = answered(received(INVITE), ("Record-Route", f"{FAR}, {NEAR}"))
    assert Dialog.of_uac(INVITE, "caller", answer).routes == (NEAR, FAR)


@pytest.mark.parametrize("sender", ["uac", "uas"])
def test_a_request_of_one_end_belongs_to_the_other(sender: str) -> None:
    ends = pair(NEAR)
    mine, theirs = (ends.uac, ends.uas) if sender == "uac" else (ends.uas, ends.uac)
    bye = mine.request("BYE", (("Reason", "SIP;cause=200"),))
    assert (bye.method, bye.uri, bye.routes) == ("BYE", mine.remote_target, (NEAR,))
    assert (bye.from_, bye.to, bye.call_id) == (mine.local, mine.remote, "call-1")
    assert bye.fields == (("Reason", "SIP;cause=200"),)
    assert theirs.holds(received(bye))
    assert theirs.accepts(received(bye))
    assert not mine.holds(received(bye))


@pytest.mark.parametrize(
    ("call_id", "tag"), [("call-2", "caller"), ("call-1", "other"), ("call-1", "Caller")]
)
def test_a_request_of_another_dialog_does_not_belong_here(call_id: str, tag: str) -> None:
    stray = INVITE._replace(call_id=call_id, from_=f"<sip:x@y>;tag={tag}")
    assert not pair().uas.holds(received(stray))  # RFC 3261 §12.2.2


def test_an_old_peer_without_a_tag_keeps_its_dialog() -> None:  # RFC 3261 §12.1.1
    old = INVITE._replace(from_="<sip:+12065550100@caller.example.com>")
    dialog = Dialog.of_uas(received(old), "callee")
    assert dialog.remote_tag is None
    assert dialog.holds(received(old._replace(method="BYE", cseq=8)))
    assert not dialog.holds(received(INVITE._replace(method="BYE", cseq=8)))


def test_our_sequence_numbers_grow_by_one_and_ack_repeats_the_invites() -> None:
    uac = pair().uac  # RFC 3261 §12.2.1.1, §13.2.2.4
    assert [uac.request("INVITE").cseq for _ in range(3)] == [8, 9, 10]
    ack = uac.ack(9, b"v=0\r\n")
    assert (ack.method, ack.cseq, ack.body) == ("ACK", 9, b"v=0\r\n")
    assert uac.request("BYE").cseq == 11


@pytest.mark.parametrize(
    ("numbers", "taken"),
    [
        ([8, 9, 10], [True, True, True]),
        ([100, 4_294_967_295], [True, True]),
        ([8, 8], [True, False]),
        ([7], [False]),
        ([6, 8], [False, True]),
        ([20, 19, 21], [True, False, True]),
    ],
)
def test_the_peers_sequence_numbers_grow_and_may_leap(
    numbers: list[int], taken: list[bool]
) -> None:  # RFC 3261 §12.2.2, EDGE D4
    uas = pair().uas
    requests = [received(INVITE._replace(method="OPTIONS", cseq=number)) for number in numbers]
    assert [uas.accepts(request) for request in requests] == taken


def test_each_direction_counts_for_itself() -> None:  # EDGE D4
    uac, uas = pair()
    assert uac.accepts(received(uas.request("OPTIONS")))
    assert uas.local_cseq == 1
    assert uas.accepts(received(uac.request("OPTIONS")))


def test_a_new_target_is_used_at_once() -> None:  # RFC 3261 §12.2.1.1, EDGE D12
    uac = pair(NEAR).uac
    uac.remote_target = "sip:callee@192.0.2.3"
    assert uac.request("BYE").uri == "sip:callee@192.0.2.3"
    assert uac.request("BYE").routes == (NEAR,)


STRICT = {
    "no parameter": "<sip:strict.example.com>",
    "lr behind the brackets": "<sip:strict.example.com>;lr",
    "lr in the user part": "<sip:a;lr@strict.example.com>",
    "a parameter that begins so": "<sip:strict.example.com;lrx=1>",
}
LOOSE = {
    "lr": NEAR,
    "LR": "<sip:near.example.com;LR>",
    "lr with a value": "<sip:near.example.com;lr=on>",
    "lr behind others": "<sip:near.example.com;transport=udp;lr>",
    "with a display name": '"Proxy" <sip:near.example.com;lr>',
}


@pytest.mark.parametrize("route", LOOSE.values(), ids=LOOSE)
def test_a_loose_router_finds_the_target_on_the_request_line(route: str) -> None:
    bye = pair(route, FAR).uac.request("BYE")  # RFC 3261 §12.2.1.1
    assert bye.uri == "sip:callee@192.0.2.2:5064"
    assert bye.routes == (route, FAR)


@pytest.mark.parametrize("route", STRICT.values(), ids=STRICT)
def test_a_strict_router_finds_itself_there_and_the_target_at_the_end(route: str) -> None:
    bye = pair(route, FAR).uac.request("BYE")  # RFC 3261 §12.2.1.1
    assert bye.uri == route[1 : route.index(">")]
    assert bye.routes == (FAR, "<sip:callee@192.0.2.2:5064>")


@pytest.mark.parametrize(
    ("routes", "contact", "hop"),
    [
        ((), "<sip:callee@192.0.2.2:5064>", "sip:callee@192.0.2.2:5064"),
        ((NEAR, FAR), "<sip:callee@192.0.2.2>", "sip:near.example.com;lr"),
        (("<sip:strict.example.com>",), "<sip:callee@192.0.2.2>", "sip:strict.example.com"),
        ((), "<tel:+12065550199>", None),
        (("<tel:+12065550199>",), "<sip:callee@192.0.2.2>", None),
        ((), "<sip:a b>", "sip:+12065550199@callee.example.com"),  # the Request-URI is what is left
    ],
)
def test_the_next_hop(routes: tuple[str, ...], contact: str, hop: str | None) -> None:
    found = pair(*routes, contact=contact).uac.next_hop()  # RFC 3261 §8.1.2
    assert found == (None if hop is None else parse_uri(hop))


def test_a_route_that_cannot_be_read_does_no_harm() -> None:
    uac = pair("<sip:[broken>").uac
    assert uac.next_hop() is None
    assert uac.request("BYE").uri == "sip:callee@192.0.2.2:5064"
