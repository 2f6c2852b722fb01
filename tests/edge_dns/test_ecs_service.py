"""What ECS says of the service and its tasks, and that silence is no answer (A11)."""

import logging
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambdas.edge_dns.ecs_service import EcsService, EcsView, Phase, Service, Task


def arn(name: str, cluster: str = "ovc-edge") -> str:
    return f"arn:aws:ecs:us-east-1:111122223333:task/{cluster}/{name}"


class Ecs:
    """Answers as DescribeTasks and DescribeServices do."""

    def __init__(self) -> None:
        self.statuses: dict[str, tuple[str, str]] = {}
        self.services: list[dict[str, Any]] = [
            {
                "status": "ACTIVE",
                "desiredCount": 3,
                "deployments": [
                    {"id": "ecs-svc/1", "status": "ACTIVE", "taskDefinition": "edge:1"},
                    {"id": "ecs-svc/2", "status": "PRIMARY", "taskDefinition": "edge:2"},
                ],
            }
        ]
        self.asked: list[int] = []
        self.failing = False

    def describe_tasks(self, *, cluster: str, tasks: list[str]) -> dict[str, Any]:
        assert cluster == "ovc-edge"
        self.asked.append(len(tasks))
        known = [it for it in tasks if it in self.statuses]
        return {
            "tasks": [
                {
                    "taskArn": it,
                    "taskDefinitionArn": "edge:1",
                    "startedBy": "ecs-svc/1",
                    "lastStatus": self.statuses[it][0],
                    "desiredStatus": self.statuses[it][1],
                }
                for it in known
            ],
            "failures": [{"arn": it, "reason": "MISSING"} for it in tasks if it not in known],
        }

    def describe_services(self, *, cluster: str, services: list[str]) -> dict[str, Any]:
        assert (cluster, services) == ("ovc-edge", ["edge"])
        if self.failing:
            raise ClientError({"Error": {"Code": "ThrottlingException"}}, "DescribeServices")
        return {"services": self.services, "failures": []}


def asked(ecs: Ecs, *tasks: str) -> EcsView:
    return EcsService(ecs, "ovc-edge", "edge", logging.getLogger("edge_dns"))(tasks)


@pytest.mark.parametrize(
    ("last", "desired", "phase"),
    [
        ("PENDING", "RUNNING", Phase.RUNNING),
        ("RUNNING", "RUNNING", Phase.RUNNING),
        ("RUNNING", "STOPPED", Phase.STOPPING),
        ("DEACTIVATING", "STOPPED", Phase.STOPPING),
        ("STOPPED", "STOPPED", Phase.GONE),
    ],
)
def test_a_task_that_is_told_to_stop_takes_no_calls_soon(
    last: str, desired: str, phase: Phase
) -> None:
    ecs = Ecs()
    ecs.statuses[arn("a")] = (last, desired)
    view = asked(ecs, arn("a"), arn("b"))
    assert view.tasks == {arn("a"): Task(phase, "edge:1", "ecs-svc/1"), arn("b"): Task(Phase.GONE)}
    assert view.phase(arn("a")) is phase


@pytest.mark.parametrize(
    ("task", "is_wanted"),
    [
        (Task(Phase.RUNNING, "edge:2", "ecs-svc/2"), True),
        (Task(Phase.RUNNING, "edge:2", "ecs-svc/1"), False),
        (Task(Phase.RUNNING, "edge:1", "ecs-svc/2"), True),
        (Task(Phase.RUNNING, "edge:2"), True),
        (Task(Phase.RUNNING, "edge:1"), False),
    ],
)
def test_a_forced_deployment_replaces_tasks_of_the_same_revision(
    task: Task, is_wanted: bool
) -> None:  # A11: ECS goes by the deployment, and starts new tasks.
    assert Service("edge:2", 1, "ecs-svc/2").wants(task) is is_wanted


def test_the_wanted_revision_is_that_of_the_newest_deployment() -> None:
    ecs = Ecs()
    assert asked(ecs).service == Service("edge:2", 3, "ecs-svc/2")
    ecs.services[0]["status"] = "INACTIVE"
    assert asked(ecs).service is None
    ecs.services = []
    assert asked(ecs).service is None


def test_tasks_of_others_are_not_asked_for() -> None:
    ecs = Ecs()
    view = asked(ecs, arn("a", "other"), "process:host:1:2")
    assert (view.tasks, ecs.asked) == ({}, [])
    assert view.phase("process:host:1:2") is Phase.UNKNOWN
    assert view.phase(None) is Phase.UNKNOWN


def test_many_are_asked_for_at_once() -> None:
    ecs = Ecs()
    asked(ecs, *(arn(f"{it}") for it in range(101)))
    assert ecs.asked == [100, 1]


def test_no_answer_says_nothing(caplog: pytest.LogCaptureFixture) -> None:
    ecs = Ecs()
    ecs.failing = True
    assert asked(ecs, arn("a")) == EcsView()
    assert [it.getMessage() for it in caplog.records] == ["ECS does not answer"]
