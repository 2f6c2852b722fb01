"""Conditions of a policy's statement, as far as they can be judged from outside of AWS.

What a request of ours brings along is known, and what it never does; everything else, such as where
it comes from, is not, and then the answer is that nobody here can tell.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from enum import Enum

Facts = Mapping[str, str | None]
"""Condition keys in lower case with their values; None for what a request never has."""


class Match(Enum):
    """Whether a statement, or a part of it, is about a request."""

    NO = 0
    UNKNOWN = 1
    YES = 2


def all_of(parts: Sequence[Match]) -> Match:
    """Return the match of parts that all have to hold."""
    return min(parts, key=lambda part: part.value, default=Match.YES)


def matches(pattern: str, text: str, *, ignore_case: bool = False) -> bool:
    """Tell whether a text fits a pattern with the wildcards of policies, * and ?."""
    parts = ("." if it == "?" else ".*" if it == "*" else re.escape(it) for it in pattern)
    flags = re.DOTALL | (re.IGNORECASE if ignore_case else 0)
    return re.fullmatch("".join(parts), text, flags) is not None


def _number(compare: Callable[[float, float], bool]) -> Callable[[str, str], bool]:
    return lambda wanted, value: compare(float(value), float(wanted))


_OPERATORS: Mapping[str, tuple[Callable[[str, str], bool], bool]] = {
    # Name -> how a wanted value is compared with that of the request, and whether it is negated.
    "StringEquals": (lambda wanted, value: wanted == value, False),
    "StringNotEquals": (lambda wanted, value: wanted == value, True),
    "StringEqualsIgnoreCase": (lambda wanted, value: wanted.lower() == value.lower(), False),
    "StringNotEqualsIgnoreCase": (lambda wanted, value: wanted.lower() == value.lower(), True),
    "StringLike": (matches, False),
    "StringNotLike": (matches, True),
    "ArnEquals": (matches, False),
    "ArnLike": (matches, False),
    "ArnNotEquals": (matches, True),
    "ArnNotLike": (matches, True),
    "Bool": (lambda wanted, value: wanted.lower() == value.lower(), False),
    "NumericEquals": (_number(lambda value, wanted: value == wanted), False),
    "NumericNotEquals": (_number(lambda value, wanted: value == wanted), True),
    "NumericLessThan": (_number(lambda value, wanted: value < wanted), False),
    "NumericLessThanEquals": (_number(lambda value, wanted: value <= wanted), False),
    "NumericGreaterThan": (_number(lambda value, wanted: value > wanted), False),
    "NumericGreaterThanEquals": (_number(lambda value, wanted: value >= wanted), False),
}


def judged(condition: Mapping[str, Mapping[str, object]], facts: Facts) -> Match:
    """Return whether a statement's conditions hold for a request."""
    return all_of(
        [
            _judged_one(operator, key.lower(), _texts(wanted), facts)
            for operator, keys in condition.items()
            for key, wanted in keys.items()
        ]
    )


def _judged_one(operator: str, key: str, wanted: Sequence[str], facts: Facts) -> Match:
    if key not in facts:
        return Match.UNKNOWN
    value = facts[key]
    if operator == "Null":
        is_wanted_absent = [it.lower() for it in wanted] == ["true"]
        return Match.YES if (value is None) is is_wanted_absent else Match.NO
    base = operator.removesuffix("IfExists")
    if base not in _OPERATORS or any("${" in it for it in wanted):
        return Match.UNKNOWN
    compare, is_negated = _OPERATORS[base]
    if value is None:
        return Match.YES if is_negated or base != operator else Match.NO
    try:
        is_among = any(compare(it, value) for it in wanted)
    except ValueError:
        return Match.UNKNOWN
    return Match.YES if is_among is not is_negated else Match.NO


def _texts(wanted: object) -> list[str]:
    values = wanted if isinstance(wanted, list) else [wanted]
    return [str(it).lower() if isinstance(it, bool) else str(it) for it in values]
