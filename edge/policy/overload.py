"""When a node has too much to do, and when it is well again (EDGE R30).

Three measures tell: how late the event loop is, how much of a CPU the process takes, how few media
ports are free. The node is overloaded as soon as one of them is beyond its limit, and normal again
when all of them have been well below for CALM_S: what lies between changes nothing, so that a node
at the brink does not swing. It drowns when it refuses new calls already and even that is too much.
One late turn of the loop is no sign, for whatever took so long is over: two in a row are.
"""

from enum import Enum, auto
from typing import NamedTuple

from model.settings import AdmissionSettings

CALM_S = 0.5
"""Calls are refused so long after the last sign of overload: it ends in the second it is over."""
CPU_MARGIN = 0.15
"""Of a CPU; so far below the limit is well below."""


class Load(Enum):
    """What a node can do with new calls."""

    NORMAL = auto()
    OVERLOADED = auto()
    """They are refused."""
    DROWNING = auto()
    """They are not even read."""


class Measured(NamedTuple):
    """One look at the node."""

    lag_s: float
    """How late the event loop was."""
    cpu: float
    """Share of one CPU that the process took lately."""
    free_ports: float
    """Share of media ports that are free."""


class _Reading(Enum):
    CALM = auto()
    BETWEEN = auto()
    HIGH = auto()
    EXTREME = auto()


_NEXT: dict[tuple[Load, _Reading], Load] = {
    (Load.NORMAL, _Reading.CALM): Load.NORMAL,
    (Load.NORMAL, _Reading.BETWEEN): Load.NORMAL,
    (Load.NORMAL, _Reading.HIGH): Load.OVERLOADED,
    (Load.NORMAL, _Reading.EXTREME): Load.OVERLOADED,
    (Load.OVERLOADED, _Reading.CALM): Load.NORMAL,
    (Load.OVERLOADED, _Reading.BETWEEN): Load.OVERLOADED,
    (Load.OVERLOADED, _Reading.HIGH): Load.OVERLOADED,
    (Load.OVERLOADED, _Reading.EXTREME): Load.DROWNING,
    (Load.DROWNING, _Reading.CALM): Load.NORMAL,
    (Load.DROWNING, _Reading.BETWEEN): Load.OVERLOADED,
    (Load.DROWNING, _Reading.HIGH): Load.OVERLOADED,
    (Load.DROWNING, _Reading.EXTREME): Load.DROWNING,
}


class OverloadMeter:
    """Judges one node, look by look."""

    __slots__ = ("_calm_since", "_last_lag_s", "_settings", "load")

    def __init__(self, settings: AdmissionSettings) -> None:
        self._settings = settings
        self._last_lag_s = 0.0
        self._calm_since: float | None = None
        self.load = Load.NORMAL

    def take(self, measured: Measured, now: float) -> Load:
        """Return how the node is after one more look."""
        # The lesser of two looks in a row.
        lag_s = min(measured.lag_s, self._last_lag_s)
        self._last_lag_s = measured.lag_s
        self.load = _NEXT[self.load, self._reading(measured._replace(lag_s=lag_s), now)]
        return self.load

    def _reading(self, measured: Measured, now: float) -> _Reading:
        limits = self._settings
        lag_ms, cpu, ports = measured.lag_s * 1e3, measured.cpu * 100, measured.free_ports * 100
        calm = (
            lag_ms < limits.overload_lag_ms / 2
            and measured.cpu <= limits.overload_cpu_percent / 100 - CPU_MARGIN
            and ports >= 2 * limits.overload_ports_percent
        )
        if not calm:
            self._calm_since = None
        elif self._calm_since is None:
            self._calm_since = now
        if lag_ms > limits.drop_lag_ms or cpu > limits.drop_cpu_percent:
            return _Reading.EXTREME
        if (
            lag_ms > limits.overload_lag_ms
            or cpu > limits.overload_cpu_percent
            or ports < limits.overload_ports_percent
        ):
            return _Reading.HIGH
        is_calm = self._calm_since is not None and now - self._calm_since >= CALM_S
        return _Reading.CALM if is_calm else _Reading.BETWEEN
