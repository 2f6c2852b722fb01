"""A node that is told to drain by its mark in the table, as an ECS task or without one."""

import asyncio
import os
import signal
import time
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from edge.runtime import commanded_drain, lifecycle
from edge.seam import Drain, HangUp, Input, Output, Resume
from model.drain import DrainMark, DrainReason, drain_members
from model.tables import DRAIN, NODE, NODES
from tests.runtime.local_aws import Deployment
from tests.runtime.processes import children_of
from tests.runtime.records import NODE as OURSELVES
from tests.runtime.scripted import ScriptedCore, until
from tests.runtime.test_lifecycle import World, live
from tests.support.ecs_agent import DENIED, ecs_agent

pytestmark = pytest.mark.sockets
TASK = "one"
MARK = DrainMark(
    node_id=OURSELVES.node_id,
    # By a clock that is an hour off: nobody's clock is compared with another's.
    ordered_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    reason=DrainReason.SURPLUS,
)


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commanded_drain, "LOOK_EVERY_S", 0.05)


def order(deployment: Deployment, *, unlisted: bool = False) -> None:
    mark = replace(MARK, unlisted_at=MARK.ordered_at) if unlisted else MARK
    deployment.put(NODES, drain_members(mark))


def undo(deployment: Deployment) -> None:
    deployment.take_out(NODES, DRAIN, OURSELVES.node_id)


def is_shown(deployment: Deployment) -> bool:
    return any(it["pk"] == NODE for it in deployment.rows(NODES))


def shown(deployment: Deployment) -> dict[str, object]:
    (row,) = [it for it in deployment.rows(NODES) if it["pk"] == NODE]
    return dict(row)


def test_it_takes_calls_until_it_has_had_no_record_for_a_while_and_serves_those_that_are_up(
    deployment: Deployment,
) -> None:  # A11, EDGE R31
    async def test(world: World) -> None:
        assert agent.is_protected(TASK), "before the first call"
        world.core.active_calls = 1
        order(deployment)
        await until(lambda: world.log.of("drain-ordered"))
        assert world.log.of("drain-ordered") == [{"reason": "surplus", "active_calls": 1}]
        await until(lambda: is_shown(deployment))
        assert shown(deployment)["draining"] is False
        assert not world.heard(Drain)
        order(deployment, unlisted=True)
        told_at = time.monotonic()
        await until(lambda: world.heard(Drain))
        assert time.monotonic() - told_at > 0.5
        await until(lambda: shown(deployment)["draining"])
        assert not world.heard(HangUp)
        assert agent.is_protected(TASK)
        world.core.active_calls = 0
        await until(lambda: not agent.is_protected(TASK))
        await until(lambda: world.log.of("task-released"))
        assert not world.heard(HangUp)
        assert not world.life.done(), "whoever ordered it stops the task"
        undo(deployment)
        await until(lambda: world.log.of("drain-is-final"))
        await world.life
        assert not world.heard(Resume)

    with ecs_agent() as agent:
        live(ScriptedCore(), deployment, test, agent_uri=agent.uri(TASK))


@pytest.mark.parametrize("reason", list(DrainReason))
def test_it_stops_itself_when_nobody_stops_it_unless_an_operator_has_drained_it(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch, reason: DrainReason
) -> None:  # A11: ECS counts it as a task that runs, and starts none in its place
    monkeypatch.setattr(commanded_drain, "STOPS_ITSELF_AFTER_S", 0.5)

    async def test(world: World) -> None:
        mark = replace(MARK, unlisted_at=MARK.ordered_at, reason=reason)
        deployment.put(NODES, drain_members(mark))
        await until(lambda: world.log.of("task-released"))
        if reason is DrainReason.OPERATOR:
            await asyncio.sleep(1.0)
            assert not world.life.done()
            world.stop()
        await world.life
        told = len(world.log.of("drain-not-stopped"))
        assert told == (reason is not DrainReason.OPERATOR)

    with ecs_agent() as agent:
        live(ScriptedCore(), deployment, test, agent_uri=agent.uri(TASK))


