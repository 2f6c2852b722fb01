"""What can be told of a street address without knowing any: its form (API EA1, docs/e911.md).

The rules know no streets and no cities. An address that passes them is written as emergency
services write addresses; whether it exists is not known.
"""

import re
from typing import NamedTuple

from lambdas.management.postal_areas import STATE_NAMES, is_in_state

LONGEST = 100
"""Characters of any member; no street and no city has a longer name."""

_COUNTRY_NAMES = {"US", "USA", "U.S.", "U.S.A.", "UNITED STATES", "UNITED STATES OF AMERICA"}
_STREET_NUMBER = re.compile(
    # 12, 12B, 12 1/2, 12-34 (Queens), N6W23001 (Wisconsin): a number that is not zero is in it.
    r"(?=.*[1-9])([NSEW][0-9]{1,5})?[NSEW]?[0-9]{1,6}(-[0-9]{1,6})?[A-Z]?( [1-9]/[2-9])?",
    re.ASCII | re.IGNORECASE,
)
_MAIL_BOX = re.compile(
    r"\b(P\.? ?O\.? ?BOX|POST OFFICE BOX|GENERAL DELIVERY|PMB|BOX ?#?[0-9]+)\b"
    r"|\b(RR|HC|RURAL ROUTE|HIGHWAY CONTRACT) ?#?[0-9]+ BOX\b",
    re.ASCII | re.IGNORECASE,
)
_CITY = re.compile(r"[^\W\d_]+([ .'\u2019-]+[^\W\d_]+)*\.?")
_ZIP = re.compile(r"([0-9]{5})[ -]?([0-9]{4})?", re.ASCII)
_BLANKS = re.compile(r"\s+")

_DIRECTIONS = {"N", "S", "E", "W", "NE", "NW", "SE", "SW"}
_SUFFIXES = {
    *("ALY", "ALLEY", "AVE", "AVENUE", "BLVD", "BOULEVARD", "CIR", "CIRCLE", "CT", "COURT"),
    *("DR", "DRIVE", "EXPY", "EXPRESSWAY", "HWY", "HIGHWAY", "LN", "LANE", "LOOP", "PARK"),
    *("PKWY", "PARKWAY", "PL", "PLACE", "PLZ", "PLAZA", "RD", "ROAD", "SQ", "SQUARE", "ST"),
    *("STREET", "TER", "TERRACE", "TRL", "TRAIL", "TPKE", "TURNPIKE", "WAY"),
}


class Address(NamedTuple):
    """An address as a client gives it."""

    street_number: str
    street: str
    city: str
    state: str
    postal_code: str
    """With a hyphen before the four digits of ZIP+4, if there are any."""
    country: str


class Street(NamedTuple):
    """A street's name in its parts, in the client's spelling."""

    pre_directional: str | None
    name: str
    suffix: str | None
    post_directional: str | None


def normalised(given: Address) -> Address | None:
    """Return an address in the form of emergency services; None when a rule forbids it."""
    tidy = Address(*(_BLANKS.sub(" ", member).strip() for member in given))
    if any(len(member) > LONGEST for member in tidy):
        return None
    if tidy.country.upper() not in _COUNTRY_NAMES:
        # Nothing is known of the form of other countries' addresses.
        return None
    state, postal_code = _state(tidy.state), _zip(tidy.postal_code)
    if state is None or postal_code is None or not is_in_state(postal_code, state):
        return None
    if not (_is_street_number(tidy.street_number) and _is_street(tidy.street)):
        return None
    if _CITY.fullmatch(tidy.city) is None:
        return None
    return tidy._replace(state=state, postal_code=postal_code, country="US")


def parts_of(street: str) -> Street:
    """Return directions, name and suffix of a street; at least one word is the name."""
    words = street.split(" ")
    after = words.pop() if len(words) > 1 and _is_in(words[-1], _DIRECTIONS) else None
    suffix = words.pop() if len(words) > 1 and _is_in(words[-1], _SUFFIXES) else None
    before = words.pop(0) if len(words) > 1 and _is_in(words[0], _DIRECTIONS) else None
    return Street(before, " ".join(words), suffix, after)


def _is_in(word: str, known: set[str]) -> bool:
    return word.rstrip(".").upper() in known


def _is_street_number(text: str) -> bool:
    return _STREET_NUMBER.fullmatch(text) is not None


def _is_street(text: str) -> bool:
    has_name = any(character.isalnum() for character in text)
    return has_name and text.isprintable() and _MAIL_BOX.search(text) is None


def _state(text: str) -> str | None:
    code = text.upper()
    return code if code in STATE_NAMES else _CODES.get(code)


def _zip(text: str) -> str | None:
    digits = _ZIP.fullmatch(text)
    if digits is None:
        return None
    return f"{digits[1]}-{digits[2]}" if digits[2] else digits[1]


_CODES = {name.upper(): code for code, name in STATE_NAMES.items()}
