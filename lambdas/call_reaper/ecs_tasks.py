"""What ECS says of the tasks that nodes run as (EDGE C9)."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.call_reaper.judgement import TaskState
from lambdas.management.api import Log

AT_ONCE = 100
"""ECS's own limit of DescribeTasks."""
_STOPPED = {"STOPPED", "DELETED"}
"""The last states of a task; one that is stopping may still have calls up."""
_NOT_KNOWN = "MISSING"
"""ECS forgets a stopped task after an hour or so."""


class EcsTasks:
    """Asks ECS; what it does not answer stays unanswered, and the log says why."""

    # botocore's clients are made at run time: what they take and return has no static type.
    def __init__(self, client: Any, log: Log) -> None:
        self._client = client
        self._log = log

    def __call__(self, tasks: Iterable[str]) -> Mapping[str, TaskState]:
        """Return the states of tasks by their ARNs; of what is no ARN nobody knows anything."""
        states: dict[str, TaskState] = {}
        by_cluster: dict[str, list[str]] = defaultdict(list)
        for task in tasks:
            cluster = cluster_of(task)
            if cluster is None:
                states[task] = TaskState.NOBODY_KNOWS
            else:
                by_cluster[cluster].append(task)
        for cluster, arns in by_cluster.items():
            for start in range(0, len(arns), AT_ONCE):
                states |= self._described(cluster, arns[start : start + AT_ONCE])
        return states

    def _described(self, cluster: str, arns: list[str]) -> dict[str, TaskState]:
        states = dict.fromkeys(arns, TaskState.UNANSWERED)
        try:
            answer = self._client.describe_tasks(cluster=cluster, tasks=arns)
        except (ClientError, BotoCoreError):
            self._log.exception("ECS does not answer", extra={"cluster": cluster})
            return states
        for task in answer["tasks"]:
            stopped = task["lastStatus"] in _STOPPED
            states[task["taskArn"]] = TaskState.GONE if stopped else TaskState.RUNNING
        for failure in answer["failures"]:
            if failure.get("reason") == _NOT_KNOWN:
                states[failure["arn"]] = TaskState.GONE
        return states


def cluster_of(task: str) -> str | None:
    """Return the cluster of a task's ARN, None for what is none."""
    # arn:aws:ecs:<region>:<account>:task/<cluster>/<id>
    parts = task.split(":")
    if len(parts) != 6 or parts[0] != "arn" or parts[2] != "ecs":
        return None
    kind, *rest = parts[5].split("/")
    return rest[0] if kind == "task" and len(rest) == 2 else None
