"""A stand-in for ECS with one cluster and one service, which starts tasks and stops them."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Any, Protocol

from tests.fleet.scheduler import Seen, step

CLUSTER = SERVICE = "edge"
_ARN = "arn:aws:ecs:us-east-1:000000000000"


class Workload(Protocol):
    """What runs in a task."""

    def is_healthy(self) -> bool:
        """Tell whether it takes calls."""

    def has_ended(self) -> bool:
        """Tell whether its process has ended."""

    def stop(self) -> None:
        """Send SIGTERM."""


@dataclass(slots=True)
class Task:
    """One task of the service."""

    name: str
    revision: int
    """Of the task definition."""
    workload: Workload
    is_to_run: bool = True
    """Whether ECS has not told it to stop."""

    @property
    def arn(self) -> str:
        """Return its name to the API."""
        return f"{_ARN}:task/{CLUSTER}/{self.name}"

    def described(self) -> dict[str, str]:
        """Return what DescribeTasks says of it."""
        has_ended = self.workload.has_ended()
        return {
            "taskArn": self.arn,
            "taskDefinitionArn": _definition(self.revision),
            "startedBy": _deployment(self.revision),
            "lastStatus": "STOPPED" if has_ended else "RUNNING",
            "desiredStatus": "RUNNING" if self.is_to_run and not has_ended else "STOPPED",
        }


class Ecs:
    """The service; `turn` is its scheduler, the rest what others ask of it, from any thread."""

    def __init__(
        self,
        start: Callable[[str], Workload],
        *,
        is_protected: Callable[[str], bool],
        on_stopped: Callable[[], None],
    ) -> None:
        """`start` runs a task of a name, `is_protected` knows which must be left alone, and
        `on_stopped` hears that one has ended."""
        self.desired = 0
        self.revision = 1
        self.tasks: dict[str, Task] = {}
        """By name, all that there have ever been."""
        self._start = start
        self._is_protected = is_protected
        self._on_stopped = on_stopped
        self._numbers = count(1)
        self._running: dict[str, Task] = {}
        self._lock = threading.Lock()

    def turn(self) -> None:
        """Look at the tasks, start what is missing and stop what is too much."""
        ended = [name for name, it in self._running.items() if it.workload.has_ended()]
        for name in ended:
            del self._running[name]
        if ended:
            self._on_stopped()
        seen = [self._seen(it) for it in self._running.values() if it.is_to_run]
        now = step(seen, self.desired)
        for name in now.stops:
            self.stop(name)
        for _ in range(now.starts):
            self._start_one()

    def stop(self, name: str) -> None:
        """Stop a task, as StopTask does."""
        self.tasks[name].is_to_run = False
        self.tasks[name].workload.stop()

    def task(self, name: str) -> Task | None:
        """Return a task, None for an unknown one; one that has just begun to run is known."""
        with self._lock:
            return self.tasks.get(name)

    def describe_tasks(self, arns: list[str]) -> dict[str, Any]:
        """Return the API's answer."""
        with self._lock:
            known = {it.arn: it for it in self.tasks.values()}
        return {
            "tasks": [known[arn].described() for arn in arns if arn in known],
            "failures": [{"arn": it, "reason": "MISSING"} for it in arns if it not in known],
        }

    def describe_service(self) -> dict[str, Any]:
        """Return what DescribeServices says of the service."""
        definition = _definition(self.revision)
        primary = {
            "id": _deployment(self.revision),
            "status": "PRIMARY",
            "taskDefinition": definition,
        }
        return {
            "serviceName": SERVICE,
            "status": "ACTIVE",
            "desiredCount": self.desired,
            "taskDefinition": definition,
            "deployments": [primary],
        }

    def _seen(self, task: Task) -> Seen:
        return Seen(
            task.name,
            is_wanted=task.revision == self.revision,
            is_healthy=task.workload.is_healthy(),
            is_protected=self._is_protected(task.name),
        )

    def _start_one(self) -> None:
        name = f"{next(self._numbers):032x}"
        with self._lock:
            task = Task(name, self.revision, self._start(name))
            self.tasks[name] = self._running[name] = task


def _deployment(revision: int) -> str:
    return f"ecs-svc/{revision:019}"


def _definition(revision: int) -> str:
    return f"{_ARN}:task-definition/ovc-edge:{revision}"
