"""Target tracking as Application Auto Scaling does it: an average per node, two alarms, waits."""

from collections import deque
from math import ceil

from bench.scale.parameters import Parameters

LOW = 0.9
"""Of the target: below it nodes are too many."""


class Scaling:
    """Decides how many nodes there should be."""

    def __init__(self, parameters: Parameters, desired: int) -> None:
        self._parameters = parameters
        self._target = float(parameters.size.target)
        self._late = round(parameters.metric_delay_s / parameters.measured_every_s)
        self._averages: deque[float] = deque(maxlen=parameters.low_minutes + self._late)
        self._out_after = self._in_after = 0.0
        self.desired = desired

    def measure(self, average: float, now: float) -> None:
        """Take the average of a minute, over the nodes that take calls, and decide."""
        self._averages.append(average)
        known = list(self._averages)[: len(self._averages) - self._late]
        chosen = self._parameters
        high, low = known[-chosen.high_minutes :], known[-chosen.low_minutes :]
        if len(high) == chosen.high_minutes and min(high) > self._target:
            self._scale_out(high[-1], now)
        elif len(low) == chosen.low_minutes and max(low) < LOW * self._target:
            self._scale_in(low[-1], now)

    def _scale_out(self, average: float, now: float) -> None:
        if now >= self._out_after:
            self.desired = max(self.desired, self._wanted(average))
            self._out_after = now + self._parameters.out_cooldown_s
            self._in_after = now + self._parameters.in_cooldown_s

    def _scale_in(self, average: float, now: float) -> None:
        if now >= self._in_after:
            self.desired = min(self.desired, self._wanted(average))
            self._in_after = now + self._parameters.in_cooldown_s

    def _wanted(self, average: float) -> int:
        wanted = ceil(self.desired * average / self._target)
        return min(max(wanted, self._parameters.least_nodes), self._parameters.most_nodes)
