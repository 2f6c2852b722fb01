"""What stolen credentials could cost: caps of connectors, and an eye on new countries (EDGE S6).

A node knows what it has seen itself since it was started: three nodes let through three times a cap
at most, and a restart begins anew. The caps bound the damage of fraud; they are no billing limits.
Memory is bounded: minutes by the connectors that call, everything else by the numbers below.
"""

from collections.abc import Callable
from datetime import datetime

from model.numbers import NumberFacts
from model.settings import AdmissionSettings

PREFIXES = 20_000
"""Remembered (connector, prefix) pairs; the one that was idle longest is forgotten first."""
REGIONS = 50_000
"""Remembered (connector, country) pairs; there are 245 countries."""

_MINUTE_S = 60.0
_DAY_S = 86_400.0
_MINUTES_COUNTED = 61
"""This minute and the sixty before it: never less than the last hour."""
_PREFIX_DIGITS = 3


class _Minutes:
    """One connector's talk of today: calls that have ended, and the starts of those that are up."""

    __slots__ = ("ended_s", "live", "live_since")

    def __init__(self) -> None:
        self.ended_s = 0.0
        self.live = 0
        self.live_since = 0.0
        """Sum of the starts, so that the sum of all running times needs no list of calls."""


class Spending:
    """The memory of one node."""

    def __init__(self, settings: AdmissionSettings, utc_of: Callable[[float], datetime]) -> None:
        self._minutes_cap = settings.minutes_per_day
        self._prefix_cap = settings.calls_per_prefix_per_hour
        self._utc_of = utc_of
        self._minutes: dict[str, _Minutes] = {}
        self._day_began_at = 0.0
        self._day_ends_at = float("-inf")
        self._prefixes: dict[str, dict[int, int]] = {}
        self._regions: dict[tuple[str, str], None] = {}

    def answered(self, connector_id: str, now: float) -> None:
        """Count a call to the public network from now on."""
        if self._minutes_cap is not None:
            minutes = self._of(connector_id, now)
            minutes.live += 1
            minutes.live_since += now

    def ended(self, connector_id: str, answered_at: float, ended_at: float) -> None:
        """Take the end of a call that was counted; what it took before midnight was yesterday's."""
        if self._minutes_cap is not None:
            minutes = self._of(connector_id, ended_at)
            started_at = max(answered_at, self._day_began_at)
            minutes.live -= 1
            minutes.live_since -= started_at
            minutes.ended_s += max(0.0, ended_at - started_at)

    def seconds_today(self, connector_id: str, now: float) -> float:
        """Return how long a connector has talked since midnight UTC, running calls included."""
        minutes = self._of(connector_id, now)
        return minutes.ended_s + max(0.0, minutes.live * now - minutes.live_since)

    def has_minutes(self, connector_id: str, now: float) -> bool:
        """Tell whether a connector may talk on today."""
        cap = self._minutes_cap
        return cap is None or self.seconds_today(connector_id, now) < cap * _MINUTE_S

    def take_call(self, connector_id: str, prefix: str, now: float) -> bool:
        """Count a call to a prefix; False when the last hour has had its share already."""
        cap = self._prefix_cap
        if cap is None:
            return True
        key, minute = f"{connector_id} {prefix}", int(now // _MINUTE_S)
        calls = self._prefixes.pop(key, {})
        calls = {at: count for at, count in calls.items() if at > minute - _MINUTES_COUNTED}
        self._prefixes[key] = calls  # popped before, so that insertion order is order of use
        if len(self._prefixes) > PREFIXES:
            del self._prefixes[next(iter(self._prefixes))]
        if sum(calls.values()) >= cap:
            return False
        calls[minute] = calls.get(minute, 0) + 1
        return True

    def is_new_region(self, connector_id: str, region: str) -> bool:
        """Tell once that a connector calls a country that it has not called before."""
        key = (connector_id, region)
        if key in self._regions:
            return False
        self._regions[key] = None
        if len(self._regions) > REGIONS:
            del self._regions[next(iter(self._regions))]
        return True

    def sizes(self) -> tuple[int, int, int]:
        """Return how many connectors, prefixes and countries are remembered."""
        return len(self._minutes), len(self._prefixes), len(self._regions)

    def _of(self, connector_id: str, now: float) -> _Minutes:
        if now >= self._day_ends_at:
            self._begin_day(now)
        minutes = self._minutes.get(connector_id)
        if minutes is None:
            minutes = self._minutes[connector_id] = _Minutes()
        return minutes

    def _begin_day(self, now: float) -> None:
        utc = self._utc_of(now)
        midnight = utc.replace(hour=0, minute=0, second=0, microsecond=0)
        self._day_began_at = now - (utc - midnight).total_seconds()
        self._day_ends_at = self._day_began_at + _DAY_S
        self._minutes = {name: it for name, it in self._minutes.items() if it.live}
        for minutes in self._minutes.values():
            minutes.ended_s = 0.0
            minutes.live_since = minutes.live * self._day_began_at


def prefix_of(facts: NumberFacts) -> str:
    """Return the destination prefix of a number: country calling code and three more digits.

    In the numbering plan of North America that is the area code, elsewhere about a network.
    """
    return facts.e164[: 1 + len(facts.calling_code) + _PREFIX_DIGITS]
