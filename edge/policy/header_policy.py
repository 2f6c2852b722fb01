"""Which headers cross the edge, and in which shape (EDGE 1.11).

A header that is not in the table never crosses: either the edge makes its own (From, Contact,
P-Asserted-Identity, Privacy by `AdmitCall.anonymous`, ...) or it is dropped. What crosses is built
anew from its checked parts, so that hosts and addresses of one leg do not reach the other (B2).
"""

import re
from collections.abc import Callable, Mapping
from enum import Enum
from functools import cache
from typing import NamedTuple

from edge.policy.verdict import Fields
from edge.sip.grammar import TOKEN, SipParseError, parameters, split_list
from edge.sip.headers import parse_name_address
from edge.sip.message import Message
from model.numbers import is_e164
from model.settings import HeaderSettings

MAX_VALUE_CHARACTERS = 2_048
"""Longest value that crosses; the service's own limit for a header."""

USUAL = HeaderSettings()

_DIVERSIONS = 3
_REASON_TEXT = 64
_REASON_PROTOCOLS = {"sip": "SIP", "q.850": "Q.850"}

_PRINTABLE = re.compile(r"[\x20-\x7e]+")
_SESSION_ID = re.compile(r"[0-9a-fA-F]{32}(?:[ \t]*;[ \t]*remote=[0-9a-fA-F]{32})?")
_DIGITS = re.compile(r"[0-9]{1,10}")
_CAUSE = re.compile(r"[0-9]{1,3}")


class Way(Enum):
    """Where a message goes."""

    TO_CARRIER = "to carrier"
    TO_PBX = "to PBX"
    ON_NET = "on net"
    """Between two connectors, or to and from a meeting bridge."""


Filter = Callable[[str, str], str | None]
"""Takes a header value and our host; returns what may cross, None for nothing."""


class Rule(NamedTuple):
    """How one header crosses."""

    name: str
    ways: frozenset[Way]
    in_invite: bool
    in_ending: bool
    """In BYE, CANCEL and final answers."""
    at_most: int
    """How many values cross."""
    filter: Filter


def _as_it_is(value: str, host: str) -> str | None:
    return value if _PRINTABLE.fullmatch(value) else None


def _number(value: str, host: str) -> str | None:
    return value if _DIGITS.fullmatch(value) else None


def _session_id(value: str, host: str) -> str | None:
    return value if _SESSION_ID.fullmatch(value) else None


def _reason(value: str, host: str) -> str | None:
    protocol, semicolon, trailer = value.partition(";")
    name = _REASON_PROTOCOLS.get(protocol.strip().lower())
    if name is None:
        return None
    found = parameters(semicolon + trailer, element="Reason")
    cause = found.get("cause") or ""
    if _CAUSE.fullmatch(cause):
        name += f";cause={cause}"
    text = re.sub(r"[^ !#-\[\]-~]", "", found.get("text") or "")[:_REASON_TEXT]
    return f'{name};text="{text}"' if text else name


def _number_with(*kept: str) -> Filter:
    """Return a filter for name-addr values: the E.164 number, our host, some parameters."""

    def rebuild(value: str, host: str) -> str | None:
        address = parse_name_address(value, "Diversion")
        if not address.uri.lower().startswith(("sip:", "sips:")):
            return None
        number = address.sip_uri("Diversion").user_text.partition(";")[0]
        if not is_e164(number):
            return None
        text = f"<sip:{number}@{host}>"
        for name in kept:
            setting = address.parameters.get(name)
            if setting is not None and TOKEN.fullmatch(setting):
                text += f";{name}={setting}"
        return text

    return rebuild


_ALL = frozenset(Way)
_ON_NET = frozenset({Way.ON_NET})
_TO_PBX = _ON_NET | {Way.TO_PBX}

