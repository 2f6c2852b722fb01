"""When the next target is tried, and what the caller hears when none is left (EDGE 5.2)."""

from collections.abc import Iterable
from enum import Enum
from typing import NamedTuple

from model.settings import RoutingSettings


class Failure(Enum):
    """Why an attempt ended without a final response (EDGE F4, F5)."""

    NO_RESPONSE = "no response"
    NO_PROGRESS = "100 and nothing more"
    UNREACHABLE = "unreachable"


FAILOVER_STATUSES = frozenset({401, 407, 408, 500, 502, 503, 504})
"""Final answers that send a call to its next target (EDGE F4); all others end the search (F6)."""

_CAUSES = {Failure.NO_RESPONSE: 408, Failure.NO_PROGRESS: 408, Failure.UNREACHABLE: 503}
"""What a failure without an answer would have been as one (RFC 3261 §8.1.3.1)."""

_LARGEST_RETRY_AFTER = 10
"""Digits of a Retry-After that are read; more is no number of seconds."""


class FinalAnswer(NamedTuple):
    """What the caller hears when no target is left."""

    status: int
    reason: str
    fields: tuple[tuple[str, str], ...]


def is_failover(status: int) -> bool:
    """Tell whether a final answer, before any 101-199, sends the call to its next target."""
    return status in FAILOVER_STATUSES


def counts_against_target(ending: int | Failure) -> bool:
    """Tell whether a failed attempt puts its target out: not by a 4xx answer (EDGE F9)."""
    return isinstance(ending, Failure) or (is_failover(ending) and ending >= 500)


def retry_after_s(values: Iterable[str]) -> float | None:
    """Return the seconds of a Retry-After header, None without a readable one (§20.33)."""
    for value in values:
        digits = value.partition(";")[0].partition("(")[0].strip()
        if digits.isascii() and digits.isdigit() and len(digits) <= _LARGEST_RETRY_AFTER:
            return float(digits)
    return None


def progress_deadline(trying_at: float, settings: RoutingSettings) -> float:
    """Return when an attempt is given up that heard a 100 and no more (EDGE F5)."""
    return trying_at + settings.progress_after_trying_s


def may_try_again(
    attempts: int, search_started_at: float, settings: RoutingSettings, now: float
) -> bool:
    """Tell whether one more target may be tried after so many attempts (EDGE F8)."""
    return attempts < settings.attempts and now - search_started_at < settings.budget_s


def answer_when_exhausted(to_carriers: bool, last: int | Failure | None) -> FinalAnswer:
    """Return the answer when every target has failed (EDGE R34, R35).

    `last` is how the last attempt ended, None when there was no target at all. A PBX whose call no
    carrier takes hears 503, so that it can use another trunk. Nobody else does: a carrier would
    avoid the edge, and no other trunk leads to a connector's PBXs or a meeting.
    """
    if to_carriers:
        return FinalAnswer(503, "Service Unavailable", ())
    if last is None:
        return FinalAnswer(480, "Temporarily Unavailable", ())
    cause = _CAUSES[last] if isinstance(last, Failure) else last
    return FinalAnswer(480, "Temporarily Unavailable", (("Reason", f"SIP;cause={cause}"),))
