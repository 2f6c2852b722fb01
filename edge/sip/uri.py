"""SIP URIs (RFC 3261 §19.1): parsing, equality, unescaping."""

import re
from dataclasses import dataclass, field
from urllib.parse import unquote_to_bytes

from edge.sip.grammar import SipParseError, host_and_port, parameters

_SCHEME = re.compile(r"([A-Za-z][-A-Za-z0-9+.]*):")
# user = 1*(unreserved / escaped / user-unreserved), password likewise; read liberally.
_USER = re.compile(r"[^\x00-\x20\x7f\"<>@]+")
# Quotes and angle brackets stand in no URI (RFC 3261 §25.1); a value read from them would not be
# written back as it was.
_URI_BYTES = re.compile(r"[\x21\x23-\x3b\x3d\x3f-\x7e\x80-\U0010ffff\udc80-\udcff]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class SipUri:
    """A sip: or sips: URI."""

    scheme: str = "sip"
    user: str | None = None
    """As it travels, %-escapes included."""
    host: str
    """In lower case; IPv6 in brackets."""
    port: int | None = None
    parameters: dict[str, str | None] = field(default_factory=dict)
    headers: str = ""

    @property
    def user_text(self) -> str:
        """Return the user part without password, one level of %-escapes undone (EDGE O1)."""
        user = (self.user or "").partition(":")[0]
        if "%" not in user:
            return user
        return unquote_to_bytes(user.encode("utf-8", "surrogateescape")).decode("utf-8", "replace")

    @property
    def transport(self) -> str | None:
        """Return the transport parameter in lower case."""
        value = self.parameters.get("transport")
        return None if value is None else value.lower()

    def __str__(self) -> str:
        text = f"{self.scheme}:" + (f"{self.user}@" if self.user is not None else "") + self.host
        if self.port is not None:
            text += f":{self.port}"
        for name, value in self.parameters.items():
            text += f";{name}" if value is None else f";{name}={value}"
        return text + (f"?{self.headers}" if self.headers else "")

    def equals(self, other: "SipUri") -> bool:
        """Compare as RFC 3261 §19.1.4 does; headers are compared as text, in any order."""
        if (self.scheme, self.host, self.port) != (other.scheme, other.host, other.port):
            return False
        if unescaped(self.user) != unescaped(other.user):
            return False
        if sorted(self.headers.split("&")) != sorted(other.headers.split("&")):
            return False
        for name in ("user", "ttl", "method", "maddr", "transport"):
            if (name in self.parameters) != (name in other.parameters):
                return False
        for name in self.parameters.keys() & other.parameters.keys():
            mine, theirs = self.parameters[name] or "", other.parameters[name] or ""
            if mine.lower() != theirs.lower():
                return False
        return True


def unescaped(text: str | None) -> bytes | None:
    """Return a URI component with its %-escapes undone, for comparison only."""
    return None if text is None else unquote_to_bytes(text.encode("utf-8", "surrogateescape"))


def scheme_of(text: str) -> str:
    """Return the scheme of any URI in lower case; raises SipParseError when there is none."""
    match = _SCHEME.match(text)
    if match is None or _URI_BYTES.fullmatch(text) is None:
        raise SipParseError("Request-URI", f"{text[:64]!r} is no URI")
    return match.group(1).lower()


def parse_uri(text: str, *, element: str = "Request-URI") -> SipUri:
    """Return the SIP URI of a text; another scheme gives status 416 (RFC 3261 §21.4.14)."""
    if _URI_BYTES.fullmatch(text) is None:
        raise SipParseError(element, f"{text[:64]!r} is no URI")
    scheme, colon, rest = text.partition(":")
    scheme = scheme.lower()
    if scheme not in ("sip", "sips") or not colon:
        raise SipParseError(element, f"scheme {scheme[:32]!r} is not known", status=416)
    # A '?' or ';' may stand inside the user part, so the user is cut off first.
    user: str | None
    user, at, hostport = rest.rpartition("@")
    if not at:
        user = None
    elif _USER.fullmatch(user) is None:
        raise SipParseError(element, f"user part {user[:32]!r} is malformed")
    hostport, _, headers = hostport.partition("?")
    hostport, semicolon, trailer = hostport.partition(";")
    host, port = host_and_port(hostport, element=element)
    found = parameters(semicolon + trailer, element=element) if trailer else {}
    return SipUri(scheme=scheme, user=user, host=host, port=port, parameters=found, headers=headers)
