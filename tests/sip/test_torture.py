"""The torture messages against the parser alone: what is read, what is refused, and where.

tests/core/test_torture.py sends the same bytes through the whole Core.
"""

from hashlib import sha256

import pytest

from edge.sip.grammar import SipParseError
from edge.sip.headers import NameAddress, Via, parse_name_address, parse_via
from edge.sip.message import MalformedRequest, Request, Response, check_response, parse_datagram
from edge.sip.uri import parse_uri, scheme_of, unescaped
from tests.support.torture import FOLDER, TortureMessage, torture_messages

MESSAGES = {it.name: it for it in torture_messages()}

REFUSED_REQUESTS = {
    "badinv01": ("Via", 400),
    "clerr": ("Content-Length", 400),
    "ncl": ("Content-Length", 400),
    "scalar02": ("CSeq", 400),
    "quotbal": ("To", 400),
    "ltgtruri": ("Request-Line", 400),
    "lwsruri": ("Request-Line", 400),
    "lwsstart": ("Request-Line", 400),
    "trws": ("Request-Line", 400),
    "badaspec": ("To", 400),
    "baddn": ("message", 400),
    "badvers": ("Request-Line", 505),
    "mismatch01": ("CSeq", 400),
    "mismatch02": ("CSeq", 400),
    "insuf": ("Call-ID", 400),
    "multi01": ("From", 400),
    "mcl01": ("Content-Length", 400),
    "inv2543": ("Contact", 400),
    "test": ("Request-Line", 400),
}
"""The element at fault and the status; all that the index calls invalid, but for what follows."""

UNANSWERABLE = {"insuf", "test"}
"""One of Via, From, To, Call-ID, CSeq is missing, so there is nothing to copy (EDGE R18)."""

READ_THOUGH_INVALID = {
    "escruri": "headers in the Request-URI are kept apart and never become headers",
    "baddate": "nobody uses Date",
    "regbadct": "REGISTER is refused before anybody reads its Contact",
    "scalarlg": "a response's CSeq is read, and refused, when it is matched",
    "ipv6-bad": "REGISTER is refused before anybody reads its Request-URI",
    "ipv6-bug-abnf-3-colons": "nobody uses a host that names no connector; RFC 5118 §4.10 likes it",
}

REFUSED_THOUGH_VALID = {"inv2543": "RFC 3261 §8.1.1.8 demands a Contact in every INVITE"}

REFUSED_RESPONSES = {"bigcode": "Status-Line"}


def request_of(name: str) -> Request:
    message = parse_datagram(MESSAGES[name].data)
    assert isinstance(message, Request)
    return message


def response_of(name: str) -> Response:
    message = parse_datagram(MESSAGES[name].data)
    assert isinstance(message, Response)
    return message


@pytest.mark.parametrize("message", MESSAGES.values(), ids=MESSAGES)
def test_the_file_is_the_one_that_the_index_describes(message: TortureMessage) -> None:
    assert sha256(message.data).hexdigest() == message.sha256


@pytest.mark.parametrize("message", MESSAGES.values(), ids=MESSAGES)
def test_valid_messages_are_read_and_invalid_ones_are_not(message: TortureMessage) -> None:
    try:
        read = parse_datagram(message.data)
    except (MalformedRequest, SipParseError):
        wanted = "invalid" if message.name not in REFUSED_THOUGH_VALID else "valid in rfc2543"
        assert message.validity.startswith(wanted)
    else:
        assert isinstance(read, Request if message.kind == "request" else Response)
        assert message.validity.startswith("valid") or message.name in READ_THOUGH_INVALID


@pytest.mark.parametrize(("name", "fault"), REFUSED_REQUESTS.items(), ids=REFUSED_REQUESTS)
def test_a_refused_request_names_what_is_wrong_with_it(name: str, fault: tuple[str, int]) -> None:
    with pytest.raises(MalformedRequest) as caught:
        parse_datagram(MESSAGES[name].data)
    assert (caught.value.error.element, caught.value.error.status) == fault
    assert (caught.value.request is None) == (name in UNANSWERABLE)  # EDGE R18


