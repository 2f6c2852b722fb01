"""Which targets have failed lately (EDGE F9)."""

from collections.abc import Callable

from edge.routing.targets import Target
from model.settings import RoutingSettings

TARGETS = 10_000
"""Remembered failed targets: 100 connectors with 20 routes of five addresses each."""

_Key = tuple[tuple[str, int], str]


class _Outage:
    __slots__ = ("length_s", "until")

    def __init__(self, length_s: float, until: float) -> None:
        self.length_s = length_s
        self.until = until


class Health:
    """The blacklist of one node: a failed target is out for a while, twice as long each time."""

    def __init__(self, settings: RoutingSettings) -> None:
        self._settings = settings
        self._outages: dict[_Key, _Outage] = {}
        self.on_failed: Callable[[Target, float], None] = _nobody_listens
        """Hears of every failure that counts (EDGE F10)."""

    def is_out(self, target: Target, now: float) -> bool:
        """Tell whether a target is out; such targets are tried last, never not at all."""
        return self.out_until(target, now) is not None

    def out_until(self, target: Target, now: float) -> float | None:
        """Return when a target's outage ends, None for one that is not out."""
        outage = self._outages.get(_key(target))
        return outage.until if outage is not None and now < outage.until else None

    def failed(self, target: Target, now: float, retry_after_s: float | None = None) -> None:
        """Note a failure that counts; a 503's Retry-After says how long, up to the cap.

        Failures of calls that were under way when the target went out do not lengthen its outage.
        """
        key, longest = _key(target), self._settings.blacklist_longest_s
        outage = self._outages.pop(key, None)
        if retry_after_s is not None:
            length = min(retry_after_s, longest)
            until = max(now + length, outage.until if outage is not None else now)
            outage = _Outage(max(length, self._settings.blacklist_s), until)
        elif outage is None:
            outage = _Outage(self._settings.blacklist_s, now + self._settings.blacklist_s)
        elif now >= outage.until:
            length = min(2 * outage.length_s, longest)
            outage = _Outage(length, now + length)
        self._outages[key] = outage
        if len(self._outages) > TARGETS:
            del self._outages[next(iter(self._outages))]
        self.on_failed(target, now)

    def succeeded(self, target: Target) -> None:
        """Note that a target works: its history is forgotten."""
        self._outages.pop(_key(target), None)

    def __len__(self) -> int:
        return len(self._outages)


def _nobody_listens(target: Target, now: float) -> None:
    pass


def _key(target: Target) -> _Key:
    return target.address, target.transport
