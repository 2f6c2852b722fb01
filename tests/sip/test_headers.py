"""Via, the name-addr headers, CSeq and Expires: as peers write them, as they must not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.sip.grammar import SipParseError
from edge.sip.headers import (
    CSeq,
    NameAddress,
    Via,
    delta_seconds,
    parse_cseq,
    parse_name_address,
    parse_via,
)

VIAS = {
    "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1": Via(
        "UDP", "192.0.2.1", 5060, {"branch": "z9hG4bK1"}
    ),
    "SIP/2.0/TLS Host.Example.com;branch=z9hG4bK1;rport": Via(
        "TLS", "host.example.com", None, {"branch": "z9hG4bK1", "rport": None}
    ),
    "sip/2.0/udp host;Branch=x": Via("UDP", "host", None, {"branch": "x"}),
    "SIP / 2.0 / UDP first.example.com: 4000;ttl=16;maddr=224.2.0.1 ;branch=z9hG4bKa7c6": Via(
        "UDP",
        "first.example.com",
        4000,
        {"ttl": "16", "maddr": "224.2.0.1", "branch": "z9hG4bKa7c6"},
    ),  # RFC 3261 §20.42
    "SIP/2.0/UDP [2001:db8::9:1]:5060;received=[2001:db8::9:255]": Via(
        "UDP", "[2001:db8::9:1]", 5060, {"received": "[2001:db8::9:255]"}
    ),  # RFC 5118 §4.5
    "SIP/2.0/UDP [2001:db8::9:1];received=2001:db8::9:255": Via(
        "UDP", "[2001:db8::9:1]", None, {"received": "2001:db8::9:255"}
    ),
    "SIP/2.0/TLS-SCTP host": Via("TLS-SCTP", "host", None, {}),
    "SIP/2.0/UDP host:05060": Via("UDP", "host", 5060, {}),
    "SIP/2.0/UDP host;branch=a;branch=b": Via("UDP", "host", None, {"branch": "a"}),
    'SIP/2.0/UDP host;x="a;b,c"': Via("UDP", "host", None, {"x": "a;b,c"}),
}

ADDRESSES = {  # RFC 3261 §20.10, §20.20, §20.39
    '"Mr. Watson" <sip:watson@worcester.bell-telephone.com>;q=0.7; expires=3600': NameAddress(
        "sip:watson@worcester.bell-telephone.com", {"q": "0.7", "expires": "3600"}
    ),
    "The Operator <sip:operator@cs.columbia.edu>;tag=287447": NameAddress(
        "sip:operator@cs.columbia.edu", {"tag": "287447"}
    ),
    "sip:+12125551212@server.phone2net.com;tag=887s": NameAddress(
        "sip:+12125551212@server.phone2net.com", {"tag": "887s"}
    ),
    "sip:c8oqz84zk7z@privacy.org ; Tag = hyh8": NameAddress(
        "sip:c8oqz84zk7z@privacy.org", {"tag": "hyh8"}
    ),
    "<sip:h;lr;x=1>": NameAddress("sip:h;lr;x=1", {}),
    "<sip:h?subject=a,b>;tag=1": NameAddress("sip:h?subject=a,b", {"tag": "1"}),
    '"<sip:not@me>" <sip:me@h>': NameAddress("sip:me@h", {}),
    '"a \\" <b" <sip:me@h>;tag=1': NameAddress("sip:me@h", {"tag": "1"}),
    '""<sip:me@h>': NameAddress("sip:me@h", {}),
    "<tel:+12065550100>": NameAddress("tel:+12065550100", {}),
    '<sip:me@h>;x="a > b; c"': NameAddress("sip:me@h", {"x": "a > b; c"}),
    'sip:me@h;+sip.instance="<urn:uuid:1>";tag=1': NameAddress(
        "sip:me@h", {"+sip.instance": "<urn:uuid:1>", "tag": "1"}
    ),
    'sip:me@h;x="a"': NameAddress("sip:me@h", {"x": "a"}),
}


@pytest.mark.parametrize(("value", "wanted"), VIAS.items(), ids=VIAS)
def test_a_via_is_read(value: str, wanted: Via) -> None:
    assert parse_via(value) == wanted


@pytest.mark.parametrize(
    "value",
    [
        "", "SIP/2.0/UDP", "SIP/2.0/UDP ", "SIP/2.0 host", "SIP/1.0/UDP host", "HTTP/2.0/UDP host",
        "SIP/2.0/U(P host", "SIP/2.0/UDP ;branch=x", "SIP/2.0/UDP host:0", "SIP/2.0/UDP host:65536",
        "SIP/2.0/UDP host:0;branch=x", "SIP/2.0/UDP host:99999", "SIP/2.0/UDP a b",
        "SIP/2.0/UDP -h", "SIP/2.0/UDP host;", "SIP/2.0/UDP host;;branch=x", "SIP/2.0/UDP host;=x",
        "SIP/2.0/UDP host;branch=a b", 'SIP/2.0/UDP host;x="', "SIP/2.0/UDP host,x",
        "SIP/2.0/UDP h:x",
    ],
)  # fmt: skip
def test_what_is_no_via(value: str) -> None:
    with pytest.raises(SipParseError, match=r"^Via: "):
        parse_via(value)


@pytest.mark.parametrize(
    ("value", "sent_by"),
    [("SIP/2.0/UDP H", "h:5060"), ("SIP/2.0/UDP h:5060", "h:5060"), ("SIP/2.0/UDP h:1", "h:1")],
)
def test_sent_by_has_a_port_for_matching(value: str, sent_by: str) -> None:
    assert parse_via(value).sent_by == sent_by  # RFC 3261 §17.2.3


def test_a_peer_of_old_has_no_branch() -> None:
    assert parse_via("SIP/2.0/UDP h").branch is None


@given(
    host=st.text("aZ0.-_[:]", max_size=6),
    port=st.none() | st.integers(0, 70_000),
    trailer=st.text("aB0=;-%", max_size=12),
)
def test_the_short_way_through_a_via_reads_what_the_long_way_reads(
    host: str, port: int | None, trailer: str
) -> None:
    """Two spaces are legal, and never taken by the short way."""
    rest = host + ("" if port is None else f":{port}") + (trailer and f";{trailer}")

    def outcome(value: str) -> Via | None:
        try:
            return parse_via(value)
        except SipParseError:
            return None

    assert outcome(f"SIP/2.0/UDP {rest}") == outcome(f"SIP/2.0/UDP  {rest}")


@pytest.mark.parametrize(("value", "wanted"), ADDRESSES.items(), ids=ADDRESSES)
def test_an_address_is_read(value: str, wanted: NameAddress) -> None:
    assert parse_name_address(value, "To") == wanted


@pytest.mark.parametrize(
    "value",
    [
        "", "<>", "<sip:a@b", "< sip:a@b>", "<sip:a@b >", '"a <sip:a@b>', 'a "b" <sip:a@b>',
        '"a" b <sip:a@b>', '"a" sip:a@b', "sip:a@b?x=y", "sip:a@b c", "a, b", "<sip:a@b>x",
        "<sip:a@b> x;tag=1", "<sip:a@b>;", "sip:a@b;;tag=1", ";tag=1", '"', 'sip:a@b;x="y',
    ],
)  # fmt: skip
def test_what_is_no_address(value: str) -> None:
    with pytest.raises(SipParseError, match=r"^From: "):
        parse_name_address(value, "From")


def test_the_tag_is_case_sensitive_and_may_be_missing() -> None:
    assert parse_name_address("<sip:a@b>;tag=AbC", "To").tag == "AbC"
    assert parse_name_address("<sip:a@b>", "To").tag is None


def test_the_uri_of_an_address_is_parsed_when_asked_for() -> None:
    address = parse_name_address("<tel:+12065550100>", "To")
    with pytest.raises(SipParseError, match=r"^To: scheme 'tel'") as caught:
        address.sip_uri("To")
    assert caught.value.status == 416
    assert parse_name_address("<sip:a@B>", "To").sip_uri("To").host == "b"


NAMES = st.sampled_from(["", "Alice ", '"A, <B>; \\"C\\"" '])
TAGS = st.none() | st.from_regex(r"[-.!%*_+`'~0-9A-Za-z]{1,12}", fullmatch=True)


@given(name=NAMES, user=st.from_regex(r"[-a-z0-9;?+%]{1,8}", fullmatch=True), tag=TAGS)
def test_what_is_written_in_brackets_is_read_back(name: str, user: str, tag: str | None) -> None:
    value = f"{name}<sip:{user}@h;lr>" + ("" if tag is None else f";tag={tag}")
    read = parse_name_address(value, "From")
    assert read == NameAddress(f"sip:{user}@h;lr", {} if tag is None else {"tag": tag})


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("1 INVITE", CSeq(1, "INVITE")),
        ("0009  INVITE", CSeq(9, "INVITE")),
        ("4294967295 ACK", CSeq(4294967295, "ACK")),
        ("0 a!b", CSeq(0, "a!b")),
    ],
)
def test_cseq(value: str, wanted: CSeq) -> None:
    assert parse_cseq(value) == wanted


@pytest.mark.parametrize(
    "value",
    ["", "1", "INVITE", "INVITE 1", "1 INVITE x", "-1 INVITE", "4294967296 INVITE", "1 IN(VITE"],
)
def test_what_is_no_cseq(value: str) -> None:  # EDGE S8
    with pytest.raises(SipParseError, match=r"^CSeq: "):
        parse_cseq(value)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0), ("60", 60.0), ("86400", 86_400.0), ("86401", 86_400.0),
        ("9999999999", 86_400.0), (None, None), ("", None), ("-1", None), ("1.5", None),
        ("٣", None), ("12345678901", None), ("soon", None),
    ],
)  # fmt: skip
def test_delta_seconds_are_capped_at_a_day_and_never_raise(
    value: str | None, seconds: float | None
) -> None:
    assert delta_seconds(value) == seconds


@given(st.text() | st.text(alphabet='SIP/2.0UDP <>";:,=\\@[]%h\n'))
def test_no_text_raises_anything_but_the_parse_error(text: str) -> None:  # EDGE S8
    for read in (parse_via, parse_cseq, lambda value: parse_name_address(value, "From")):
        try:
            read(text)
        except SipParseError as error:
            assert error.status == 400
