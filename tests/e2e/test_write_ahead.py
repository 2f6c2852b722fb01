"""The 200 does not pass before the call is where no crash can take it.

EDGE C9
"""

import os
import signal
import time
from pathlib import Path

import pytest

from edge.runtime.journal_lines import Content, content_of
from model.call_items import due_bucket_of, has_ended, live_call_from
from model.codec import Item, string
from model.tables import CALLS, DEFAULT_PREFIX
from tests.e2e.cluster import Cluster, cluster
from tests.e2e.sipp import free_address
from tests.e2e.wire import Wire
from tests.runtime.processes import children_of
from tests.runtime.scripted import wait_for
from tests.support.agent import Agent, CalleePlan, CallerPlan, PlacedCall, Step

pytestmark = [pytest.mark.sockets, pytest.mark.xdist_group("cluster")]

NUMBER = "+12125550100"
BUCKET = "write-ahead"
ANSWERS = CalleePlan(steps=(Step(0.0, 200),))


def agents(running: Cluster) -> tuple[Agent, Agent]:
    shared = running.shared
    pbx = Agent("pbx", free_address(shared.pbx))
    return pbx, Agent("carrier", shared.carrier, plan_of=lambda _: ANSWERS)


def answered_call(running: Cluster, wire: Wire, pbx: Agent) -> PlacedCall:
    """Return a call whose caller has just heard of the answer; an edge that has only just started
    may not know its connector yet."""
    uri, where = f"sip:{NUMBER}@{running.host}", running.addresses[0]
    until = time.monotonic() + 20.0
    while True:
        call = pbx.call(uri, where, CallerPlan(), time.monotonic())
        wire.run_until(lambda call=call: call.final is not None, "an answer")  # type: ignore[misc]  # a default binds the loop's value
        if call.answered:
            return call
        assert time.monotonic() < until, f"refused: {call.final}"


def use_bucket(running: Cluster, wire: Wire, pbx: Agent) -> None:
    """Let records go somewhere, and wait until the edge knows it."""
    running.shared.use_bucket(BUCKET)
    until = time.monotonic() + 20.0
    while not running.edges[0].of("record-stored"):
        assert time.monotonic() < until, "no record is stored"
        answered_call(running, wire, pbx).hang_up(time.monotonic())
        pause = time.monotonic() + 0.5
        wire.run_until(lambda pause=pause: time.monotonic() > pause, "a pause")  # type: ignore[misc]  # a default binds the loop's value
    wait_for(lambda: all("live_node" not in row for row in rows(running)), 5.0)


def rows(running: Cluster) -> list[Item]:
    found = running.shared.dynamodb.scan(
        TableName=CALLS.physical_name(DEFAULT_PREFIX), ConsistentRead=True
    )
    return list(found["Items"])


def journals(directory: Path) -> list[Content]:
    return [content_of(path.read_bytes()) for path in directory.glob("*.journal")]


def on_disk(directory: Path) -> dict[str, Item]:
    """Return the rows that are on the disk, by the Call-IDs of their calls."""
    entries = [entry for content in journals(directory) for entry in content.entries.values()]
    return {string(it.put["call_id"]): it.put for it in entries if it.put is not None}


def kill_everything(running: Cluster) -> None:
    """Let nothing of the edge get another word in."""
    edge = running.edges[0].process
    for pid in (edge.pid, *children_of(edge.pid)):
        os.kill(pid, signal.SIGKILL)
    edge.wait()


def test_the_row_of_a_call_is_there_when_its_caller_hears_of_the_answer(tmp_path: Path) -> None:
    with cluster(1, cps_limit=100, variables={"OVC_JOURNAL_DIRECTORY": str(tmp_path)}) as running:
        pbx, carrier = agents(running)
        with Wire(pbx, carrier) as wire:
            # Nobody can write a row from the moment that the caller hears of the answer on.
            call = answered_call(running, wire, pbx)
            kill_everything(running)
            (row,) = rows(running)
            assert live_call_from(row).call_id == call.invite.call_id
            assert not has_ended(row) and on_disk(tmp_path) == {}


def test_what_the_table_does_not_take_is_on_the_disk_before_the_caller_hears(
    tmp_path: Path,
) -> None:
    with cluster(1, cps_limit=100, variables={"OVC_JOURNAL_DIRECTORY": str(tmp_path)}) as running:
        pbx, carrier = agents(running)
        with Wire(pbx, carrier) as wire:
            use_bucket(running, wire, pbx)
            before = len(rows(running))
            with running.shared.stopped():
                began = time.monotonic()
                up = answered_call(running, wire, pbx)
                assert up.invite.call_id in on_disk(tmp_path)
                assert time.monotonic() - began < 5.0, "the database takes longer to give up"
                ended = answered_call(running, wire, pbx)
                assert ended.invite.call_id in on_disk(tmp_path)
                ended.hang_up(time.monotonic())
                wire.run_until(
                    lambda: has_ended(on_disk(tmp_path)[ended.invite.call_id]), "the end is kept"
                )
                kill_everything(running)
            # What it was asked before it stood still it does now: no end of a call is among that.
            # The same disk, another process: what it finds belongs to the one that died.
            again = running.start(0)
            wait_for(lambda: again.of("journal-replayed"), 30.0)
            wait_for(lambda: len(rows(running)) == before + 2, 10.0)
            found = {string(row["call_id"]): row for row in rows(running)}
            assert not has_ended(found[up.invite.call_id])
            end = found[ended.invite.call_id]
            assert has_ended(end) and due_bucket_of(end) == BUCKET
            assert string(end["live_node"]) == string(found[up.invite.call_id]["live_node"])
            assert on_disk(tmp_path) == {}
