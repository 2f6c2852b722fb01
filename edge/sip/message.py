"""SIP messages read, lazily (RFC 3261 §7); writing.py writes them.

Reading splits a message into start line, header values and body; a header is parsed when somebody
asks for it. Text is decoded with surrogateescape, so that copied headers leave as they came.
"""

import re
from typing import NamedTuple

from edge.flow import Transport
from edge.sip.grammar import TOKEN, SipParseError, split_list, whole_number
from edge.sip.headers import CSeq, NameAddress, Via, parse_cseq, parse_name_address, parse_via

MAX_MESSAGE_BYTES = 65_536
MAX_HEAD_BYTES = 16_384
MAX_HEADER_LINES = 128
MAX_BODY_BYTES = 16_384
MAX_URI_CHARACTERS = 512


_LARGEST_NUMBER = 9_999_999_999
"""Ten digits: of a stream's Content-Length more is not read (EDGE S8)."""

COMPACT = {
    "a": "accept-contact", "b": "referred-by", "c": "content-type", "e": "content-encoding",
    "f": "from", "i": "call-id", "k": "supported", "l": "content-length", "m": "contact",
    "o": "event", "r": "refer-to", "s": "subject", "t": "to", "u": "allow-events", "v": "via",
    "x": "session-expires",
}  # fmt: skip
"""Compact header forms; read, never written (EDGE W14)."""

SINGLE = ("from", "to", "call-id", "cseq", "max-forwards", "content-length", "content-type")
"""Headers that may stand once (RFC 3261 §7.3.1); repeating one is an error."""

_VERSION = re.compile(r"SIP/[0-9]{1,4}\.[0-9]{1,4}", re.I)
_FOLD = re.compile(rb"\r\n[ \t]+")

Headers = dict[str, list[str]]
"""Values by lower-case long name, in the order of arrival."""


class Message:
    """What requests and responses share."""

    __slots__ = ("_cseq", "_from", "_to", "_via", "body", "headers")

    def __init__(self, headers: Headers, body: bytes) -> None:
        self.headers = headers
        self.body = body
        self._via: Via | None = None
        self._from: NameAddress | None = None
        self._to: NameAddress | None = None
        self._cseq: CSeq | None = None

    def get(self, name: str) -> str | None:
        """Return the first value of a header (lower-case long name)."""
        values = self.headers.get(name)
        return values[0] if values else None

    def require(self, name: str) -> str:
        """Return the first value of a header; raises SipParseError when it is missing."""
        values = self.headers.get(name)
        if not values:
            raise SipParseError(_title(name), "the header is missing")
        return values[0]

    def members(self, name: str) -> list[str]:
        """Return all members of a comma-separated header over all its lines."""
        found: list[str] = []
        for value in self.headers.get(name, ()):
            if "," in value:
                found.extend(split_list(value, element=_title(name)))
            elif value:
                found.append(value)
        return found

    @property
    def call_id(self) -> str:
        """Return the Call-ID."""
        return self.require("call-id")

    @property
    def via(self) -> Via:
        """Return the topmost Via."""
        if self._via is None:
            value = self.require("via")
            self._via = parse_via(split_list(value, element="Via")[0] if "," in value else value)
        return self._via

    @property
    def from_(self) -> NameAddress:
        """Return the From header."""
        if self._from is None:
            self._from = parse_name_address(self.require("from"), "From")
        return self._from

    @property
    def to(self) -> NameAddress:
        """Return the To header."""
        if self._to is None:
            self._to = parse_name_address(self.require("to"), "To")
        return self._to

    @property
    def cseq(self) -> CSeq:
        """Return number and method of CSeq."""
        if self._cseq is None:
            self._cseq = parse_cseq(self.require("cseq"))
        return self._cseq

    @property
    def contact(self) -> NameAddress | None:
        """Return the first Contact value, None when there is none."""
        values = self.members("contact") if "contact" in self.headers else None
        return parse_name_address(values[0], "Contact") if values else None

    @property
    def content_type(self) -> str | None:
        """Return the media type of the body in lower case, without parameters."""
        value = self.get("content-type")
        return None if value is None else value.partition(";")[0].strip().lower()