RULES = (
    Rule(
        "Diversion", _ALL, True, False, _DIVERSIONS,
        _number_with("reason", "counter", "limit", "privacy", "screen"),
    ),
    Rule("History-Info", _TO_PBX, True, False, 10, _number_with("index", "rc", "mp", "np")),
    Rule("Max-Breadth", _ALL, True, False, 1, _number),
    Rule("Identity", _TO_PBX, True, False, 10, _as_it_is),
    Rule("Reason", _ALL, False, True, 2, _reason),
    Rule("Session-ID", _ALL, True, True, 1, _session_id),
    Rule("User-to-User", _TO_PBX, True, True, 10, _as_it_is),
)  # fmt: skip
"""The rows of EDGE 1.11 whose mark is "pass" in some direction; B4's breadth."""

_OWN_HEADERS = 10
_OWN = "x-"
"""What the headers begin with that customers make up; they pass between connectors alone."""
_RESERVED = ("x-amzn-", "x-voiceconnector-", "x-vc-")
"""Ours to set; from outside they never pass."""

_ENDING_RULES = {rule.name.lower(): rule for rule in RULES if rule.in_ending}


def invite_headers(
    message: Message, way: Way, host: str, settings: HeaderSettings = USUAL
) -> Fields:
    """Return what crosses from an INVITE; `host` replaces the peer's own in number URIs."""
    passed = _passed(message, way, host, _invite_rules(settings))
    return passed + _customer_headers(message) if _passes_custom(way, settings) else passed


@cache
def _invite_rules(settings: HeaderSettings) -> Mapping[str, Rule]:
    """Return the rows for an INVITE as an operator has changed them."""
    ways = {
        "Diversion": _ALL if settings.diversion_out else _TO_PBX,
        "History-Info": _TO_PBX if settings.history_info_in else _ON_NET,
        "User-to-User": _ALL if settings.user_to_user_out else _TO_PBX,
    }
    return {
        rule.name.lower(): rule._replace(ways=ways.get(rule.name, rule.ways))
        for rule in RULES
        if rule.in_invite
    }


def _passes_custom(way: Way, settings: HeaderSettings) -> bool:
    match way:
        case Way.ON_NET:
            return True
        case Way.TO_CARRIER:
            return settings.custom_out
        case Way.TO_PBX:
            return settings.custom_in


def ending_headers(message: Message, way: Way, host: str) -> Fields:
    """Return what crosses from a BYE, a CANCEL or a final answer."""
    return _passed(message, way, host, _ENDING_RULES)


def timestamp_of(request: Message) -> Fields:
    """Return the Timestamp that a 100 copies back to its sender (RFC 3261 §8.2.6.1, EDGE B7)."""
    value = request.get("timestamp")
    return () if value is None else (("Timestamp", value),)


def _passed(message: Message, way: Way, host: str, rules: Mapping[str, Rule]) -> Fields:
    found: list[tuple[str, str]] = []
    for name, rule in rules.items():
        lines = message.headers.get(name)
        if lines is not None and way in rule.ways:
            found.extend((rule.name, value) for value in _values(rule, lines, host))
    return tuple(found)


def _customer_headers(message: Message) -> Fields:
    """Return the X- headers that a customer sends another, the first ten of them."""
    found = [
        (name.title(), value)
        for name, lines in message.headers.items()
        if name.startswith(_OWN) and not name.startswith(_RESERVED) and TOKEN.fullmatch(name)
        for value in lines
        if len(value) <= MAX_VALUE_CHARACTERS and _PRINTABLE.fullmatch(value)
    ]
    return tuple(found[:_OWN_HEADERS])


def _values(rule: Rule, lines: list[str], host: str) -> list[str]:
    """Return the filtered values of a header; what cannot be read does not cross."""
    kept: list[str] = []
    for line in lines:
        try:
            members = split_list(line, element=rule.name)
        except SipParseError:
            continue
        for member in members:
            value = _filtered(rule, member, host)
            if value is not None and len(value) <= MAX_VALUE_CHARACTERS:
                kept.append(value)
    return kept[: rule.at_most]


def _filtered(rule: Rule, member: str, host: str) -> str | None:
    try:
        return rule.filter(member, host)
    except SipParseError:
        return None