def test_where_nobody_notes_records_it_refuses_a_while_after_the_order(
    deployment: Deployment,
) -> None:  # A11
    async def test(world: World) -> None:
        world.core.active_calls = 1
        began_at = time.monotonic()
        order(deployment)
        await until(lambda: world.heard(Drain))
        assert time.monotonic() - began_at > 1.9
        world.core.active_calls = 0
        world.stop()

    live(ScriptedCore(), deployment, test)


def test_calls_that_are_left_are_hung_up_and_the_process_goes_on(deployment: Deployment) -> None:
    # A11, EDGE C9
    def script(happened: Input) -> list[Output]:
        if isinstance(happened, HangUp):
            core.active_calls = 0
        return []

    core = ScriptedCore(script)

    async def test(world: World) -> None:
        core.active_calls = 1
        order(deployment, unlisted=True)
        await until(lambda: world.heard(HangUp), 10.0)
        assert world.heard(HangUp) == [HangUp("Service shutdown")]
        await until(lambda: not agent.is_protected(TASK))
        assert not world.life.done()
        world.stop()

    with ecs_agent() as agent:
        live(core, deployment, test, agent_uri=agent.uri(TASK))


def test_taking_the_order_back_returns_it_to_service(deployment: Deployment) -> None:  # A11
    async def test(world: World) -> None:
        world.core.active_calls = 1
        order(deployment, unlisted=True)
        await until(lambda: shown(deployment)["draining"])
        undo(deployment)
        await until(lambda: world.heard(Resume))
        await until(lambda: not shown(deployment)["draining"])
        assert agent.is_protected(TASK)
        assert agent.of(TASK) == [True]
        world.core.active_calls = 0
        world.stop()

    with ecs_agent() as agent:
        live(ScriptedCore(), deployment, test, agent_uri=agent.uri(TASK))


def test_a_signal_ends_a_drain_as_it_ends_service(deployment: Deployment) -> None:  # EDGE C9
    async def test(world: World) -> None:
        world.core.active_calls = 1
        order(deployment, unlisted=True)
        await until(lambda: world.heard(Drain))
        world.stop()
        await until(lambda: world.log.of("stopping"))
        undo(deployment)
        world.core.active_calls = 0
        await world.life
        assert not world.heard(Resume)
        assert world.heard(HangUp) == [HangUp("Service shutdown")]

    live(ScriptedCore(), deployment, test, drain_s=30.0)


def test_a_new_aws_worker_protects_the_task_again_unless_its_drain_has_ended(
    deployment: Deployment,
) -> None:  # A11
    async def test(world: World) -> None:
        world.core.active_calls = 1
        os.kill(aws_workers()[0], signal.SIGKILL)
        await until(lambda: len(agent.of(TASK)) == 2)
        order(deployment, unlisted=True)
        await until(lambda: world.heard(Drain))
        os.kill(aws_workers()[0], signal.SIGKILL)
        await until(lambda: len(agent.of(TASK)) == 3)
        world.core.active_calls = 0
        await until(lambda: world.log.of("task-released"))
        os.kill(aws_workers()[0], signal.SIGKILL)
        await until(lambda: len(agent.of(TASK)) == 5)
        assert agent.of(TASK) == [True, True, True, False, False]
        assert len(world.heard(Drain)) == 1
        world.stop()

    with ecs_agent() as agent:
        live(ScriptedCore(), deployment, test, agent_uri=agent.uri(TASK))


def test_calls_are_taken_though_the_agent_refuses(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:  # A9, A11
    monkeypatch.setattr(lifecycle, "PROTECTED_WITHIN_S", 3.0)

    async def test(world: World) -> None:
        await until(lambda: world.log.of("protection-refused"), 10.0)
        agent.refuse = lambda task: None
        await until(lambda: world.log.of("task-protected"), 10.0)
        world.stop()

    with ecs_agent() as agent:
        agent.refuse = lambda task: DENIED
        live(ScriptedCore(), deployment, test, agent_uri=agent.uri(TASK))


def aws_workers() -> list[int]:
    """Return the process ids of the AWS workers of the node in this process."""
    found = []
    for pid in children_of(os.getpid()):
        with open(f"/proc/{pid}/cmdline", "rb") as command:
            if b"aws_worker" in command.read():
                found.append(pid)
    return found