class Request(Message):
    """A SIP request."""

    __slots__ = ("method", "uri")

    def __init__(self, method: str, uri: str, headers: Headers, body: bytes) -> None:
        super().__init__(headers, body)
        self.method = method
        self.uri = uri
        """Request-URI as it came."""


class Response(Message):
    """A SIP response."""

    __slots__ = ("reason", "status")

    def __init__(self, status: int, reason: str, headers: Headers, body: bytes) -> None:
        super().__init__(headers, body)
        self.status = status
        self.reason = reason


class MalformedRequest(Exception):
    """A request that cannot be processed, with what could be read of it for an answer (R18)."""

    def __init__(self, error: SipParseError, request: Request | None) -> None:
        super().__init__(str(error))
        self.error = error
        self.request = request
        """None when Via, From, To, Call-ID or CSeq is missing: such a request is dropped."""


def parse_datagram(data: bytes) -> Request | Response:
    """Read one UDP datagram.

    Raises MalformedRequest for something that is or claims to be a request, SipParseError for a
    response or bytes that are neither.
    """
    return parse_message(data, Transport.UDP)


def parse_message(data: bytes, transport: Transport) -> Request | Response:
    """Read a datagram, or what was cut out of a stream: there Content-Length must stand (W2).

    Raises as parse_datagram does.
    """
    if len(data) > MAX_MESSAGE_BYTES:
        raise SipParseError("message", "it is longer than 64 KiB", status=513)
    head, _, body = data.partition(b"\r\n\r\n")
    start, headers, fault = _read_head(head)
    if start[:4].upper() == "SIP/":  # no method has a slash in it: this is no request
        if fault is not None:
            raise fault.error()
        return _read_response(start, headers, _cut(body, headers, transport))
    return _read_request(start, headers, body, fault, transport)


class _Fault(NamedTuple):
    """What is wrong with a header section of which the rest can be read.

    No exception yet: one that a local variable holds while it is raised makes a circle with its own
    traceback, and every malformed message would stay until a search for circles.
    """

    detail: str
    status: int = 400

    def error(self) -> SipParseError:
        """Return what to raise."""
        return SipParseError("message", self.detail, status=self.status)


def _read_head(head: bytes) -> tuple[str, Headers, _Fault | None]:
    fault: _Fault | None = None
    if len(head) > MAX_HEAD_BYTES:
        fault = _Fault("its header section is too long", 513)
    start, *lines = unfolded(head).decode("utf-8", "surrogateescape").split("\r\n")
    if len(lines) > MAX_HEADER_LINES:
        fault = _Fault("it has too many header lines", 513)
        del lines[MAX_HEADER_LINES:]
    headers: Headers = {}
    for line in lines:
        raw, colon, value = line.partition(":")
        name = _KNOWN.get(raw) or _canonical(raw)
        if not colon or name is None:
            if fault is None:
                fault = _Fault(f"line {line[:32]!r} is no header")
            continue
        if name in headers:
            headers[name].append(value.strip())
        else:
            headers[name] = [value.strip()]
    return start, headers, fault


def unfolded(head: bytes) -> bytes:
    """Return a header section in which no value goes on in a further line (RFC 3261 §7.3.1)."""
    if b"\r\n " in head or b"\r\n\t" in head:
        return _FOLD.sub(b" ", head)
    return head


def _canonical(raw: str) -> str | None:
    name = raw.rstrip(" \t").lower()
    if TOKEN.fullmatch(name) is None:
        return None
    return COMPACT.get(name, name)


def _read_request(
    start: str,
    headers: Headers,
    body: bytes,
    fault: _Fault | None,
    transport: Transport,
) -> Request:
    parts = start.split(" ")
    request = Request(parts[0], parts[1] if len(parts) > 1 else "", headers, body)
    try:
        _check_start_line(parts)
        if fault is not None:
            raise fault.error()
        request.body = _cut(body, headers, transport)
        _check_mandatory(request)
    except SipParseError as error:
        readable = all(name in headers for name in ("via", "from", "to", "call-id", "cseq"))
        raise MalformedRequest(error, request if readable else None) from error
    return request


