"""What reading costs grows with what is read and no faster: counted in steps, by no clock.

Peers choose what we read, so twice the length may cost twice the steps, not four times (EDGE S8).
"""

import ast
import re
from collections.abc import Callable, Iterator
from importlib import import_module
from itertools import product
from math import inf
from pathlib import Path

import pytest

from edge.media import sdp
from edge.media.rtcp import passed_on
from edge.policy.content import sdp_body
from edge.sip.digest import parse_credentials
from edge.sip.grammar import SipParseError, parameters, split_list, unquote
from edge.sip.headers import parse_name_address, parse_via
from edge.sip.message import MalformedRequest, Request, parse_datagram
from edge.sip.uri import parse_uri, unescaped
from edge.sip.writing import response_bytes
from tests.fuzz.steps import MOST_TRIES, CountingMatcher, bytecodes
from tests.sip.messages import FLOW, invite_bytes, request_of
from tests.support.sdp import audio

ROOT = Path(__file__).parent.parent.parent
MOST_GROWTH = 2.3
"""Of steps when the length doubles: linear, and what is paid once."""
SHORT, LONG = 400, 800


def whole(data: bytes) -> None:
    """Read a message and all that is in it, as the endpoint and admission do."""
    try:
        message = parse_datagram(data)
        assert isinstance(message, Request)
        for name in message.headers:
            message.members(name)
        for _ in (message.via, message.from_, message.to, message.cseq, message.contact):
            pass
        sdp_body(message)
        response_bytes(message, FLOW, 200, "OK", to_tag="t")
    except (SipParseError, MalformedRequest):
        pass


def tolerated(read: Callable[[str], object]) -> Callable[[str], None]:
    """Return a reader that may refuse."""

    def reader(text: str) -> None:
        try:
            read(text)
        except (SipParseError, sdp.SdpError):
            pass

    return reader


