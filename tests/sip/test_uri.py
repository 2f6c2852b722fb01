"""SIP URIs: RFC 3261's own examples, reading, writing, equality."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.sip.grammar import SipParseError
from edge.sip.uri import SipUri, parse_uri, scheme_of

READ = {  # RFC 3261 §19.1.3, and what peers send
    "sip:alice@atlanta.com": SipUri(user="alice", host="atlanta.com"),
    "sip:alice:secretword@atlanta.com;transport=tcp": SipUri(
        user="alice:secretword", host="atlanta.com", parameters={"transport": "tcp"}
    ),
    "sips:alice@atlanta.com?subject=project%20x&priority=urgent": SipUri(
        scheme="sips",
        user="alice",
        host="atlanta.com",
        headers="subject=project%20x&priority=urgent",
    ),
    "sip:+1-212-555-1212:1234@gateway.com;user=phone": SipUri(
        user="+1-212-555-1212:1234", host="gateway.com", parameters={"user": "phone"}
    ),
    "sips:1212@gateway.com": SipUri(scheme="sips", user="1212", host="gateway.com"),
    "sip:alice@192.0.2.4": SipUri(user="alice", host="192.0.2.4"),
    "sip:atlanta.com;method=REGISTER?to=alice%40atlanta.com": SipUri(
        host="atlanta.com", parameters={"method": "REGISTER"}, headers="to=alice%40atlanta.com"
    ),
    "sip:alice;day=tuesday@atlanta.com": SipUri(user="alice;day=tuesday", host="atlanta.com"),
    "sip:alice@192.0.2.4;": SipUri(user="alice", host="192.0.2.4"),
    "sip:a?b@atlanta.com": SipUri(user="a?b", host="atlanta.com"),
    "SIP:Alice@AtLanTa.CoM:5060": SipUri(user="Alice", host="atlanta.com", port=5060),
    "sip:[2001:DB8::10]:5070;LR": SipUri(host="[2001:db8::10]", port=5070, parameters={"lr": None}),
}

EQUAL = [  # RFC 3261 §19.1.4
    ("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp"),
    ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"),
    ("sip:carol@chicago.com", "sip:carol@chicago.com;security=on"),
    (
        "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
        "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com",
    ),
    (
        "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
        "sip:alice@atlanta.com?priority=urgent&subject=project%20x",
    ),
]

DIFFERENT = [  # RFC 3261 §19.1.4
    ("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"),
    ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"),
    ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"),
    ("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp"),
    ("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"),
    ("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"),
    ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off"),
    ("sip:alice@atlanta.com", "sips:alice@atlanta.com"),
    ("sip:alice@atlanta.com", "sip:atlanta.com"),
    ("sip:alice@atlanta.com", "sip:alice:secret@atlanta.com"),
    *(
        (f"sip:alice@atlanta.com;{parameter}", "sip:alice@atlanta.com")
        for parameter in ("user=phone", "ttl=1", "method=INVITE", "maddr=192.0.2.9")
    ),
]


@pytest.mark.parametrize(("text", "wanted"), READ.items(), ids=READ)
def test_a_uri_is_read(text: str, wanted: SipUri) -> None:
    assert parse_uri(text) == wanted


@pytest.mark.parametrize("wanted", READ.values(), ids=str)
def test_a_written_uri_is_read_back(wanted: SipUri) -> None:
    assert parse_uri(str(wanted)) == wanted


@pytest.mark.parametrize(("one", "other"), EQUAL)
def test_equal_uris(one: str, other: str) -> None:  # EDGE G5
    assert parse_uri(one).equals(parse_uri(other))
    assert parse_uri(other).equals(parse_uri(one))


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_different_uris(one: str, other: str) -> None:  # EDGE G5
    assert not parse_uri(one).equals(parse_uri(other))
    assert not parse_uri(other).equals(parse_uri(one))


def test_equality_is_not_transitive() -> None:  # RFC 3261 §19.1.4 says so itself
    on, plain, off = (parse_uri(f"sip:carol@h{it}") for it in (";security=on", "", ";security=off"))
    assert [one.equals(other) for one, other in permutations((on, plain, off), 2)] == [
        True, False, True, True, False, True,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("uri", "text"),
    [
        ("sip:+12065550100@h", "+12065550100"),
        ("sip:%2B12065550100@h", "+12065550100"),
        ("sip:%252B1@h", "%2B1"),
        ("sip:+1206:1234@h", "+1206"),
        ("sip:+1206;npdi;rn=1@h", "+1206;npdi;rn=1"),
        ("sip:%e5%a4%a7@h", "大"),
        ("sip:%FF@h", "\ufffd"),
        ("sip:100%@h", "100%"),
        ("sip:h", ""),
    ],
)
def test_the_user_part_is_unescaped_once_and_bears_no_password(uri: str, text: str) -> None:
    assert parse_uri(uri).user_text == text  # EDGE O1


def test_the_transport_is_read_in_any_case() -> None:
    assert parse_uri("sip:h;Transport=TLS").transport == "tls"
    assert parse_uri("sip:h;transport").transport is None
    assert parse_uri("sip:h").transport is None


@pytest.mark.parametrize(
    "text", ["tel:+12065550100", "http://example.com", "urn:service:sos", "sipx:h", "sip", "h", ":"]
)
def test_another_scheme_is_416(text: str) -> None:  # EDGE R26
    with pytest.raises(SipParseError, match=r"^Contact: scheme .* is not known$") as caught:
        parse_uri(text, element="Contact")
    assert caught.value.status == 416


@pytest.mark.parametrize(
    "text",
    [
        "", "sip:", "sip:@h", "sip:a@", "sip:a@b@h", "sip:a b@h", "sip:h:0", "sip:h:99999",
        "sip:a@h;;x", "sip:h:", "sip:h ", "sip:<a>@h", 'sip:"a"@h', 'sip:h;x="y"', "sip:h;x=<y>",
        "sip:a\0@h", "sip:h?a\nb", "sip:2001:db8::1", "sip:[2001:db8::1", "sip:/h", "sip:a,b",
    ],
)  # fmt: skip
def test_what_is_no_uri_is_400(text: str) -> None:
    with pytest.raises(SipParseError, match=r"^Contact: ") as caught:
        parse_uri(text, element="Contact")
    assert caught.value.status == 400


@pytest.mark.parametrize(
    ("text", "scheme"), [("TEL:+1", "tel"), ("soap.beep://h", "soap.beep"), ("sips:h", "sips")]
)
def test_the_scheme_of_any_uri(text: str, scheme: str) -> None:
    assert scheme_of(text) == scheme


@pytest.mark.parametrize("text", ["", "sip", "1a:b", ":b", "a b:c", "sip:a b", "tel:\n"])
def test_what_has_no_scheme(text: str) -> None:
    with pytest.raises(SipParseError, match=r"^Request-URI: .* is no URI$"):
        scheme_of(text)


WORDS = st.from_regex(r"[-a-z0-9.!~*'()_%&=+$,/]{1,12}", fullmatch=True)
URIS = st.builds(
    SipUri,
    scheme=st.sampled_from(["sip", "sips"]),
    user=st.none() | WORDS | st.tuples(WORDS, WORDS).map(":".join),
    host=st.from_regex(r"[a-z0-9][-a-z0-9.]{0,10}|\[[0-9a-f:]{2,20}\]", fullmatch=True),
    port=st.none() | st.integers(1, 65535),
    parameters=st.dictionaries(
        st.from_regex(r"[-a-z0-9.!~*'_%+]{1,8}", fullmatch=True),
        st.none() | st.from_regex(r"[-A-Za-z0-9.!~*'_%+\[\]/:&$]{0,8}", fullmatch=True),
        max_size=4,
    ),
    headers=st.just("") | st.tuples(WORDS, WORDS).map("=".join),
)


@given(URIS)
def test_every_uri_that_can_be_built_is_read_back_and_equals_itself(uri: SipUri) -> None:
    read = parse_uri(str(uri))
    assert read == uri
    assert read.equals(uri)


@given(
    st.text()
    | st.text().map("sip:{}".format)
    | st.text(alphabet=';=?@:"<>%[]a1.').map("sip:{}".format)
)
def test_whatever_can_be_read_stays_what_it_is_when_written(text: str) -> None:  # EDGE S8
    try:
        uri = parse_uri(text)
    except SipParseError as error:
        assert error.status in (400, 416)
    else:
        assert parse_uri(str(uri)) == uri
        assert uri.user_text is not None
