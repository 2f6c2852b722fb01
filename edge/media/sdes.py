"""Keys in session descriptions: a=crypto lines, read and written (RFC 4568; EDGE K1-K9).

A line that is malformed, or asks for what is not done here, counts as absent, and the next one
serves (RFC 4568 §5.1.2). No text made here shows a key but that of `written` (EDGE S14).
"""

import re
from base64 import b64decode, b64encode
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from edge.media.srtp_keys import REPLAY_WINDOW, SALT_BYTES, SrtpKey, Suite
from model.srtp import SrtpSettings, SuiteNames

MARK = "a=crypto:"
LEAST_WINDOW = 64
"""RFC 4568 §6.3.6; a smaller hint counts as this."""
MOST_WINDOW = 1_024
MOST_LIFETIME_BITS = 48
"""Of AES-128; of the longer keys it is 31 (RFC 6188 §4)."""

_SEED_SPELLINGS = {
    suite: re.sub(r"^AES_(192|256)_CM", r"AES_CM_\1", suite.value) for suite in Suite
}
"""The whitepaper's names; for AES-128 they are the registered ones (EDGE K1, K2)."""
_SUITES = {spelling: suite for suite in Suite for spelling in (suite.value, _SEED_SPELLINGS[suite])}
_TAG = re.compile(r"[0-9]{1,9}")
# srtp-key-info = key-salt ["|" lifetime] ["|" mki]   (RFC 4568 §9.2; EDGE K6, K7)
_KEY = re.compile(
    r"inline:([A-Za-z0-9+/]+)={0,2}"
    r"(?:\|(?:2\^([1-9]?[0-9])|([1-9][0-9]{0,14})))?"
    r"(?:\|([0-9]{1,10}):([1-4]))?",
    re.IGNORECASE,
)
_WINDOW = re.compile(r"WSH=([0-9]{1,9})")


class CryptoLine(NamedTuple):
    """One line that can be used: the peer's or ours."""

    tag: str
    """One to nine digits; an answer repeats them letter for letter (EDGE K3)."""
    spelling: str
    """Of the suite's name; an answer repeats it as well (EDGE K2)."""
    key: SrtpKey

    def is_answered_by(self, line: "CryptoLine") -> bool:
        """Tell whether a line of an answer accepts this one (RFC 4568 §5.1.3)."""
        return int(self.tag) == int(line.tag) and self.key.suite is line.key.suite


class SdesRules(NamedTuple):
    """What our own offers say."""

    offered: tuple[tuple[str, Suite], ...]
    """How a suite is spelled, and which it is: a line for each, in this order (EDGE K2, K9)."""

    @classmethod
    def of(cls, settings: SrtpSettings) -> "SdesRules":
        """Return what the operator wants."""
        suites = [Suite(suite.value) for suite in settings.suites]
        return cls(tuple((it, suite) for suite in suites for it in _spellings(suite, settings)))

    @property
    def suites(self) -> frozenset[Suite]:
        """Return the suites that are used at all."""
        return frozenset(suite for _, suite in self.offered)


def usable_lines(attributes: Iterable[str], suites: frozenset[Suite]) -> tuple[CryptoLine, ...]:
    """Return the lines of a media section that can be used, in their order.

    A tag that stands in several lines makes all of them useless: an answer could not tell which of
    them it means (RFC 4568 §4.1).
    """
    lines = [text[len(MARK) :].split() for text in attributes if text.startswith(MARK)]
    tags = Counter([fields[0].lstrip("0") for fields in lines if fields])
    read = [_line(fields) for fields in lines if fields and tags[fields[0].lstrip("0")] == 1]
    return tuple([line for line in read if line is not None and line.key.suite in suites])


def written(line: CryptoLine) -> str:
    """Return a line as it stands in a description, its end included."""
    secret = b64encode(line.key.key + line.key.salt).decode("ascii")
    return f"{MARK}{line.tag} {line.spelling} inline:{secret}\r\n"


def _spellings(suite: Suite, settings: SrtpSettings) -> tuple[str, ...]:
    seed = _SEED_SPELLINGS[suite]
    if settings.suite_names is SuiteNames.IANA or seed == suite.value:
        return (suite.value,)
    return (suite.value, seed) if settings.suite_names is SuiteNames.BOTH else (seed,)


def _line(fields: list[str]) -> CryptoLine | None:
    """Return a line of `<tag> <suite> <key parameters> [session parameters]`, None if useless."""
    if len(fields) < 3:
        return None
    tag, spelling, parameters, *session = fields
    suite = _SUITES.get(spelling.upper())
    if suite is None or _TAG.fullmatch(tag) is None:
        return None
    key = _key(suite, parameters, _window(session))
    return None if key is None else CryptoLine(tag, spelling, key)


def _key(suite: Suite, parameters: str, window: int | None) -> SrtpKey | None:
    """Return the one key of a line; a second one behind a semicolon matches nothing (EDGE K7)."""
    found = _KEY.fullmatch(parameters)
    if found is None or window is None:
        return None
    text, power, count, mki, mki_bytes = found.groups()
    if not _is_lifetime(suite, power, count):
        return None
    if mki is not None and int(mki) >= 1 << 8 * int(mki_bytes):
        return None
    secret = _octets(text, suite.key_bytes + SALT_BYTES)
    if secret is None:
        return None
    salt_at = suite.key_bytes
    return SrtpKey(suite, secret[:salt_at], secret[salt_at:], int(mki_bytes or 0), window)


def _is_lifetime(suite: Suite, power: str | None, count: str | None) -> bool:
    """Tell whether a lifetime is none, or not above what the suite has (EDGE K6)."""
    bits = MOST_LIFETIME_BITS if suite.key_bytes == 16 else 31
    packets = 1 << int(power) if power is not None else int(count or 1)
    return packets <= 1 << bits


def _octets(text: str, wanted: int) -> bytes | None:
    """Return so many octets of base64 without its padding, which some peers leave out (EDGE K5)."""
    if len(text) != -(-wanted * 4 // 3):
        return None
    return b64decode(text + "=" * (-len(text) % 4))


def _window(session: list[str]) -> int | None:
    """Return the receiver's window that session parameters leave, None if they forbid the line.

    KDR other than 0, FEC, anything unencrypted or unauthenticated, and what is not known unless a
    `-` marks it as optional (RFC 4568 §6.3.7; EDGE K8).
    """
    window = REPLAY_WINDOW
    for parameter in session:
        hint = _WINDOW.fullmatch(parameter.upper())
        if hint is not None:
            window = min(max(int(hint[1]), LEAST_WINDOW), MOST_WINDOW)
        elif parameter.upper() not in ("KDR=0", "KDR=00") and not parameter.startswith("-"):
            return None
    return window
