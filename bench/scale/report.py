"""What a run has shown, as text."""

from collections.abc import Iterable, Iterator
from itertools import groupby
from statistics import fmean

from bench.scale.figures import Figures, Look, percentile
from bench.scale.parameters import Parameters

TOO_MANY = 1.1
"""Times what scaling aims at: the alarm capacity-exhausted (infra/edge_alarms.py)."""


def heading(parameters: Parameters) -> str:
    """Return what was simulated, in one line."""
    size = parameters.size
    return (
        f"{parameters.concurrent:,} calls at once, seed {parameters.seed}, "
        f"{parameters.hours:g} hours; nodes of {size.vcpu} vCPU, "
        f"{size.target:,} calls each wanted, {size.limit:,} at most"
    )


def summary(parameters: Parameters, figures: Figures) -> Iterator[tuple[str, str]]:
    """Yield names and values of a run's figures."""
    offered = figures.offered
    yield "calls offered", f"{offered:,}"
    yield "refused", _part(figures.refused, offered)
    yield "lost with nodes that died", _part(figures.lost, offered)
    yield "cut by the end of a drain", _part(figures.cut, offered)
    yield "taken by another address than the first", _part(figures.failed_over, offered)
    met = ", ".join(f"{why.value} {number:,}" for why, number in figures.met.most_common())
    yield "what the first address was", met or "-"
    yield "nodes that died", f"{figures.died:,}"
    yield "nodes started", f"{figures.started:,}"
    looks = figures.looks
    yield "nodes that take calls: least, most", _range([it.serving for it in looks])
    yield "nodes that run, draining ones too: most", f"{max(it.running for it in looks)}"
    yield "nodes that run, draining ones too: mean", f"{_mean(it.running for it in looks):.2f}"
    yield "CPU in use, mean, busiest hour", _use(parameters, looks)
    spells = list(spells_above(looks, TOO_MANY * parameters.size.target))
    longest = max(spells, default=0)
    yield (
        "average node above 110 % of what scaling aims at, minutes: all, longest",
        f"{sum(spells)}, {longest}",
    )
    yield "busiest node: most calls", f"{figures.most_calls:,}"
    uneven = [it.unevenness for it in busy_half(looks)]
    yield (
        "busiest node by an average one: p50, p99",
        f"{percentile(uneven, 0.5):.2f}, {percentile(uneven, 0.99):.2f}",
    )
    took = [it.took_s / 60 for it in figures.drains]
    yield "drains", f"{len(took):,}"
    waits = ", ".join(f"{percentile(took, share):.0f}" for share in (0.5, 0.99, 1.0))
    yield "drain, minutes: p50, p99, longest", waits
    yield (
        "record changes: all, most in one request",
        (f"{figures.record_changes:,}, {figures.most_changes:,}"),
    )


def busy_half(looks: list[Look]) -> list[Look]:
    """Return the looks at which there were at least half of the most calls."""
    most = max(it.calls for it in looks)
    return [it for it in looks if it.calls * 2 >= most]


def hourly(looks: list[Look]) -> Iterator[tuple[int, Look]]:
    """Yield the look at each full hour."""
    for look in looks:
        hour, into = divmod(round(look.at_s), 3600)
        if into == 0:
            yield hour, look


def spells_above(looks: list[Look], most: float) -> Iterator[int]:
    """Yield how many looks in a row there were with more calls of an average node than so many."""
    for is_above, spell in groupby(looks, key=lambda it: it.average > most):
        if is_above:
            yield len(list(spell))


def _use(parameters: Parameters, looks: list[Look]) -> str:
    """Return the share of CPU that calls take, on average, over the day and at its peak."""
    whole, calls = parameters.size.whole, max(it.calls for it in looks)
    peak = (it.average for it in looks if it.calls >= 0.9 * calls)
    return f"{_mean(it.average for it in looks) / whole:.0%}, {_mean(peak) / whole:.0%}"


def _mean(values: Iterable[float]) -> float:
    return fmean(list(values))


def _part(number: int, whole: int) -> str:
    return f"{number:,}" if not number else f"{number:,} ({number / whole:.3%})"


def _range(values: list[int]) -> str:
    return f"{min(values)}, {max(values)}"
