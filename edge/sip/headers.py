"""The headers that the edge reads: Via, name-addr headers, CSeq."""

import re
from functools import lru_cache
from typing import NamedTuple

from edge.sip.grammar import TOKEN, SipParseError, host_and_port, parameters, whole_number
from edge.sip.uri import SipUri, parse_uri

_DAY_S = 86_400

MAGIC_COOKIE = "z9hG4bK"
"""Branches that begin so identify a transaction (RFC 3261 §8.1.1.7)."""

# Via = SIP / 2.0 / transport LWS sent-by *( ;via-params )
_VIA = re.compile(r"SIP[ \t]*/[ \t]*2\.0[ \t]*/[ \t]*([^ \t/;]+)[ \t]+([^;]+)(.*)", re.I | re.S)
# The usual form at once, without white space, quotes or IPv6; anything else takes the long way.
_PLAIN_VIA = re.compile(
    r"SIP/2\.0/([A-Z]+) ([0-9A-Za-z][0-9A-Za-z._-]*)(?::([1-9][0-9]{0,4}))?"
    r"(;[-.!%*_+`'~0-9A-Za-z;=]*)?"
)
_QUOTED = re.compile(r'[ \t]*"((?:[^"\\]|\\.)*)"[ \t]*', re.S)


class Via(NamedTuple):
    """One Via value."""

    transport: str
    host: str
    port: int | None
    parameters: dict[str, str | None]

    @property
    def branch(self) -> str | None:
        """Return the branch, None where the peer is of RFC 2543's time."""
        return self.parameters.get("branch")

    @property
    def address(self) -> tuple[str, int]:
        """Return sent-by as host and port, with the default port of the transport (§18.1.1)."""
        return self.host, self.port or (5061 if self.transport == "TLS" else 5060)

    @property
    def sent_by(self) -> str:
        """Return host:port with the default port filled in, for matching."""
        return f"{self.host}:{self.port or 5060}"


class NameAddress(NamedTuple):
    """A From, To, Contact, Route or P-Asserted-Identity value."""

    uri: str
    parameters: dict[str, str | None]

    @property
    def tag(self) -> str | None:
        """Return the tag parameter."""
        return self.parameters.get("tag")

    def sip_uri(self, element: str) -> SipUri:
        """Return the URI parsed; raises SipParseError."""
        return parse_uri(self.uri, element=element)


class CSeq(NamedTuple):
    """Sequence number and method of a request."""

    number: int
    method: str


def parse_via(value: str) -> Via:
    """Return one Via value; raises SipParseError."""
    plain = _PLAIN_VIA.fullmatch(value)
    if plain is not None:
        transport, host, port, trailer = plain.groups()
        found: dict[str, str | None] = {}
        for part in trailer.split(";")[1:] if trailer else ():
            name, equals, text = part.partition("=")
            found.setdefault(name.lower(), text if equals else None)
        number = whole_number(port, element="Via", limit=65535) if port else None
        if "" not in found:  # ";;", ";=x" and a ";" at the end are the long way's to refuse
            return Via(transport, host.lower(), number, found)
    match = _VIA.fullmatch(value)
    if match is None:
        raise SipParseError("Via", f"{value[:64]!r} is malformed")
    transport, sent_by, trailer = match.groups()
    if TOKEN.fullmatch(transport) is None:
        raise SipParseError("Via", f"transport {transport[:32]!r} is malformed")
    host, number = host_and_port(sent_by.strip(), element="Via")
    return Via(transport.upper(), host, number, parameters(trailer, element="Via"))


CACHED_VALUES = 4_096
LONGEST_CACHED = 256


def parse_name_address(value: str, element: str) -> NameAddress:
    """Return a name-addr or addr-spec with its parameters; raises SipParseError (§20.10).

    From and To come again with every message of a dialog, so short values are remembered; nobody
    may change the parameters of what is returned.
    """
    if len(value) > LONGEST_CACHED:
        return _name_address(value, element)
    return _cached_name_address(value, element)


def _name_address(value: str, element: str) -> NameAddress:
    start = _bracket(value, element)
    if start < 0:
        # Without <> every parameter belongs to the header (RFC 3261 §20).
        uri, semicolon, trailer = value.strip().partition(";")
        uri = uri.strip()
        if not uri or any(mark in uri for mark in " \t,?"):
            raise SipParseError(element, f"{uri[:64]!r} needs < and > around it")
        return NameAddress(uri, parameters(semicolon + trailer, element=element))
    end = value.find(">", start)
    if end < 0:
        raise SipParseError(element, "a < is not closed")
    trailer = value[end + 1 :]
    if trailer and trailer.lstrip(" \t")[:1] not in ("", ";"):
        raise SipParseError(element, f"{trailer[:64]!r} follows the URI")
    uri = value[start + 1 : end]
    if not uri or uri != uri.strip():
        raise SipParseError(element, "there is white space inside < and >")
    return NameAddress(uri, parameters(trailer, element=element) if trailer else {})


_cached_name_address = lru_cache(CACHED_VALUES)(_name_address)


def _bracket(value: str, element: str) -> int:
    """Return where the < of <URI> stands, -1 when the URI has no brackets."""
    start = value.find("<")
    quoted = _QUOTED.match(value)
    if quoted is not None:
        start = value.find("<", quoted.end())
        if start < 0 or value[quoted.end() : start].strip():
            raise SipParseError(element, "a display name must be followed by <URI>")
        return start
    before, quote, _ = (value if start < 0 else value[:start]).partition('"')
    if not quote:
        return start
    if ";" not in before:
        raise SipParseError(element, "a quote is not closed")
    return -1  # the quote belongs to a parameter, and so does any < in it


@lru_cache(256)
def parse_cseq(value: str) -> CSeq:
    """Return number (below 2**32, RFC 3261 §8.1.1.5) and method; raises SipParseError.

    Remembered: nearly all requests have one of a few.
    """
    parts = value.split()
    if len(parts) != 2 or TOKEN.fullmatch(parts[1]) is None:
        raise SipParseError("CSeq", f"{value[:32]!r} is not <number> <method>")
    return CSeq(whole_number(parts[0], element="CSeq", limit=2**32 - 1), parts[1])


def delta_seconds(value: str | None) -> float | None:
    """Return the seconds of Expires and its like, at most a day; None when it is unreadable."""
    if value is None or not (value.isascii() and value.isdigit() and len(value) <= 10):
        return None
    return float(min(int(value), _DAY_S))
