"""What ECS says of tasks, and what it means when it says nothing (EDGE C9)."""

import logging
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambdas.call_reaper.ecs_tasks import AT_ONCE, EcsTasks, cluster_of
from lambdas.call_reaper.judgement import TaskState


def arn(name: str, cluster: str = "ovc-edge") -> str:
    return f"arn:aws:ecs:us-east-1:111122223333:task/{cluster}/{name}"


class Ecs:
    """Answers as DescribeTasks does, for tasks whose status is known."""

    def __init__(self, statuses: dict[str, str], failing: str | None = None) -> None:
        self.statuses = statuses
        self.failing = failing
        self.asked: list[tuple[str, int]] = []

    def describe_tasks(self, *, cluster: str, tasks: list[str]) -> dict[str, Any]:
        self.asked.append((cluster, len(tasks)))
        if self.failing is not None:
            raise ClientError({"Error": {"Code": self.failing, "Message": ""}}, "DescribeTasks")
        known = [it for it in tasks if it in self.statuses]
        missing = [it for it in tasks if it not in self.statuses]
        return {
            "tasks": [{"taskArn": it, "lastStatus": self.statuses[it]} for it in known],
            "failures": [{"arn": it, "reason": "MISSING"} for it in missing],
        }


@pytest.mark.parametrize(
    ("status", "state"),
    [
        *((it, TaskState.RUNNING) for it in ("PROVISIONING", "PENDING", "ACTIVATING", "RUNNING")),
        *((it, TaskState.RUNNING) for it in ("DEACTIVATING", "STOPPING", "DEPROVISIONING")),
        ("STOPPED", TaskState.GONE),
        ("DELETED", TaskState.GONE),
        (None, TaskState.GONE),
    ],
)
def test_a_task_is_gone_when_it_has_stopped_or_is_unknown(
    status: str | None, state: TaskState
) -> None:  # EDGE C9
    ecs = Ecs({} if status is None else {arn("one"): status})
    assert EcsTasks(ecs, logging.getLogger())([arn("one")]) == {arn("one"): state}


@pytest.mark.parametrize(
    "code", ["AccessDeniedException", "ThrottlingException", "ServerException"]
)
def test_no_answer_is_no_verdict(code: str, caplog: pytest.LogCaptureFixture) -> None:  # EDGE C9
    tasks = EcsTasks(Ecs({}, failing=code), logging.getLogger("call_reaper"))
    assert tasks([arn("one"), "process:host:1:2"]) == {
        arn("one"): TaskState.UNANSWERED,
        "process:host:1:2": TaskState.NOBODY_KNOWS,
    }
    assert [it.getMessage() for it in caplog.records] == ["ECS does not answer"]


def test_a_failure_of_another_kind_is_no_verdict() -> None:  # EDGE C9
    class Odd(Ecs):
        def describe_tasks(self, *, cluster: str, tasks: list[str]) -> dict[str, Any]:
            return {"tasks": [], "failures": [{"arn": tasks[0], "reason": "INACTIVE"}]}

    states = EcsTasks(Odd({}), logging.getLogger())([arn("one"), arn("two")])
    assert set(states.values()) == {TaskState.UNANSWERED}


def test_tasks_are_asked_for_by_cluster_and_many_at_once() -> None:
    ecs = Ecs({})
    names = [arn(str(number)) for number in range(AT_ONCE + 1)]
    states = EcsTasks(ecs, logging.getLogger())([*names, arn("x", "other")])
    assert len(states) == AT_ONCE + 2
    assert ecs.asked == [("ovc-edge", 100), ("ovc-edge", 1), ("other", 1)]
    assert EcsTasks(ecs, logging.getLogger())([]) == {}


@pytest.mark.parametrize(
    ("task", "cluster"),
    [
        (arn("one"), "ovc-edge"),
        ("arn:aws-cn:ecs:cn-north-1:111122223333:task/lab-edge/one", "lab-edge"),
        ("arn:aws:ecs:us-east-1:111122223333:task/one", None),
        ("arn:aws:ecs:us-east-1:111122223333:service/ovc-edge/edge", None),
        ("arn:aws:s3:::task/ovc-edge/one", None),
        ("process:host:1:2", None),
        ("process:host:1:2:task/a/b", None),
        ("", None),
    ],
)
def test_only_a_task_of_a_cluster_can_be_asked_for(task: str, cluster: str | None) -> None:
    assert cluster_of(task) == cluster
