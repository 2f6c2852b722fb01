"""When calls come and how long they last."""

from math import exp, log
from random import Random

from bench.scale.parameters import Durations, Parameters

_SHAPE = (
    *(0.08, 0.06, 0.05, 0.05, 0.06, 0.10, 0.20, 0.45, 0.80, 0.97, 1.00, 0.98),
    *(0.85, 0.86, 0.97, 0.96, 0.88, 0.65, 0.42, 0.32, 0.26, 0.20, 0.14, 0.10),
)
"""Of a working day, by the hour: an assumption. Between two hours the line is straight."""


def share_of_peak(at_s: float) -> float:
    """Return how busy a moment of the day is, 1 at the busiest."""
    hour, into = divmod(at_s / 3600.0 % 24.0, 1.0)
    here, there = _SHAPE[int(hour)], _SHAPE[(int(hour) + 1) % 24]
    return here + (there - here) * into


def rate_at(parameters: Parameters, at_s: float) -> float:
    """Return how many calls a second come at a moment."""
    rate = share_of_peak(at_s) * parameters.concurrent / parameters.mean_call_s
    since_h = None if parameters.surge_at is None else at_s / 3600.0 - parameters.surge_at
    is_surge = since_h is not None and 0.0 <= since_h < parameters.surge_hours
    return rate * parameters.surge if is_surge else rate


class Lengths:
    """Draws lengths of calls, in seconds."""

    __slots__ = ("_chance", "_is_exponential", "_longest", "_mean", "_mu", "_sigma")

    def __init__(self, parameters: Parameters, chance: Random) -> None:
        self._chance = chance
        self._is_exponential = parameters.durations is Durations.EXPONENTIAL
        self._mean, self._sigma = parameters.mean_call_s, parameters.sigma
        self._mu = log(self._mean) - self._sigma**2 / 2
        self._longest = parameters.longest_call_s

    def draw(self) -> float:
        """Return the length of one call; the edge ends those that are too long."""
        if self._is_exponential:
            length = self._chance.expovariate(1.0 / self._mean)
        else:
            length = exp(self._chance.gauss(self._mu, self._sigma))
        return min(length, self._longest)


def weights(parameters: Parameters, chance: Random) -> tuple[float, ...]:
    """Return the shares of all calls that the peers make: carriers first, then PBXs."""
    pbxs = max(2, round(parameters.concurrent / parameters.calls_per_pbx))
    sizes = sorted((chance.paretovariate(parameters.pareto) for _ in range(pbxs)), reverse=True)
    each_carrier = parameters.inbound / parameters.carriers
    scale = (1.0 - parameters.inbound) / sum(sizes)
    return (each_carrier,) * parameters.carriers + tuple(size * scale for size in sizes)