@pytest.mark.parametrize(("name", "element"), REFUSED_RESPONSES.items(), ids=REFUSED_RESPONSES)
def test_a_refused_response_names_what_is_wrong_with_it(name: str, element: str) -> None:
    with pytest.raises(SipParseError) as caught:
        parse_datagram(MESSAGES[name].data)
    assert caught.value.element == element


def test_every_refusal_allowed_here_is_one_that_the_core_may_send() -> None:
    for name, (_, status) in REFUSED_REQUESTS.items():
        wanted = "drop" if name in UNANSWERABLE else status
        assert wanted in MESSAGES[name].edge_accept


def test_wsinv_is_unfolded_and_unabbreviated() -> None:  # RFC 4475 §3.1.1.1
    invite = request_of("wsinv")
    assert invite.to == NameAddress("sip:vivekg@chair-dnrc.example.com", {"tag": "1918181833n"})
    assert invite.from_ == NameAddress("sip:jdrosen@example.com", {"tag": "98asjd8"})
    assert invite.cseq == (9, "INVITE")
    assert invite.get("max-forwards") == "0068"
    assert invite.get("subject") == ""
    assert invite.get("newfangledheader") == "newfangled value continued newfangled value"
    assert invite.get("unknownheaderwithunusualvalue") == ";;,,;;,;"
    assert invite.members("route") == [
        "<sip:services.example.com;lr;unknownwith=value;unknown-no-value>"
    ]
    assert invite.contact == NameAddress(
        "sip:jdrosen@example.com", {"newparam": "newvalue", "secondparam": None, "q": "0.33"}
    )
    assert [parse_via(value) for value in invite.members("via")] == [
        Via("UDP", "192.0.2.2", None, {"branch": "390skdjuw"}),
        Via("TCP", "spindle.example.com", None, {"branch": "z9hG4bK9ikj8"}),
        Via("UDP", "192.168.255.111", None, {"branch": "z9hG4bK30239"}),
    ]
    assert invite.content_type == "application/sdp"
    assert len(invite.body) == 150


def test_intmeth_keeps_every_legal_character() -> None:  # §3.1.1.2
    request = request_of("intmeth")
    assert request.method == request.cseq.method
    assert request.method == "!interesting-Method0123456789_*+`.%indeed'~"
    assert request.cseq.number == 139122385
    assert request.via.branch == "z9hG4bK-.!%66*_+`'~"
    assert request.call_id == "intmeth.word%ZK-!.*_+'@word`~)(><:\\/\"][?}{"
    assert request.from_.tag == "_token~1'+`*%!-."
    assert request.from_.parameters["fromparam''~+*_!.-%"] == "работающий"
    assert request.to.uri == "sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*@example.com"
    assert request.headers["extensionheader-!.%*+_`'~"] == ["\ufeff大停電"]
    uri = parse_uri(request.uri)
    assert uri.host == "example.com"
    assert uri.user_text == "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*"


def test_esc01_is_unescaped_once() -> None:  # §3.1.1.3
    invite = request_of("esc01")
    assert parse_uri(invite.uri).user_text == "sips:user@example.com"
    assert invite.to.sip_uri("To").user_text == "user"
    assert invite.from_.sip_uri("From").user_text == "I have spaces"
    assert invite.contact is not None
    contact = invite.contact.sip_uri("Contact")
    assert contact.user_text == "caller"
    assert [(unescaped(k), unescaped(v)) for k, v in contact.parameters.items()] == [
        (b"lr", None),
        (b"name", b"value%41"),
    ]


def test_escnull_has_two_different_contacts() -> None:  # §3.1.1.4
    register = request_of("escnull")
    assert register.to.sip_uri("To").user_text == "null-\0-null"
    first, second = (
        parse_name_address(value, "Contact").sip_uri("Contact")
        for value in register.members("contact")
    )
    assert (first.user_text, second.user_text) == ("\0", "\0\0")
    assert not first.equals(second)


def test_esc02_is_no_register_and_has_two_contacts() -> None:  # §3.1.1.5
    request = request_of("esc02")
    assert request.method == "RE%47IST%45R"
    assert request.members("contact") == [
        "<sip:alias1@host1.example.com>",
        "<sip:alias3@host3.example.com>",
    ]
    assert request.get("c%6fntact") == "<sip:alias2@host2.example.com>"


