"""Session-Expires, Min-SE and who supports them (RFC 4028 §3-5, EDGE 1.9)."""

from typing import NamedTuple

from edge.sip.grammar import SipParseError, parameters
from edge.sip.message import Message

TIMER = "timer"
"""The option tag."""
LEAST_S = 90
"""What RFC 4028 §5 lets nobody go below."""
_LONGEST_S = 86_400
_MOST_DIGITS = 10


class SessionInterval(NamedTuple):
    """What a message says of the session timer."""

    seconds: int
    refresher: str | None
    """`uac` or `uas`; None when the message leaves it open."""


def supports_timer(message: Message) -> bool:
    """Tell whether the peer knows session timers."""
    try:
        tags = [*message.members("supported"), *message.members("require")]
    except SipParseError:
        return False
    return any(tag.lower() == TIMER for tag in tags)


def interval_in(message: Message) -> SessionInterval | None:
    """Return the session interval of a message, at most a day.

    None without one that can be read: a header that is not needed and malformed is ignored
    (RFC 3261 §8.2).
    """
    value = message.get("session-expires")
    if value is None:
        return None
    number, semicolon, trailer = value.partition(";")
    seconds = _seconds(number)
    if seconds is None:
        return None
    try:
        refresher = parameters(semicolon + trailer, element="Session-Expires").get("refresher")
    except SipParseError:
        return None
    refresher = (refresher or "").lower()
    return SessionInterval(seconds, refresher if refresher in ("uac", "uas") else None)


def asked_interval(request: Message) -> SessionInterval | None:
    """Return the session interval that a request asks for; nothing is forced on others (ST2)."""
    interval = interval_in(request)
    return interval if interval is not None and supports_timer(request) else None


def is_too_short(request: Message) -> bool:
    """Tell whether a request asks for an interval that has to be refused (EDGE R29)."""
    interval = asked_interval(request)
    return interval is not None and interval.seconds < LEAST_S


def least_of(response: Message) -> int | None:
    """Return the Min-SE of a 422, at most a day; None without a readable one."""
    value = response.get("min-se")
    return None if value is None else _seconds(value.partition(";")[0])


def _seconds(text: str) -> int | None:
    digits = text.strip()
    if not (digits.isascii() and digits.isdigit() and len(digits) <= _MOST_DIGITS):
        return None
    return min(int(digits), _LONGEST_S)
