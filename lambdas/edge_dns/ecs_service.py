"""What ECS says of the edge's service and its tasks (A11)."""

from collections.abc import Iterable, Mapping
from enum import Enum
from types import MappingProxyType
from typing import Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.call_reaper.ecs_tasks import AT_ONCE
from lambdas.management.api import Log

_NOT_KNOWN = "MISSING"
_STOPPED = {"STOPPED", "DELETED"}


class Phase(Enum):
    """What becomes of a task."""

    RUNNING = "running"
    STOPPING = "stopping"
    """ECS has told it to stop, or is about to."""
    GONE = "gone"
    UNKNOWN = "unknown"
    """ECS was not asked, or did not answer."""


class Task(NamedTuple):
    """One task."""

    phase: Phase
    definition: str = ""
    """ARN of the revision of its task definition; empty when ECS does not know it any more."""
    deployment: str = ""
    """Id of the deployment of the service that started it; empty when ECS does not say."""


class Service(NamedTuple):
    """What the service is to be."""

    definition: str
    """ARN of the revision of the task definition that all tasks are to have."""
    desired: int
    """How many tasks."""
    deployment: str = ""
    """Id of the newest deployment, which all tasks are to be of: one that is forced brings new
    tasks of the same revision."""

    def wants(self, task: Task) -> bool:
        """Tell whether a task is one of those that are to run."""
        if task.deployment and self.deployment:
            return task.deployment == self.deployment
        return task.definition == self.definition


class EcsView(NamedTuple):
    """What ECS said in one run; what it did not answer is missing."""

    service: Service | None = None
    tasks: Mapping[str, Task] = MappingProxyType({})
    """By ARN."""

    def phase(self, task: str | None) -> Phase:
        """Return what becomes of a task."""
        known = self.tasks.get(task or "")
        return Phase.UNKNOWN if known is None else known.phase


class EcsService:
    """Asks ECS about one service; what it does not answer, the log says, and changes nothing."""

    # botocore's clients are made at run time: what they take and return has no static type.
    def __init__(self, client: Any, cluster: str, service: str, log: Log) -> None:
        self._client = client
        self._cluster = cluster
        self._service = service
        self._log = log

    def __call__(self, tasks: Iterable[str]) -> EcsView:
        """Return what ECS says of the service, and of those tasks that are of its cluster."""
        ours = sorted(it for it in tasks if f":task/{self._cluster}/" in it)
        try:
            found: dict[str, Task] = {}
            for start in range(0, len(ours), AT_ONCE):
                found |= self._described(ours[start : start + AT_ONCE])
            return EcsView(self._wanted(), found)
        except (ClientError, BotoCoreError):
            self._log.exception("ECS does not answer", extra={"cluster": self._cluster})
            return EcsView()

    def _wanted(self) -> Service | None:
        answer = self._client.describe_services(cluster=self._cluster, services=[self._service])
        for service in answer["services"]:
            for deployment in service["deployments"]:
                if service["status"] == "ACTIVE" and deployment["status"] == "PRIMARY":
                    return Service(
                        deployment["taskDefinition"],
                        service["desiredCount"],
                        deployment.get("id", ""),
                    )
        return None

    def _described(self, arns: list[str]) -> dict[str, Task]:
        answer = self._client.describe_tasks(cluster=self._cluster, tasks=arns)
        found = {
            it["taskArn"]: Task(_phase_of(it), it["taskDefinitionArn"], it.get("startedBy", ""))
            for it in answer["tasks"]
        }
        for failure in answer["failures"]:
            if failure.get("reason") == _NOT_KNOWN:
                found[failure["arn"]] = Task(Phase.GONE)
        return found


def _phase_of(task: Mapping[str, str]) -> Phase:
    if task["lastStatus"] in _STOPPED:
        return Phase.GONE
    return Phase.STOPPING if task["desiredStatus"] in _STOPPED else Phase.RUNNING
