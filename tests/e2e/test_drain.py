"""An edge that is told to drain: nobody who still has its address is refused, no call is cut (A11).

It runs as a task beside a stand-in for ECS's agent; the mark in its table is written by hand.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from edge.runtime.liveness_probe import is_alive
from model.codec import encode_item
from model.drain import DrainMark, DrainReason, drain_members
from model.tables import DEFAULT_PREFIX, DRAIN, NODES, key
from tests.e2e.cluster import cluster
from tests.e2e.sipp import free_address
from tests.e2e.test_lost_edges import NUMBER, PUBLISHED, Lost, await_answer, bucket_name
from tests.e2e.wire import Wire
from tests.support.agent import Agent, CallerPlan
from tests.support.ecs_agent import EcsAgent, ecs_agent

pytestmark = [pytest.mark.sockets, pytest.mark.xdist_group("cluster")]

TASK = "one"
UNLISTED_S = 3.0
"""How long calls are taken once the record has gone."""
HEALTH = f"ovc-test-drain-{time.monotonic_ns()}"


class Drained(Lost):
    """One edge as a task, with whoever tells it to drain."""

    agent: EcsAgent

    def mark(self, *, unlisted: bool = False) -> None:
        """Write the order to drain, or note that the node has no record."""
        node = self.node()
        assert node is not None
        mark = DrainMark(
            node_id=node["sk"],
            ordered_at=datetime(2026, 1, 1, tzinfo=UTC),
            reason=DrainReason.OUTDATED,
            unlisted_at=datetime(2026, 1, 1, 0, 1, tzinfo=UTC) if unlisted else None,
        )
        item = encode_item(drain_members(mark))
        self.dynamodb.put_item(TableName=NODES.physical_name(DEFAULT_PREFIX), Item=item)

    def undo(self) -> None:
        """Take the order back."""
        node = self.node()
        assert node is not None
        table = NODES.physical_name(DEFAULT_PREFIX)
        self.dynamodb.delete_item(TableName=table, Key=key(DRAIN, node["sk"]))

    def heard(self, event: str) -> dict[str, Any]:
        """Wait for a line of the edge's log, and return it."""
        edge = self.running.edges[0]
        self.wire.run_until(lambda: edge.of(event), event)
        return edge.of(event)[-1]

    def tried(self) -> int:
        """Let the PBX call once more; return what becomes of it."""
        where, uri = self.running.addresses[0], f"sip:{NUMBER}@{self.running.host}"
        placed = self.pbx.call(uri, where, CallerPlan(), time.monotonic())
        self.wire.run_until(lambda: placed.answered or placed.final is not None, "an answer")
        if placed.answered:
            placed.hang_up(time.monotonic())
            return 200
        assert placed.final is not None
        return placed.final.status

    def rest(self, seconds: float) -> None:
        """Let calls go on for a while."""
        until = time.monotonic() + seconds
        self.wire.run_until(lambda: time.monotonic() >= until, "time passes")

    def is_protected(self) -> bool:
        return self.agent.is_protected(TASK)


@contextmanager
def task(**variables: str) -> Iterator[Drained]:
    with ecs_agent() as agent:
        environment = {
            "ECS_AGENT_URI": agent.uri(TASK),
            "OVC_UNLISTED_SECONDS": str(UNLISTED_S),
            "OVC_UNNOTED_SECONDS": "60",
            "OVC_HEALTH_SOCKET": HEALTH,
            **variables,
        }
        with cluster(1, cps_limit=100, variables=environment, admission=PUBLISHED) as running:
            shared = running.shared
            shared.use_bucket(bucket_name())
            await_answer(running.addresses[0], running.host, shared.pbx)
            pbx = Agent("pbx", free_address(shared.pbx))
            with Wire(pbx, Agent("carrier", shared.carrier)) as wire:
                drained = Drained(running, wire, pbx)
                drained.agent = agent
                yield drained


def test_a_call_goes_on_for_its_whole_length_while_the_node_drains() -> None:  # A11, EDGE R31
    with task() as drained:
        assert drained.is_protected()
        placed = drained.call()
        drained.mark()
        assert drained.heard("drain-ordered")["active_calls"] == 1
        assert drained.tried() == 200, "somebody may still have its address"
        began_at = time.monotonic()
        drained.mark(unlisted=True)
        assert drained.tried() == 200
        drained.heard("drain-refusing")
        assert time.monotonic() - began_at >= UNLISTED_S
        assert drained.tried() == 503
        drained.wire.run_until(lambda: (drained.node() or {}).get("draining"), "its row says so")
        drained.rest(2.0)
        assert not placed.hung_up
        assert drained.is_protected()
        assert is_alive(HEALTH), "who drains is well"
        placed.hang_up(time.monotonic())
        drained.heard("task-released")
        assert not drained.is_protected()
        records = [it for it in drained.records() if it["Status"] == "Completed"]
        assert {it["StatusMessage"] for it in records} == {"Normal Call Clearing"}
        assert len(records) == 3, "all records are stored before the task may go"
        assert drained.tried() == 503, "the process goes on until it is stopped"


def test_an_order_that_is_taken_back_returns_the_node_to_service() -> None:  # A11
    with task() as drained:
        placed = drained.call()
        drained.mark(unlisted=True)
        drained.heard("drain-refusing")
        assert drained.tried() == 503
        drained.undo()
        drained.heard("drain-undone")
        assert drained.tried() == 200
        drained.wire.run_until(lambda: not (drained.node() or {})["draining"], "its row says so")
        assert drained.agent.of(TASK) == [True]
        placed.hang_up(time.monotonic())


def test_calls_that_last_too_long_are_hung_up() -> None:  # A11, EDGE C9
    with task(OVC_MAX_DRAIN_SECONDS="3") as drained:
        placed = drained.call()
        drained.mark(unlisted=True)
        drained.wire.run_until(lambda: placed.hung_up, "the call is hung up")
        drained.heard("task-released")
        drained.wire.run_until(drained.records, "its record")
        (record,) = [it for it in drained.records() if it["Status"] == "Completed"]
        assert record["StatusMessage"] == "Service shutdown"


def test_a_node_drains_on_while_the_database_is_away() -> None:  # A9, A11
    with task() as drained:
        placed = drained.call()
        drained.mark(unlisted=True)
        drained.heard("drain-ordered")
        with drained.running.shared.stopped():
            drained.heard("drain-refusing")
            assert drained.tried() == 503
            placed.hang_up(time.monotonic())
            drained.rest(4.0)  # with its record stored it would be released after two
            assert drained.is_protected(), "the end of the call is not stored"
        drained.heard("task-released")
        assert [it["StatusMessage"] for it in drained.records() if it["Status"] == "Completed"] == [
            "Normal Call Clearing"
        ]
