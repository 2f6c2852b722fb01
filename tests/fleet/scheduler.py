"""Which tasks of a service ECS starts and stops, as its developer guide says of the rolling
deployment (minimumHealthyPercent 100, maximumPercent 200) and of task scale-in protection."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple


class Seen(NamedTuple):
    """One task that was not told to stop, as the scheduler sees it."""

    name: str
    is_wanted: bool
    """Whether it is of the revision that the service is to have."""
    is_healthy: bool
    is_protected: bool


class Step(NamedTuple):
    """What is done now."""

    starts: int
    stops: tuple[str, ...]


def step(tasks: Sequence[Seen], desired: int) -> Step:
    """Return what comes next.

    No healthy task is stopped unless as many as desired stay, no protected one at all, and never
    are there more than twice as many as desired.
    """
    wanted = [it for it in tasks if it.is_wanted]
    starts = min(desired - len(wanted), 2 * desired - len(tasks))
    spare = sum(it.is_healthy for it in tasks) - desired
    old = _stoppable(it for it in tasks if not it.is_wanted)[: max(0, spare)]
    surplus = _stoppable(reversed(wanted))[: max(0, len(wanted) - desired)]
    return Step(max(0, starts), (*old, *surplus))


def _stoppable(tasks: Iterable[Seen]) -> list[str]:
    return [it.name for it in tasks if it.is_healthy and not it.is_protected]
