"""A health check learns whether the node lives, and nobody else learns anything."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from uuid import uuid4

import pytest

from edge.runtime.liveness import Liveness, bind
from edge.runtime.liveness_probe import VARIABLE, is_alive
from edge.settings import VARIABLES

pytestmark = pytest.mark.sockets


@pytest.fixture
def name() -> str:
    return f"ovc-test-{uuid4().hex}"


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    made = asyncio.new_event_loop()
    yield made
    made.close()


def test_a_node_whose_loop_turns_answers_every_time(
    name: str, loop: asyncio.AbstractEventLoop
) -> None:
    liveness = Liveness(bind(name), loop)
    for _ in range(3):
        assert loop.run_until_complete(asyncio.to_thread(is_alive, name)) is True
    liveness.close()


def test_a_loop_that_stands_still_answers_nobody(
    name: str, loop: asyncio.AbstractEventLoop
) -> None:
    liveness = Liveness(bind(name), loop)
    assert is_alive(name, timeout_s=0.05) is False
    # Its asker is gone by now; the next one is answered.
    assert loop.run_until_complete(asyncio.to_thread(is_alive, name)) is True
    liveness.close()


def test_a_node_that_takes_no_calls_yet_or_any_more_is_not_alive(
    name: str, loop: asyncio.AbstractEventLoop
) -> None:
    bound = bind(name)
    assert is_alive(name) is False
    Liveness(bound, loop).close()
    assert is_alive(name) is False


def test_two_nodes_cannot_have_one_name(name: str) -> None:
    with bind(name), pytest.raises(OSError, match="in use"):
        bind(name)
    bind(name).close()


def test_the_probe_ends_with_what_it_has_learnt(name: str, loop: asyncio.AbstractEventLoop) -> None:
    def probe() -> int:
        command = [sys.executable, "-m", "edge.runtime.liveness_probe"]
        return subprocess.run(command, env={**os.environ, VARIABLE: name}, check=False).returncode

    assert probe() == 1
    liveness = Liveness(bind(name), loop)
    assert loop.run_until_complete(asyncio.to_thread(probe)) == 0
    liveness.close()


def test_node_and_probe_read_the_same_variable() -> None:
    assert VARIABLE in VARIABLES
