"""Target tracking as Application Auto Scaling does it: policies with two alarms each, and waits."""

from collections import deque
from math import ceil

from bench.scale.parameters import Parameters

LOW = 0.9
"""Of the target: below it nodes are too many."""


class Policy:
    """One figure that is to stay at its target: calls of a node, or CPU."""

    def __init__(self, parameters: Parameters, target: float) -> None:
        self._parameters = parameters
        self._target = target
        self._late = round(parameters.metric_delay_s / parameters.measured_every_s)
        self._averages: deque[float] = deque(maxlen=parameters.low_minutes + self._late)

    def measure(self, average: float) -> None:
        """Take the average of a minute."""
        self._averages.append(average)

    def wanted(self, desired: int) -> int:
        """Return how many nodes it wants when there are so many; as many when it is content."""
        chosen = self._parameters
        known = list(self._averages)[: len(self._averages) - self._late]
        high, low = known[-chosen.high_minutes :], known[-chosen.low_minutes :]
        is_high = len(high) == chosen.high_minutes and min(high) > self._target
        is_low = len(low) == chosen.low_minutes and max(low) < LOW * self._target
        if not (is_high or is_low):
            return desired
        wanted = ceil(desired * known[-1] / self._target)
        return min(max(wanted, chosen.least_nodes), chosen.most_nodes)


class Scaling:
    """Decides how many nodes there should be: one policy may add some, both must let some go."""

    def __init__(self, parameters: Parameters, desired: int) -> None:
        self._parameters = parameters
        self._calls = Policy(parameters, float(parameters.size.target))
        self._cpu = Policy(parameters, parameters.cpu_target)
        self._out_after = self._in_after = 0.0
        self.desired = desired

    def measure(
        self, calls: float | None, cpu: float, now: float, *, may_shrink: bool = True
    ) -> None:
        """Take the averages of a minute and decide: calls of the nodes that take new ones, None
        when there are none, and the share of CPU of all. None is let go during a deployment."""
        if calls is not None:
            self._calls.measure(calls)
        self._cpu.measure(cpu)
        wanted = max(it.wanted(self.desired) for it in (self._calls, self._cpu))
        if wanted > self.desired and now >= self._out_after:
            self.desired = wanted
            self._out_after = now + self._parameters.out_cooldown_s
            self._in_after = now + self._parameters.in_cooldown_s
        elif wanted < self.desired and may_shrink and now >= self._in_after:
            self.desired = wanted
            self._in_after = now + self._parameters.in_cooldown_s