def test_lwsdisp_needs_no_space_before_the_bracket() -> None:  # §3.1.1.6
    assert request_of("lwsdisp").from_ == NameAddress("sip:caller@example.com", {"tag": "323"})


def test_longreq_is_read_whole() -> None:  # §3.1.1.7
    invite = request_of("longreq")
    vias = [parse_via(value) for value in invite.members("via")]
    assert [via.host for via in vias] == [
        *(f"sip{number}.example.com" for number in range(33, 0, -1)),
        "host.example.com",
    ]
    assert len(invite.from_.tag or "") == 155
    assert parse_uri(invite.uri).host == "example.com"


def test_dblreq_ends_where_its_content_length_says() -> None:  # §3.1.1.8, EDGE W2
    assert request_of("dblreq").method == "REGISTER"
    assert request_of("dblreq").body == b""


def test_semiuri_has_its_semicolon_in_the_user_part() -> None:  # §3.1.1.9
    uri = parse_uri(request_of("semiuri").uri)
    assert uri.user_text == "user;par=u@example.net"
    assert (uri.host, uri.parameters) == ("example.com", {})
    assert request_of("semiuri").members("accept") == [
        "application/sdp",
        "application/pkcs7-mime",
        "multipart/mixed",
        "multipart/signed",
        "message/sip",
        "message/sipfrag",
    ]


def test_transports_may_be_unknown() -> None:  # §3.1.1.10
    vias = [parse_via(value) for value in request_of("transports").members("via")]
    assert [via.transport for via in vias] == ["UDP", "SCTP", "TLS", "UNKNOWN", "TCP"]


def test_mpart01_keeps_its_binary_body() -> None:  # §3.1.1.11
    message = request_of("mpart01")
    assert message.content_type == "multipart/mixed"
    assert message.body.count(b"\0") > 0
    assert len(message.body) == int(message.require("content-length"))


def test_a_reason_phrase_is_free_text_and_may_be_empty() -> None:  # §3.1.1.12, §3.1.1.13
    strange, empty = response_of("unreason"), response_of("noreason")
    wanted = "= 2**3 * 5**2 но сто девяносто девять - простое"
    assert (strange.status, strange.reason) == (200, wanted)
    assert (empty.status, empty.reason) == (100, "")
    check_response(strange)
    check_response(empty)


def test_scalarlg_fails_when_its_cseq_is_asked_for() -> None:  # §3.1.2.5
    with pytest.raises(SipParseError) as caught:
        response_of("scalarlg").cseq  # noqa: B018 - reading it is the test
    assert caught.value.element == "CSeq"


def test_escruri_keeps_the_escaped_route_out_of_the_headers() -> None:  # §3.1.2.11
    invite = request_of("escruri")
    assert invite.members("route") == []
    assert parse_uri(invite.uri).headers == "Route=%3Csip:example.com%3E"


def test_badvers_is_answerable() -> None:  # §3.1.2.16
    with pytest.raises(MalformedRequest) as caught:
        parse_datagram(MESSAGES["badvers"].data)
    assert caught.value.request is not None
    assert caught.value.request.method == "OPTIONS"


def test_badbranch_has_the_cookie_and_nothing_else() -> None:  # §3.2.1
    assert request_of("badbranch").via.branch == "z9hG4bK"


@pytest.mark.parametrize(
    ("name", "scheme"), [("unkscm", "nobodyknowsthisscheme"), ("novelsc", "soap.beep")]
)
def test_another_scheme_is_416_and_only_where_it_is_read(name: str, scheme: str) -> None:
    request = request_of(name)  # §3.3.2, §3.3.3
    assert scheme_of(request.uri) == scheme
    with pytest.raises(SipParseError) as caught:
        parse_uri(request.uri)
    assert caught.value.status == 416


def test_unksm2_has_addresses_that_are_no_sip_uris() -> None:  # §3.3.4
    register = request_of("unksm2")
    assert register.to.uri == "isbn:2983792873"
    assert register.from_ == NameAddress("http://www.example.com", {"tag": "3234233"})