def _check_start_line(parts: list[str]) -> None:
    if len(parts) != 3 or TOKEN.fullmatch(parts[0]) is None:
        raise SipParseError("Request-Line", "it is not <method> <URI> SIP/2.0")
    if parts[2] != "SIP/2.0":
        if _VERSION.fullmatch(parts[2]) is None:
            raise SipParseError("Request-Line", "it names no SIP version")
        if parts[2].upper() != "SIP/2.0":
            raise SipParseError("Request-Line", "only SIP/2.0 is spoken", status=505)
    if parts[1].startswith("<"):
        raise SipParseError("Request-Line", "the URI is in angle brackets")


def _check_mandatory(request: Request) -> None:
    headers = request.headers
    for name in SINGLE:
        if name in headers and len(headers[name]) > 1:
            raise SipParseError(_title(name), "the header stands more than once")
    call_id = request.call_id
    if not call_id or " " in call_id:
        raise SipParseError("Call-ID", "it is empty or has white space in it")
    request.via  # noqa: B018 - each property parses and so checks its header
    request.from_  # noqa: B018
    request.to  # noqa: B018
    if request.cseq.method != request.method:
        raise SipParseError("CSeq", "its method is not that of the request")
    forwards = headers.get("max-forwards")
    if forwards is not None:
        whole_number(forwards[0], element="Max-Forwards", limit=255)
    if request.method == "INVITE":
        if request.contact is None:
            raise SipParseError("Contact", "an INVITE must have one")
        if "record-route" in headers:
            for route in request.members("record-route"):
                parse_name_address(route, "Record-Route")


def _read_response(start: str, headers: Headers, body: bytes) -> Response:
    if start[:8].upper() != "SIP/2.0 ":
        raise SipParseError("Status-Line", "it is not SIP/2.0 <status> <reason>")
    status, _, reason = start[8:].partition(" ")
    if len(status) != 3 or not status.isascii() or not status.isdigit() or status < "100":
        raise SipParseError("Status-Line", f"{status[:16]!r} is no status code")
    return Response(int(status), reason, headers, body)


def check_response(response: Response) -> None:
    """Raise SipParseError unless it is meant for us and all that makes a dialog can be read."""
    vias = response.headers.get("via", ())
    if len(vias) != 1 or ("," in vias[0] and len(response.members("via")) != 1):
        raise SipParseError("Via", "the response is meant for somebody below us (§8.1.3.3)")
    response.require("call-id")
    response.to  # noqa: B018 - each property parses and so checks its header
    if response.status < 300:
        response.contact  # noqa: B018
        if "record-route" in response.headers:
            for route in response.members("record-route"):
                parse_name_address(route, "Record-Route")


def _cut(body: bytes, headers: Headers, transport: Transport) -> bytes:
    """Return the body that Content-Length announces (EDGE W2)."""
    lengths = headers.get("content-length")
    is_datagram = transport is Transport.UDP
    if lengths is None:
        if not is_datagram:
            raise SipParseError("Content-Length", "a stream needs it")
        length = len(body)
    else:
        limit = MAX_MESSAGE_BYTES if is_datagram else _LARGEST_NUMBER
        length = whole_number(lengths[0], element="Content-Length", limit=limit)
        if is_datagram and length > len(body):
            raise SipParseError("Content-Length", "it is larger than the body")
    if length > MAX_BODY_BYTES:
        raise SipParseError("message", "its body is too long", status=513)
    return body if length == len(body) else body[:length]


def _title(name: str) -> str:
    return _TITLES.get(name) or name.title()


_TITLES = {"call-id": "Call-ID", "cseq": "CSeq", "www-authenticate": "WWW-Authenticate"}
_USUAL = (
    "Via", "From", "To", "Call-ID", "CSeq", "Contact", "Max-Forwards", "Content-Type",
    "Content-Length", "Allow", "Supported", "User-Agent", "Route", "Record-Route", "Require",
    "P-Asserted-Identity", "Privacy", "Diversion", "Reason", "Server", "Accept", "Session-Expires",
    "Proxy-Authorization", "Proxy-Authenticate", "Authorization", "Warning", "Retry-After",
)  # fmt: skip
_KNOWN = {name: name.lower() for name in _USUAL} | COMPACT
