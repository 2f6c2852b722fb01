"""A task's protection, asked of a stand-in for ECS's agent."""

import socket
import time
from collections.abc import Iterator
from functools import partial
from threading import Thread

import pytest

from edge.runtime.task_protection import (
    EXPIRES_IN_MINUTES,
    LONGEST_RETRY_S,
    RENEWED_EVERY_S,
    TELL_AFTER,
    ProtectionRefusedError,
    TaskProtection,
    put_state,
)
from tests.runtime.scripted import Lines, wait_for
from tests.support.ecs_agent import (
    BLOCKED,
    BROKEN,
    DENIED,
    LONGEST_MINUTES,
    NO_SERVICE,
    THROTTLED,
    EcsAgent,
    Refusal,
    ecs_agent,
)

pytestmark = pytest.mark.sockets
TASK = "one"


@pytest.fixture
def agent() -> Iterator[EcsAgent]:
    with ecs_agent() as made:
        yield made


class Kept:
    """A protection that is kept step by step, with a clock to turn."""

    def __init__(self, agent: EcsAgent) -> None:
        self.log, self.told, self.now = Lines(), list[bool](), 0.0
        self.protection = TaskProtection(
            partial(put_state, agent.uri(TASK)),
            tell=self.told.append,
            log=self.log,
            monotonic=lambda: self.now,
        )

    def step(self, wanted: bool) -> float:
        wait_s = self.protection.step(wanted)
        self.now += wait_s
        return wait_s


def test_it_is_asked_for_as_long_as_ecs_grants_and_renewed_long_before(agent: EcsAgent) -> None:
    # A11
    kept = Kept(agent)
    assert kept.step(True) == RENEWED_EVERY_S
    assert agent.is_protected(TASK)
    assert EXPIRES_IN_MINUTES == agent.puts[0].minutes == LONGEST_MINUTES
    assert RENEWED_EVERY_S * 24 < EXPIRES_IN_MINUTES * 60
    assert kept.step(True) == RENEWED_EVERY_S
    assert (kept.told, agent.of(TASK)) == ([True], [True, True])
    kept.step(False)
    assert not agent.is_protected(TASK)
    assert agent.puts[-1].minutes is None
    assert kept.told == [True, False]
    assert kept.log.events() == []


@pytest.mark.parametrize(
    ("refusal", "reason"),
    [
        (NO_SERVICE, "TASK_NOT_VALID"),
        (BLOCKED, "DEPLOYMENT_BLOCKED"),
        (THROTTLED, "ThrottlingException: Rate exceeded"),
        (DENIED, "AccessDeniedException"),
        (BROKEN, "ServerException"),
    ],
)
def test_what_is_refused_says_why(agent: EcsAgent, refusal: Refusal, reason: str) -> None:
    agent.refuse = lambda task: refusal
    with pytest.raises(ProtectionRefusedError, match=reason):
        put_state(agent.uri(TASK), True)
    assert not agent.is_protected(TASK)


def test_an_agent_that_is_not_there_or_knows_nothing_of_it_is_a_refusal(agent: EcsAgent) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(ProtectionRefusedError, match="the agent does not answer"):
        put_state(f"http://127.0.0.1:{port}/api/x", True)
    with pytest.raises(ProtectionRefusedError, match="status 404"):
        put_state(agent.uri("a/b"), True)


def test_an_answer_that_does_not_say_what_was_wanted_is_a_refusal(
    agent: EcsAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agent, "_set", lambda *_: None)
    with pytest.raises(ProtectionRefusedError, match="no protection"):
        put_state(agent.uri(TASK), True)


def test_failures_are_repeated_ever_more_rarely_and_told_once(agent: EcsAgent) -> None:  # A11
    kept = Kept(agent)
    agent.refuse = lambda task: DENIED
    waits = [kept.step(True) for _ in range(10)]
    assert waits == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, *4 * [LONGEST_RETRY_S]]
    (told,) = kept.log.of("protection-refused")
    assert told["wanted"] is True
    assert "AccessDeniedException" in str(told["error"])
    assert kept.told == []
    agent.refuse = lambda task: None
    kept.step(True)
    assert kept.log.of("protection-granted") == [{"protected": True, "refused_for_s": sum(waits)}]
    assert kept.told == [True]
    agent.refuse = lambda task: DENIED
    assert [kept.step(True) for _ in range(3)] == [1.0, 2.0, 4.0]
    assert len(kept.log.of("protection-refused")) == 2


def test_a_few_failures_are_nobodys_business(agent: EcsAgent) -> None:
    kept = Kept(agent)
    agent.refuse = lambda task: THROTTLED
    for _ in range(TELL_AFTER - 1):
        kept.step(True)
    agent.refuse = lambda task: None
    kept.step(True)
    assert kept.log.events() == []


def test_a_deployment_that_other_tasks_hold_up_is_told_as_what_it_is(agent: EcsAgent) -> None:
    kept = Kept(agent)
    agent.refuse = lambda task: BLOCKED
    for _ in range(5):
        kept.step(True)
    assert kept.log.events() == ["protection-waits"]


def test_the_thread_follows_what_is_wanted(agent: EcsAgent) -> None:
    kept = Kept(agent)
    Thread(target=kept.protection.run, daemon=True).start()
    time.sleep(0.05)
    assert agent.puts == []
    kept.protection.want(True)
    wait_for(lambda: kept.told == [True])
    kept.protection.want(False)
    wait_for(lambda: kept.told == [True, False])
    time.sleep(0.05)
    assert agent.of(TASK) == [True, False]


def test_what_is_wanted_while_the_agent_refuses_counts_at_once(agent: EcsAgent) -> None:
    kept = Kept(agent)
    agent.refuse = lambda task: DENIED
    Thread(target=kept.protection.run, daemon=True).start()
    kept.protection.want(True)
    wait_for(lambda: agent.of(TASK))
    agent.refuse = lambda task: None
    kept.protection.want(False)
    wait_for(lambda: kept.told == [False], within_s=0.9)