def test_a_parameter_belongs_to_the_header_without_brackets_and_to_the_uri_inside() -> None:
    outside, inside = request_of("cparam01").contact, request_of("cparam02").contact
    assert outside == NameAddress("sip:+19725552222@gw1.example.net", {"unknownparam": None})
    assert inside is not None
    assert inside.parameters == {}
    assert inside.sip_uri("Contact").parameters == {"unknownparam": None}  # §3.3.12, §3.3.13


def test_regescrt_keeps_the_escaped_route_in_its_contact() -> None:  # §3.3.14
    register = request_of("regescrt")
    assert register.contact is not None
    uri = register.contact.sip_uri("Contact")
    assert uri.headers == "Route=%3Csip:sip.example.com%3E"
    assert register.members("route") == []


def fixed(name: str) -> bytes:
    """Return a message as the text of the RFC has it, where the archive's file is damaged."""
    return (FOLDER / "rfc4475" / "fixed" / f"{name}.dat").read_bytes()


def test_baddn_with_its_empty_line_is_read_as_if_the_quotes_were_there() -> None:  # §3.1.2.15
    request = parse_datagram(fixed("baddn"))
    assert request.from_ == NameAddress("sip:a.g.bell@example.com", {"tag": "43"})
    assert request.to == NameAddress("sip:t.watson@example.org", {})


def test_trws_with_its_right_host_is_refused_all_the_same() -> None:  # §3.1.2.10
    with pytest.raises(MalformedRequest, match=r"Request-Line: it is not <method> <URI> SIP/2\.0"):
        parse_datagram(fixed("trws"))


# --- RFC 5118: IPv6 ---


@pytest.mark.parametrize(
    ("name", "host", "port"),
    [
        ("ipv6-good", "[2001:db8::10]", None),  # §4.1
        ("port-ambiguous", "[2001:db8::10:5070]", None),  # §4.3: the port is part of the address
        ("port-unambiguous", "[2001:db8::10]", 5070),  # §4.4
        ("ipv6-bug-abnf-3-colons", "[2001:db8:::192.0.2.1]", None),  # §4.10
        ("ipv6-correct-abnf-2-colons", "[2001:db8::192.0.2.1]", None),
        ("ipv6-in-sdp", "[2001:db8::10]", None),
    ],
)
def test_an_ipv6_reference_is_read_with_its_brackets(
    name: str, host: str, port: int | None
) -> None:
    uri = parse_uri(request_of(name).uri)
    assert (uri.host, uri.port) == (host, port)


def test_ipv6_bad_has_no_host_that_could_be_meant() -> None:  # RFC 5118 §4.2
    with pytest.raises(SipParseError, match="Request-URI"):
        parse_uri(request_of("ipv6-bad").uri)


@pytest.mark.parametrize(
    ("name", "received"),
    [
        ("via-received-param-with-delim", "[2001:db8::9:255]"),
        ("via-received-param-no-delim", "2001:db8::9:255"),
    ],
)
def test_received_is_read_with_and_without_brackets(name: str, received: str) -> None:
    via = request_of(name).via  # RFC 5118 §4.5
    assert (via.host, via.port, via.parameters["received"]) == ("[2001:db8::9:1]", None, received)


def test_mult_ip_in_header_mixes_both_kinds_of_addresses() -> None:  # RFC 5118 §4.7
    vias = [parse_via(value) for value in request_of("mult-ip-in-header").members("via")]
    assert [(via.transport, via.sent_by) for via in vias] == [
        ("UDP", "[2001:db8::9:1]:6050"),
        ("UDP", "192.0.2.1:5060"),
        ("TCP", "[2001:db8::9:255]:5060"),
    ]
    assert vias[2].parameters["received"] == "192.0.2.200"


def test_ipv4_mapped_ipv6_addresses_are_read() -> None:  # RFC 5118 §4.9
    invite = request_of("ipv4-mapped-ipv6")
    vias = [parse_via(value) for value in invite.members("via")]
    assert [via.sent_by for via in vias] == ["[::ffff:192.0.2.10]:19823", "[::ffff:192.0.2.2]:5060"]
    assert invite.contact is not None
    assert invite.contact.sip_uri("Contact").host == "[::ffff:192.0.2.2]"
