"""The pieces of RFC 3261's grammar that several headers share (§25.1)."""

import re


class SipParseError(Exception):
    """Bytes that are not the SIP message they claim to be.

    `element` names the header or part at fault, `status` is the code to answer with.
    """

    def __init__(self, element: str, detail: str, *, status: int = 400) -> None:
        super().__init__(f"{element}: {detail}")
        self.element = element
        self.detail = detail
        self.status = status


# token = 1*(alphanum / "-" / "." / "!" / "%" / "*" / "_" / "+" / "`" / "'" / "~")
TOKEN = re.compile(r"[-.!%*_+`'~0-9A-Za-z]+")
# One parameter: ;name, ;name=token-or-host, ;name="quoted"; linear, no nested repetition.
_PARAMETER = re.compile(
    r"[ \t]*;[ \t]*([-.!%*_+`'~0-9A-Za-z]+)"
    r'(?:[ \t]*=[ \t]*("(?:[^"\\]|\\.)*"|[^;,"<> \t]*))?[ \t]*'
)
_MOST_DIGITS = 10
_HOST = re.compile(r"(?:[0-9A-Za-z][-0-9A-Za-z._]*|\[[0-9A-Fa-f:.]+\])")
_LIST_MARK = re.compile(r'[,"<>\\]')


def whole_number(text: str, *, element: str, limit: int) -> int:
    """Return a decimal number from 0 to `limit`; it is bounded before it is used (EDGE S8)."""
    if not (text.isascii() and text.isdigit()) or len(text) > _MOST_DIGITS:
        raise SipParseError(element, f"{text[:32]!r} is not a number of at most ten digits")
    value = int(text)
    if value > limit:
        raise SipParseError(element, f"{value} is above {limit}")
    return value


def host_and_port(text: str, *, element: str) -> tuple[str, int | None]:
    """Return host (lower case, IPv6 in brackets) and port of `host[:port]`."""
    if text.startswith("["):
        host, bracket, rest = text.partition("]")
        host += bracket
        colon, port = rest[:1], rest[1:]
        if colon not in ("", ":"):
            raise SipParseError(element, f"{text[:64]!r} is not host:port")
    else:
        host, colon, port = text.partition(":")
        host, port = host.rstrip(), port.lstrip()
    if _HOST.fullmatch(host) is None:
        raise SipParseError(element, f"{host[:64]!r} is not a host")
    if not colon:
        return host.lower(), None
    number = whole_number(port, element=element, limit=65535)
    if number == 0:
        raise SipParseError(element, "port 0 cannot be reached")
    return host.lower(), number


def parameters(text: str, *, element: str) -> dict[str, str | None]:
    """Return the parameters of `;name[=value]...`; names in lower case, quotes taken off.

    A repeated name keeps its first value.
    """
    found: dict[str, str | None] = {}
    position, end = 0, len(text)
    while position < end:
        match = _PARAMETER.match(text, position)
        if match is None:
            if text[position:].strip():
                raise SipParseError(element, f"{text[position:][:64]!r} is no parameter")
            break
        name, value = match.groups()
        if value is not None and value.startswith('"'):
            value = unquote(value)
        found.setdefault(name.lower(), value)
        position = match.end()
    return found


def unquote(text: str) -> str:
    """Return the content of a quoted-string, escapes undone."""
    inner = text[1:-1]
    return re.sub(r"\\(.)", r"\1", inner, flags=re.DOTALL) if "\\" in inner else inner


def split_list(value: str, *, element: str) -> list[str]:
    """Return the members of a comma-separated header value; commas in quotes or <> do not part."""
    if "," not in value:
        return [value.strip()]
    members: list[str] = []
    start = position = 0
    quoted = bracketed = False
    while (match := _LIST_MARK.search(value, position)) is not None:
        mark, position = match.group(), match.end()
        if mark == "\\":
            position += 1 if quoted else 0
        elif mark == '"':
            quoted = not quoted
        elif quoted:
            continue
        elif mark == "<":
            bracketed = True
        elif mark == ">":
            bracketed = False
        elif mark == "," and not bracketed:
            members.append(value[start : match.start()].strip())
            start = position
    if quoted:
        raise SipParseError(element, "a quote is not closed")
    members.append(value[start:].strip())
    if "" in members:
        raise SipParseError(element, "a member of the list is empty")
    return members
