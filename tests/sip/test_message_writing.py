"""Writing messages: what a response copies, where it says it goes, and that all is read back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.sip.message import MAX_HEADER_LINES, MalformedRequest, parse_datagram
from edge.sip.writing import header_lines, request_bytes, response_bytes, via_with_source
from tests.sip.messages import FLOW, MANDATORY, invite_bytes, request_of, response_of

OTHER = "192.0.2.99:5060"
SAME = "192.0.2.7:5062"
TOP = "SIP/2.0/UDP"

SOURCES = {  # RFC 3261 §18.2.1, RFC 3581 §4; the request came from 192.0.2.7:5062
    f"{TOP} {SAME};branch=b": f"{TOP} {SAME};branch=b",
    f"{TOP} {OTHER};branch=b": f"{TOP} {OTHER};branch=b;received=192.0.2.7",
    f"{TOP} pbx.example.com": f"{TOP} pbx.example.com;received=192.0.2.7",
    f"{TOP} {SAME};rport;branch=b": f"{TOP} {SAME};rport=5062;branch=b;received=192.0.2.7",
    f"{TOP} {OTHER};branch=b;rport": f"{TOP} {OTHER};branch=b;rport=5062;received=192.0.2.7",
    f"{TOP} {OTHER} ; RPort ;branch=b": f"{TOP} {OTHER} ;rport=5062 ;branch=b;received=192.0.2.7",
    f"{TOP} {OTHER};rport=1;branch=b": f"{TOP} {OTHER};rport=1;branch=b;received=192.0.2.7",
    f"{TOP} {OTHER};xrport;branch=b": f"{TOP} {OTHER};xrport;branch=b;received=192.0.2.7",
    f"{TOP} {SAME};branch=b, {TOP} x;rport": f"{TOP} {SAME};branch=b, {TOP} x;rport",
    f"{TOP} {OTHER};rport,{TOP} x;rport": (
        f"{TOP} {OTHER};rport=5062;received=192.0.2.7, {TOP} x;rport"
    ),
}


@pytest.mark.parametrize(("via", "wanted"), SOURCES.items(), ids=SOURCES)
def test_the_topmost_via_tells_where_the_request_came_from(via: str, wanted: str) -> None:
    assert via_with_source(request_of(invite_bytes(Via=via)), FLOW) == wanted


def test_a_via_that_cannot_be_read_is_copied_as_it_came() -> None:
    with pytest.raises(MalformedRequest) as caught:
        parse_datagram(invite_bytes(Via="SIP/2.0/UDP ;branch=b"))
    assert caught.value.request is not None
    answer = response_bytes(caught.value.request, FLOW, 400, "Bad Via", to_tag="t")
    assert b"\r\nVia: SIP/2.0/UDP ;branch=b\r\n" in answer


def test_a_response_copies_what_it_must_and_nothing_else() -> None:  # RFC 3261 §8.2.6.2
    request = request_of(
        invite_bytes("Via: SIP/2.0/TCP second;branch=b2", "v: SIP/2.0/UDP third", "Subject: x")
    )
    answer = response_bytes(
        request, FLOW, 486, "Busy Here", to_tag="to-1", fields=[("Reason", "Q.850;cause=17")]
    )
    assert answer.decode().split("\r\n") == [
        "SIP/2.0 486 Busy Here",
        "Via: SIP/2.0/UDP 192.0.2.7:5060;branch=z9hG4bK1",
        "Via: SIP/2.0/TCP second;branch=b2",
        "Via: SIP/2.0/UDP third",
        "From: <sip:pbx@192.0.2.7>;tag=from-1",
        "To: <sip:+12065550199@h>;tag=to-1",
        "Call-ID: call-1",
        "CSeq: 1 INVITE",
        "Reason: Q.850;cause=17",
        "Content-Length: 0",
        "",
        "",
    ]


@pytest.mark.parametrize(
    ("method", "status", "copied"),
    [
        ("INVITE", 100, False),
        ("INVITE", 180, True),
        ("INVITE", 200, True),
        ("INVITE", 300, False),
        ("OPTIONS", 200, False),
    ],
)
def test_proxies_that_recorded_their_route_stay_on_it(
    method: str, status: int, copied: bool
) -> None:  # RFC 3261 §12.1.1, EDGE B3
    routes = ["<sip:192.0.2.1;lr>, <sip:192.0.2.2;lr>", "<sip:192.0.2.3;lr>"]
    lines = [f"Record-Route: {it}" for it in routes]
    data = invite_bytes(*lines).replace(b"INVITE", method.encode())
    answer = response_bytes(request_of(data), FLOW, status, "Some", to_tag="t")
    assert response_of(answer).headers.get("record-route", []) == (routes if copied else [])


@pytest.mark.parametrize(
    ("to", "to_tag", "wanted"),
    [
        ("<sip:a@b>", "new", "<sip:a@b>;tag=new"),
        ("sip:a@b;x=y", "new", "sip:a@b;x=y;tag=new"),
        ("<sip:a@b>;tag=old", "new", "<sip:a@b>;tag=old"),
        ("<sip:a@b;tag=no>", "new", "<sip:a@b;tag=no>;tag=new"),
        ("<sip:a@b>", None, "<sip:a@b>"),
    ],
)
def test_the_to_tag_is_added_once(to: str, to_tag: str | None, wanted: str) -> None:
    request = request_of(invite_bytes(To=to))  # RFC 3261 §8.2.6.2
    answer = response_bytes(request, FLOW, 180, "Ringing", to_tag=to_tag)
    assert response_of(answer).require("to") == wanted


def test_a_to_that_cannot_be_read_gets_a_tag_all_the_same() -> None:
    with pytest.raises(MalformedRequest) as caught:
        parse_datagram(invite_bytes(To='"a <sip:a@b>'))
    assert caught.value.request is not None
    answer = response_bytes(caught.value.request, FLOW, 400, "Bad To", to_tag="t")
    assert b'\r\nTo: "a <sip:a@b>;tag=t\r\n' in answer


def test_a_body_brings_its_length() -> None:
    answer = response_bytes(request_of(invite_bytes()), FLOW, 200, "OK", body=b"v=0\r\n")
    assert response_of(answer + b"extra").body == b"v=0\r\n"
    assert answer.endswith(b"\r\nContent-Length: 5\r\n\r\nv=0\r\n")


def test_octets_that_are_no_utf_8_come_back_in_the_response() -> None:
    request = request_of(invite_bytes().replace(b"call-1", b"call-\xff\xfe"))
    assert b"\r\nCall-ID: call-\xff\xfe\r\n" in response_bytes(request, FLOW, 200, "OK")


def test_header_lines() -> None:
    assert header_lines([("Allow", "INVITE"), ("Warning", "399 h")]) == (
        "Allow: INVITE\r\nWarning: 399 h\r\n"
    )
    assert header_lines([]) == ""


VALUES = st.text(
    st.characters(min_codepoint=0x20, exclude_categories=["Cc", "Cs"]), max_size=30
).map(str.strip)
FIELDS = st.lists(
    st.tuples(st.from_regex(r"X-[-.!%*_+`'~0-9A-Za-z]{1,10}", fullmatch=True), VALUES),
    max_size=MAX_HEADER_LINES - len(MANDATORY) - 1,
)


@given(FIELDS, st.binary(max_size=100))
def test_a_written_request_is_read_back(fields: list[tuple[str, str]], body: bytes) -> None:
    data = request_bytes("INVITE", "sip:x@h", [*MANDATORY.items(), *fields], body)
    read = request_of(data)
    wanted: dict[str, list[str]] = {}
    for name, value in [*MANDATORY.items(), *fields, ("Content-Length", str(len(body)))]:
        wanted.setdefault(name.lower(), []).append(value)
    assert (read.method, read.uri, read.headers, read.body) == ("INVITE", "sip:x@h", wanted, body)


@given(FIELDS, st.integers(100, 699), VALUES, st.binary(max_size=100))
def test_a_written_response_is_read_back(
    fields: list[tuple[str, str]], status: int, reason: str, body: bytes
) -> None:
    request = request_of(invite_bytes())
    read = response_of(
        response_bytes(request, FLOW, status, reason, to_tag="t", fields=fields, body=body)
    )
    assert (read.status, read.reason, read.body) == (status, reason, body)
    assert (read.via, read.from_, read.cseq) == (request.via, request.from_, request.cseq)
    assert (read.call_id, read.to.tag) == (request.call_id, "t")
    for name, value in fields:
        assert value in read.headers[name.lower()]


@given(st.lists(VALUES.filter(bool), min_size=1, max_size=4), st.sampled_from([" ", "\t", "  \t "]))
def test_a_value_may_be_folded_at_any_space(words: list[str], space: str) -> None:
    folded = f"\r\n{space}".join(words)  # RFC 3261 §7.3.1
    request = request_of(invite_bytes(f"Subject: {folded}"))
    assert request.get("subject") == " ".join(words).strip()
