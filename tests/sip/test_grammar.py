"""The shared pieces of RFC 3261's grammar: numbers, hosts, parameters, quotes, lists."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.sip.grammar import (
    TOKEN,
    SipParseError,
    host_and_port,
    parameters,
    split_list,
    unquote,
    whole_number,
)

TOKENS = st.from_regex(TOKEN, fullmatch=True)
QUOTED = st.text(max_size=20).map(
    lambda text: '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
)


def test_an_error_carries_the_element_and_the_status_to_answer() -> None:
    error = SipParseError("CSeq", "it is no number", status=413)
    assert (error.element, error.detail, error.status) == ("CSeq", "it is no number", 413)
    assert str(error) == "CSeq: it is no number"
    assert SipParseError("CSeq", "it is no number").status == 400


@pytest.mark.parametrize(
    ("text", "number"),
    [("0", 0), ("70", 70), ("0068", 68), ("255", 255), ("0000000255", 255)],
)
def test_a_number_is_read_up_to_its_limit(text: str, number: int) -> None:  # EDGE S8
    assert whole_number(text, element="Max-Forwards", limit=255) == number


@pytest.mark.parametrize(
    "text",
    ["", "256", "-1", "+1", "1.0", " 1", "1 ", "0x1", "1_0", "٣", "²", "00000000255", "9" * 4_301],
)
def test_anything_else_is_no_number(text: str) -> None:  # EDGE S8
    with pytest.raises(SipParseError, match=r"^Max-Forwards: "):
        whole_number(text, element="Max-Forwards", limit=255)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("example.com", ("example.com", None)),
        ("Example.COM.", ("example.com.", None)),
        ("192.0.2.1:5060", ("192.0.2.1", 5060)),
        ("host : 5070", ("host", 5070)),
        ("[2001:DB8::9:1]", ("[2001:db8::9:1]", None)),
        ("[2001:db8::9:1]:65535", ("[2001:db8::9:1]", 65535)),
        ("[::ffff:192.0.2.1]:5060", ("[::ffff:192.0.2.1]", 5060)),
    ],
)
def test_host_and_port(text: str, wanted: tuple[str, int | None]) -> None:
    assert host_and_port(text, element="Via") == wanted


@pytest.mark.parametrize(
    "text",
    [
        "", ":5060", "host:", "host:0", "host:65536", "host:x", "ho st", "a/b", "2001:db8::9:1",
        "[::1", "[::1]5060", "[::1]x:5060", "[::1]:", "[]", "[::g]", "höst", "-host", "_sip",
        ".", "a\nb",
    ],
)  # fmt: skip
def test_what_is_no_host_and_port(text: str) -> None:
    with pytest.raises(SipParseError, match=r"^Via: "):
        host_and_port(text, element="Via")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", {}),
        (";lr", {"lr": None}),
        (";Tag=AbC", {"tag": "AbC"}),
        (" ; branch = z9hG4bK1 ; rport", {"branch": "z9hG4bK1", "rport": None}),
        (';a="x;y,\\"z\\""', {"a": 'x;y,"z"'}),
        (";a=", {"a": ""}),
        (";received=[2001:db8::1]", {"received": "[2001:db8::1]"}),
        (";a=1;A=2", {"a": "1"}),
    ],
)
def test_parameters(text: str, wanted: dict[str, str | None]) -> None:
    assert parameters(text, element="To") == wanted


@pytest.mark.parametrize(
    "text", ["x", ";", ";;a", ";=1", ";a=b c", ';a="b', ';a="b"c', ";a,b", ";a=<b>", ";a b"]
)
def test_what_is_no_parameter(text: str) -> None:
    with pytest.raises(SipParseError, match=r"^To: .* is no parameter$"):
        parameters(text, element="To")


@given(st.dictionaries(TOKENS.map(str.lower), st.none() | TOKENS | QUOTED, max_size=5))
def test_written_parameters_are_read_back(written: dict[str, str | None]) -> None:
    text = "".join(f";{name}" if v is None else f";{name}={v}" for name, v in written.items())
    read = parameters(text, element="To")
    assert read == {
        name: unquote(v) if v is not None and v[:1] == '"' else v for name, v in written.items()
    }


@given(st.text(max_size=40))
def test_a_quoted_string_says_what_was_meant(text: str) -> None:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    assert unquote(f'"{escaped}"') == text


@pytest.mark.parametrize(
    ("value", "members"),
    [
        ("a", ["a"]),
        (" a , b ,c ", ["a", "b", "c"]),
        ('"x, y" <sip:a@b>, <sip:c@d;e=f,g>', ['"x, y" <sip:a@b>', "<sip:c@d;e=f,g>"]),
        ('"a\\", b", c', ['"a\\", b"', "c"]),
        ('"a\\\\", b', ['"a\\\\"', "b"]),
        ('"<", b', ['"<"', "b"]),
        ("a\\, b", ["a\\", "b"]),
        ("", [""]),
    ],
)
def test_a_list_is_parted_at_its_own_commas_only(value: str, members: list[str]) -> None:
    assert split_list(value, element="Contact") == members


@pytest.mark.parametrize("value", [",", "a,", ",a", "a,,b", "a, ,b", '"a, b'])
def test_a_list_with_a_hole_or_an_open_quote_is_refused(value: str) -> None:
    with pytest.raises(SipParseError, match=r"^Via: a (member of the list is empty|quote is not)"):
        split_list(value, element="Via")


@given(st.lists(TOKENS | QUOTED | TOKENS.map(lambda it: f"<sip:{it},x>"), min_size=1))
def test_a_joined_list_is_parted_again(members: list[str]) -> None:
    assert split_list(", ".join(members), element="Contact") == members


@given(st.text())
def test_no_text_raises_anything_but_the_parse_error(text: str) -> None:  # EDGE S8
    for read in (host_and_port, parameters, split_list):
        try:
            read(text, element="Via")
        except SipParseError as error:
            assert (error.element, error.status) == ("Via", 400)
