"""Reading messages: headers in every form, framing, limits, and what a broken one still tells."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.sip.grammar import SipParseError
from edge.sip.message import (
    COMPACT,
    MAX_BODY_BYTES,
    MAX_HEAD_BYTES,
    MAX_HEADER_LINES,
    MAX_MESSAGE_BYTES,
    SINGLE,
    MalformedRequest,
    Message,
    Request,
    check_response,
    parse_datagram,
)
from tests.sip.messages import MANDATORY, head, invite_bytes, request_of, response_of


def fault_of(data: bytes) -> MalformedRequest:
    """Return why a request is refused."""
    with pytest.raises(MalformedRequest) as caught:
        parse_datagram(data)
    return caught.value


def test_a_request_is_start_line_headers_and_body() -> None:
    request = request_of(invite_bytes("Content-Type: Application/SDP;x=y") + b"v=0\r\n")
    assert (request.method, request.uri) == ("INVITE", "sip:+12065550199@h")
    assert request.call_id == "call-1"
    assert request.cseq == (1, "INVITE")
    assert request.via.branch == "z9hG4bK1"
    assert request.from_.tag == "from-1"
    assert request.to.tag is None
    assert request.contact is not None
    assert request.content_type == "application/sdp"
    assert request.body == b"v=0\r\n"


def test_what_is_not_there_is_none_or_empty_or_an_error() -> None:
    request = request_of(invite_bytes(Contact="*"))
    assert request.get("subject") is None
    assert request.members("route") == []
    assert request.content_type is None
    with pytest.raises(SipParseError, match=r"^Subject: the header is missing$"):
        request.require("subject")


@pytest.mark.parametrize(("compact", "name"), COMPACT.items())
@pytest.mark.parametrize("upper", [False, True])
def test_a_compact_name_is_the_long_one(compact: str, name: str, upper: bool) -> None:
    written = compact.upper() if upper else compact  # RFC 3261 §7.3.3, EDGE W14
    value = MANDATORY.get(name.title().replace("Id", "ID"), "0")
    usual = {it: None for it in MANDATORY if it.lower() == name}
    assert request_of(invite_bytes(f"{written}: {value}", **usual)).headers[name] == [value]


@pytest.mark.parametrize(
    "line",
    [
        "Subject: a b", "subject:a b", "SUBJECT:   a b  ", "Subject : a b", "Subject\t:\ta b\t",
        "s: a b", "Subject: a\r\n b", "Subject: a\r\n\t  b", "Subject:\r\n a b",
    ],
)  # fmt: skip
def test_case_space_and_folding_make_no_difference(line: str) -> None:  # RFC 3261 §7.3.1
    assert request_of(invite_bytes(line)).get("subject") == "a b"


def test_a_list_may_stand_on_one_line_or_on_many() -> None:  # RFC 3261 §7.3.1
    one = request_of(invite_bytes("Route: <sip:a;lr>, <sip:b;lr>,<sip:c;lr>"))
    many = request_of(invite_bytes("Route: <sip:a;lr>", "Route: <sip:b;lr>, <sip:c;lr>"))
    assert one.members("route") == many.members("route") == [f"<sip:{it};lr>" for it in "abc"]
    assert request_of(invite_bytes("Supported:")).members("supported") == []


def test_the_topmost_via_counts() -> None:
    above = "SIP/2.0/UDP top;branch=z9hG4bKtop , SIP/2.0/TCP below;branch=z9hG4bKbelow"
    assert request_of(invite_bytes(Via=above)).via.host == "top"


def test_octets_that_are_no_utf_8_leave_as_they_came() -> None:
    request = request_of(invite_bytes().replace(b"call-1", b"call-\xff\xfe"))
    assert request.call_id.encode("utf-8", "surrogateescape") == b"call-\xff\xfe"


LENGTHS = [
    ((), b"abc", b"abc"),
    (("Content-Length: 3",), b"abc", b"abc"),
    (("l:0003",), b"abc", b"abc"),
    (("Content-Length: 2",), b"abc", b"ab"),
    (("Content-Length: 0",), b"INVITE sip:x SIP/2.0\r\n\r\n", b""),
    (("Content-Length: 0",), b"", b""),
]


@pytest.mark.parametrize(("lines", "sent", "body"), LENGTHS)
def test_content_length_ends_the_body(lines: tuple[str, ...], sent: bytes, body: bytes) -> None:
    assert request_of(invite_bytes(*lines) + sent).body == body  # EDGE W2


@pytest.mark.parametrize(
    "lines",
    [
        ("Content-Length: 4",), ("Content-Length: -1",), ("Content-Length: x",),
        ("Content-Length:",),
        ("Content-Length: 65537",), ("Content-Length: 3, 3",), ("Content-Length: 3", "l: 3"),
        ("Content-Length: 3", "Content-Length: 2"), ("Content-Length: 99999999999",),
    ],
)  # fmt: skip
def test_a_wrong_content_length_is_400(lines: tuple[str, ...]) -> None:  # EDGE W2, S8
    fault = fault_of(invite_bytes(*lines) + b"abc")
    assert (fault.error.element, fault.error.status) == ("Content-Length", 400)
    assert fault.request is not None


def padded(total: int) -> bytes:
    """Return an INVITE whose header section has `total` octets."""
    bare = len(invite_bytes("Subject: ")) - 4
    return invite_bytes("Subject: " + "x" * (total - bare))


def with_lines(total: int) -> bytes:
    return invite_bytes(*["X-A: b"] * (total - len(MANDATORY)))


LIMITS = {  # EDGE R24
    "head": (padded(MAX_HEAD_BYTES), padded(MAX_HEAD_BYTES + 1)),
    "lines": (with_lines(MAX_HEADER_LINES), with_lines(MAX_HEADER_LINES + 1)),
    "body": (
        invite_bytes() + b"x" * MAX_BODY_BYTES,
        invite_bytes() + b"x" * (MAX_BODY_BYTES + 1),
    ),
    "announced body": (
        invite_bytes(f"l: {MAX_BODY_BYTES}") + b"x" * (MAX_BODY_BYTES + 1),
        invite_bytes(f"l: {MAX_BODY_BYTES + 1}") + b"x" * (MAX_BODY_BYTES + 1),
    ),
}


@pytest.mark.parametrize(("at", "above"), LIMITS.values(), ids=LIMITS)
def test_the_limits_of_one_message(at: bytes, above: bytes) -> None:
    assert request_of(at).method == "INVITE"
    fault = fault_of(above)
    assert fault.error.status == 513
    assert fault.request is not None


def test_the_limits_are_those_that_the_specification_names() -> None:  # EDGE R24
    assert (MAX_HEAD_BYTES, MAX_HEADER_LINES, MAX_BODY_BYTES) == (16_384, 128, 16_384)
    assert MAX_MESSAGE_BYTES == 65_536


def test_more_than_64_kib_is_not_even_looked_at() -> None:  # EDGE R24
    fill = MAX_MESSAGE_BYTES - len(invite_bytes("l: 0"))
    assert request_of(invite_bytes("l: 0") + b"x" * fill).body == b""
    with pytest.raises(SipParseError, match="longer than 64 KiB") as caught:
        parse_datagram(invite_bytes("l: 0") + b"x" * (fill + 1))
    assert caught.value.status == 513


@pytest.mark.parametrize(
    ("start", "status"),
    [
        ("INVITE sip:h SIP/2.1", 505), ("INVITE sip:h SIP/3.0", 505), ("INVITE sip:h sip/1.0", 505),
        ("INVITE sip:h HTTP/1.1", 400), ("INVITE sip:h SIP/2", 400), ("INVITE sip:h", 400),
        ("INVITE  sip:h SIP/2.0", 400), ("INVITE sip:h SIP/2.0 ", 400),
        (" INVITE sip:h SIP/2.0", 400),
        ("INVITE sip:a b SIP/2.0", 400), ("IN(VITE sip:h SIP/2.0", 400),
        ("INVITE <sip:h> SIP/2.0", 400),
        ("INVITE sip:h SIP/99999.0", 400), ("", 400),
    ],
)  # fmt: skip
def test_a_wrong_request_line(start: str, status: int) -> None:  # EDGE R18, R19
    fault = fault_of(head(start))
    assert (fault.error.element, fault.error.status) == ("Request-Line", status)
    assert fault.request is not None


def test_the_version_is_read_in_any_case() -> None:  # RFC 3261 §7.1
    assert request_of(head("INVITE sip:h sip/2.0")).method == "INVITE"


@pytest.mark.parametrize("name", ["Via", "From", "To", "Call-ID", "CSeq"])
def test_without_its_mandatory_headers_a_request_cannot_be_answered(name: str) -> None:
    fault = fault_of(invite_bytes(**{name: None}))  # EDGE R18
    assert fault.error.element == name
    assert fault.request is None


BROKEN = {
    "Via": "SIP/2.0/UDP ;",
    "From": "<sip:a",
    "To": '"a <sip:a@b>',
    "Call-ID": "a b",
    "CSeq": "1 BYE",
    "Max-Forwards": "256",
    "Contact": "<>",
}


@pytest.mark.parametrize(("name", "value"), BROKEN.items(), ids=BROKEN)
def test_the_answer_names_the_header_at_fault(name: str, value: str) -> None:  # EDGE R18
    fault = fault_of(invite_bytes(**{name: value}))
    assert (fault.error.element, fault.error.status) == (name, 400)
    assert str(fault).startswith(f"{name}: ")
    assert fault.request is not None
    assert fault.request.method == "INVITE"


@pytest.mark.parametrize("name", SINGLE)
def test_what_may_stand_once_may_not_stand_twice(name: str) -> None:  # RFC 3261 §7.3.1
    usual = next((it for it in MANDATORY if it.lower() == name), None)
    value = MANDATORY[usual] if usual else "0"
    lines = [f"{name}: {value}"] * (1 if usual else 2)
    assert fault_of(invite_bytes(*lines)).error.element.lower() == name


@pytest.mark.parametrize("line", ["no colon", ": no name", "a b: c", "a(b): c", "\0: c", "x\ny"])
def test_a_line_that_is_no_header_is_400(line: str) -> None:  # EDGE R18
    fault = fault_of(invite_bytes(line))
    assert (fault.error.element, fault.error.status) == ("message", 400)


def test_an_invite_needs_a_contact_and_readable_record_routes() -> None:  # RFC 3261 §8.1.1.8
    assert fault_of(invite_bytes(Contact=None)).error.element == "Contact"
    assert fault_of(invite_bytes("Record-Route: <sip:p")).error.element == "Record-Route"
    bye = head("BYE sip:h SIP/2.0", "Record-Route: <sip:p", Contact=None, CSeq="2 BYE")
    assert request_of(bye).method == "BYE"


def test_a_response_is_status_reason_headers_and_body() -> None:
    response = response_of(head("SIP/2.0 180 Ringing now") + b"abc")
    assert (response.status, response.reason) == (180, "Ringing now")
    assert response.cseq == (1, "INVITE")
    assert response.body == b"abc"
    assert response_of(head("sip/2.0 200")).reason == ""


@pytest.mark.parametrize(
    "start",
    [
        "SIP/2.0 99 Low", "SIP/2.0 099 Low", "SIP/2.0 1000 High", "SIP/2.0 abc", "SIP/2.0  200 OK",
        "SIP/2.0 ", "SIP/2.0 ٢٠٠ OK", "SIP/2.0 -20 OK", "SIP/3.0 200 OK", "SIP/2.0\t200 OK",
        "SIP/2.0",
    ],
)  # fmt: skip
def test_a_wrong_status_line_is_never_taken_for_a_request(start: str) -> None:
    """A response is dropped when it cannot be read; nobody answers one (RFC 3261 §18.1.2)."""
    with pytest.raises(SipParseError, match=r"^Status-Line: "):
        parse_datagram(head(start))


def test_a_response_with_a_broken_head_or_length_is_refused() -> None:
    for broken in (head("SIP/2.0 200 OK", "no header"), head("SIP/2.0 200 OK", "l: 1")):
        with pytest.raises(SipParseError):
            parse_datagram(broken)


@pytest.mark.parametrize(
    ("status", "changed", "element"),
    [
        (200, {"Call_ID": None}, "Call-ID"),
        (200, {"Via": "SIP/2.0/UDP a, SIP/2.0/UDP b"}, "Via"),
        (486, {"To": "<"}, "To"),
        (183, {"Contact": "<"}, "Contact"),
        (200, {"Record_Route": "<"}, "Record-Route"),
    ],
)
def test_a_response_must_be_ours_and_have_what_a_dialog_is_made_of(
    status: int, changed: dict[str, str | None], element: str
) -> None:
    with pytest.raises(SipParseError, match=f"^{element}: "):
        check_response(response_of(head(f"SIP/2.0 {status} X", **changed)))


def test_a_refusal_makes_no_dialog_and_may_have_any_contact() -> None:
    check_response(response_of(head("SIP/2.0 486 Busy Here", Contact="<", Record_Route="<")))


def ask_everything(message: Message) -> None:
    """Read all that is read lazily."""
    for ask in (
        lambda: message.via, lambda: message.from_, lambda: message.to, lambda: message.cseq,
        lambda: message.contact, lambda: message.call_id, lambda: message.content_type,
        lambda: [message.members(name) for name in message.headers],
    ):  # fmt: skip
        try:
            ask()
        except SipParseError as error:
            assert error.status == 400


def assert_read_or_refused(data: bytes) -> None:
    try:
        message: Message | None = parse_datagram(data)
    except MalformedRequest as fault:
        assert fault.error.status in (400, 505, 513)
        message = fault.request
    except SipParseError as error:
        assert error.status in (400, 513)
        return
    if message is not None:
        ask_everything(message)
        assert not isinstance(message, Request) or message.headers["via"]


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:  # EDGE S8
    assert_read_or_refused(data)


WHOLE = (
    invite_bytes('Route: "A, B" <sip:a;lr>, <sip:b;lr>', "Content-Length: 3", "s: x\r\n y") + b"v=0"
)
OCTETS = st.sampled_from(
    [b"", b"\n", b"\r\n", b"\r\n ", b"\0", b'"', b"<", b">", b";", b",", b"\xff"]
)


@given(st.lists(st.tuples(st.integers(0, len(WHOLE)), OCTETS), min_size=1, max_size=4))
def test_a_damaged_message_is_read_or_refused(damages: list[tuple[int, bytes]]) -> None:
    data = WHOLE  # EDGE S8
    for at, octets in damages:
        data = data[:at] + octets + data[at + 1 :]
    assert_read_or_refused(data)


@given(st.integers(0, len(WHOLE) - 1))
def test_a_cut_message_is_read_or_refused(length: int) -> None:  # EDGE S8
    assert_read_or_refused(WHOLE[:length])