MESSAGES: dict[str, Callable[[int], bytes]] = {
    "header lines": lambda n: invite_bytes(*["X: y"] * (n // 8)),
    "one long value": lambda n: invite_bytes("Subject: " + "x" * n),
    "colons": lambda n: invite_bytes("Subject" + ":" * n),
    "folds": lambda n: invite_bytes("Subject: x" + "\r\n y" * n),
    "Vias on lines": lambda n: invite_bytes(*["Via: SIP/2.0/UDP h"] * (n // 8)),
    "Vias in a line": lambda n: invite_bytes("Via: " + ",".join(["SIP/2.0/UDP h"] * (n // 4))),
    "Contacts": lambda n: invite_bytes(Contact=",".join(["<sip:a@b>"] * (n // 4))),
    "tags": lambda n: invite_bytes(To="<sip:a@b>" + ";tag=x" * n),
    "quotes": lambda n: invite_bytes(From='"' + '\\"' * n + '" <sip:a@b>;tag=1'),
    "open quote": lambda n: invite_bytes(From='"' + "a" * n),
    "brackets": lambda n: invite_bytes(To="<" * n),
    "body parts": lambda n: invite_bytes(
        "Content-Type: multipart/mixed;boundary=b"
    ) + b"--b\r\n\r\nx\r\n" * n,
    "boundary": lambda n: invite_bytes(
        f"Content-Type: multipart/mixed;boundary={'-' * n}"
    ) + b"-" * n,
    "Accepts": lambda n: invite_bytes("Accept: " + ", ".join(["a/b"] * n)),
}  # fmt: skip

TEXTS: dict[str, tuple[Callable[[str], object], Callable[[int], str]]] = {
    "Via parameters": (parse_via, lambda n: "SIP/2.0/UDP h" + ";a=b" * n),
    "Via spaces": (parse_via, lambda n: "SIP/2.0/UDP" + " " * n + "h"),
    "Via empty parameters": (parse_via, lambda n: "SIP/2.0/UDP h" + ";" * n),
    "quoted name": (lambda t: parse_name_address(t, "To"), lambda n: '"' + "\\a" * n + '" <sip:x>'),
    "no bracket": (lambda t: parse_name_address(t, "To"), lambda n: "a" * n + ";" * n),
    "spaces": (lambda t: parse_name_address(t, "To"), lambda n: " " * n + "<sip:x>"),
    "parameters": (lambda t: parameters(t, element="To"), lambda n: ' ; a = "b"' * n),
    "broken parameters": (lambda t: parameters(t, element="To"), lambda n: ";a=" * n + '"'),
    "commas": (lambda t: split_list(t, element="To"), lambda n: "a," * n + "a"),
    "quoted commas": (lambda t: split_list(t, element="To"), lambda n: '"a,' * n),
    "escapes in a quote": (unquote, lambda n: '"' + "\\\\" * n + '"'),
    "URI parameters": (parse_uri, lambda n: "sip:a@b" + ";c=d" * n),
    "URI headers": (parse_uri, lambda n: "sip:a@b?" + "c=d&" * n),
    "URI escapes": (parse_uri, lambda n: "sip:" + "%41" * n + "@b"),
    "URI at signs": (parse_uri, lambda n: "sip:" + "a@" * n + "b"),
    "URI colons": (parse_uri, lambda n: "sip:a@" + "b:" * n),
    "escapes": (unescaped, lambda n: "%41" * n),
    "digest": (parse_credentials, lambda n: "Digest " + ", ".join(['a="b"'] * n)),
    "digest commas": (parse_credentials, lambda n: "Digest " + "," * n),
}

DESCRIPTIONS: dict[str, Callable[[int], bytes]] = {
    "lines": lambda n: audio() + b"a=x\r\n" * n,
    "media": lambda n: audio() + b"m=audio 1 RTP/AVP 0\r\n" * n,
    "formats": lambda n: audio(formats=" ".join(["0"] * n)),
    "rtpmaps": lambda n: audio() + b"a=rtpmap:96 x/8000\r\n" * n,
    "no line ends": lambda n: audio() + b"a" * n,
    "empty lines": lambda n: b"\r\n" * n + audio(),
}


def assert_linear(work: Callable[[int], object]) -> None:
    """Fail when twice the length takes more than twice the steps (and what is paid once)."""
    work(SHORT)  # what is done once, such as filling caches, is not counted
    short, long = (bytecodes(lambda n=n: work(n)) for n in (SHORT, LONG))  # type: ignore[misc]  # binds the loop's value
    assert long <= MOST_GROWTH * short, f"{short} steps become {long}"


@pytest.mark.parametrize("family", MESSAGES)
def test_messages_are_read_in_linear_steps(family: str) -> None:  # EDGE S8
    assert_linear(lambda n: whole(MESSAGES[family](n)))


@pytest.mark.parametrize("family", TEXTS)
def test_grammars_take_linear_steps(family: str) -> None:  # EDGE S8
    read, text_of = TEXTS[family]
    assert_linear(lambda n: tolerated(read)(text_of(n)))


@pytest.mark.parametrize("family", DESCRIPTIONS)
def test_descriptions_are_read_in_linear_steps(family: str) -> None:  # EDGE S8, SD1
    def work(n: int) -> None:
        try:
            sdp.read(DESCRIPTIONS[family](n))
        except sdp.SdpError:
            pass

    assert_linear(work)


def test_compound_rtcp_takes_linear_steps() -> None:  # EDGE S8
    report = bytes((0x80, 201, 0, 1)) + bytes(4)
    assert_linear(lambda n: passed_on(report * (n // 8)))


def test_a_step_is_counted() -> None:
    def quadratic(n: int) -> int:
        return sum(1 for _ in range(n) for _ in range(n // 100))

    with pytest.raises(AssertionError, match="steps become"):
        assert_linear(quadratic)


def sources() -> Iterator[Path]:
    """Return the modules that read what peers send."""
    yield from sorted((ROOT / "edge").rglob("*.py"))
    yield from sorted((ROOT / "model").rglob("*.py"))


def expressions() -> Iterator[tuple[str, "re.Pattern[str] | re.Pattern[bytes]", bool]]:
    """Return every regular expression with its place, and whether it is searched for."""
    for path in sources():
        tree = ast.parse(path.read_text())
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        searched = {
            ast.unparse(node.func.value)
            for node in ast.walk(tree)
            if isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr not in ("match", "fullmatch")
        }
        for node in ast.walk(tree):
            if not (isinstance(node, ast.Call) and ast.unparse(node.func).startswith("re.")):
                continue
            place = f"{module}:{ast.unparse(node)[:50]}"
            if ast.unparse(node.func) != "re.compile":
                flags = next((it.value for it in node.keywords if it.arg == "flags"), None)
                text = ast.literal_eval(node.args[0])
                yield place, re.compile(text, _flags(flags)), ast.unparse(node.func) != "re.match"
        for name, value in vars(import_module(module)).items() if " re" in path.read_text() else ():
            if isinstance(value, re.Pattern) and f"\n{name} = re.compile" in path.read_text():
                yield f"{module}.{name}", value, name in searched


def _flags(node: ast.expr | None) -> int:
    if node is None:
        return 0
    assert isinstance(node, ast.Attribute), "flags are one name of re"
    return int(getattr(re, node.attr))


EXPRESSIONS = {place: (pattern, searched) for place, pattern, searched in expressions()}


@pytest.mark.parametrize("place", EXPRESSIONS)
def test_expressions_take_linear_tries(place: str) -> None:  # EDGE S8
    """Each is given long runs of its own characters behind every beginning, and a bad end."""
    pattern, searched = EXPRESSIONS[place]
    assert worst_growth(pattern, searched=searched) <= MOST_GROWTH


def worst_growth(
    pattern: "re.Pattern[str] | re.Pattern[bytes]", *, searched: bool, short: int = 16
) -> float:
    """Return by how much the tries grow when a run doubles, for the worst run."""
    worst = 0.0
    alphabet = CountingMatcher(pattern).alphabet()
    for before in CountingMatcher(pattern).beginnings():
        for unit in {"".join(it) for it in product(alphabet, repeat=2)}:
            tries = []
            for length in (short, 2 * short):
                matcher = CountingMatcher(pattern)
                text = before + unit * length + "\x01"
                if searched:
                    matcher.search_all(text)
                else:
                    matcher.fullmatch(text)
                tries.append(matcher.tries)
            if max(tries) > MOST_TRIES:
                return inf
            worst = max(worst, tries[1] / tries[0])
    return worst


@pytest.mark.parametrize(
    ("expression", "searched"),
    [(r"(?:a+)+b", False), (r"a*a*b", False), (r"(?:a|a)*b", False), (r"[ ]*x", True)],
)
def test_a_bad_expression_is_found(expression: str, searched: bool) -> None:
    assert worst_growth(re.compile(expression), searched=searched, short=8) > MOST_GROWTH


@pytest.mark.parametrize(
    ("expression", "text"),
    [(r"(?:[^\"\\]|\\.)*", 'a\\"b'), (r"[a-c]{2,3}?d|x+", "abcd"), (r";[ \t]*a(?=;|$)", "; a")],
)
def test_the_counting_matcher_agrees_with_re(expression: str, text: str) -> None:
    pattern = re.compile(expression)
    for candidate in (text, text + "!", text[1:], ""):
        assert CountingMatcher(pattern).fullmatch(candidate) is bool(pattern.fullmatch(candidate))


def test_expressions_are_found() -> None:
    assert len(EXPRESSIONS) >= 20
    assert "edge.sip.headers._VIA" in EXPRESSIONS
    assert request_of(invite_bytes()).method == "INVITE"
