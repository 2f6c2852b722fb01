"""A fleet under load: nodes come, drain, go and die, and no caller notices (A11, EDGE R31, C9).

The tests share one fleet: each makes of it what it needs, and leaves it with that. Calls go on all
the time; when all is over every one of them is compared with its record.
"""

from collections.abc import Callable, Iterator

import pytest

from tests.conftest import COUNTED
from tests.fleet.fleet import Fleet, fleet
from tests.fleet.nodes import Node

pytestmark = [pytest.mark.sockets, pytest.mark.xdist_group("fleet")]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    with fleet(tmp_path_factory.mktemp("fleet")) as made:
        made.settle(2)
        made.callers.begin()
        yield made
        assert made.verdict().complaints == []


@pytest.fixture
def told(running: Fleet, record_property: Callable[[str, object], None]) -> Fleet:
    """Return the same fleet, whose figures the summary of a run shows."""
    running.tell = lambda line: record_property(COUNTED, line)
    return running


def loaded(fleet: Fleet, node: Node) -> Node:
    """Wait until two calls are up at a node."""
    fleet.until(lambda: len(fleet.callers.up_at(node.number)) >= 2, "calls are up")
    return node


def said(nodes: list[Node], event: str) -> int:
    """Return how often nodes have said something so far."""
    return sum(len(it.edge.of(event)) for it in nodes)


def assert_nobody_noticed(fleet: Fleet) -> None:
    """Let no call have been cut off, or refused before it was taken elsewhere."""
    fleet.tell(fleet.summary())
    assert fleet.callers.complaints() == []
    assert fleet.callers.detours() == []


def test_a_new_node_gets_calls_once_the_dns_has_it(told: Fleet) -> None:
    before = told.settle(2)
    (new,) = set(told.settle(3)) - set(before)
    told.await_answers(3, new)
    assert_nobody_noticed(told)


def test_a_node_that_is_told_to_drain_ends_no_call_and_refuses_none(told: Fleet) -> None:
    node = loaded(told, told.settle(3)[0])
    call = told.held_call(node)
    told.order(node)
    told.until(lambda: node.edge.of("drain-refusing"), "it refuses new calls")
    assert not told.is_listed(node)
    told.until(lambda: told.callers.up_at(node.number) == [call], "all calls but one end")
    assert told.is_protected(node)
    told.hang_up(call)
    told.until(lambda: not told.is_protected(node), "it has drained")
    told.ecs.stop(node.task)
    told.until(node.has_ended, "it ends")
    assert node.edge.until("stopped")["records_lost"] == 0
    assert node not in told.settle(3)
    assert_nobody_noticed(told)


def test_an_order_that_is_taken_back_leaves_the_node_as_it_was(told: Fleet) -> None:
    node = loaded(told, told.settle(3)[0])
    call = told.held_call(node)
    told.order(node)
    told.until(lambda: node.edge.of("drain-ordered"), "it has heard of it")
    told.await_unlisted(node)
    told.take_back(node)
    assert node in told.settle(3)
    told.await_answers(3, node)
    told.hang_up(call)
    assert told.is_protected(node)
    assert_nobody_noticed(told)


def test_of_too_many_nodes_one_drains_and_ecs_stops_it(told: Fleet) -> None:
    before = told.settle(3)
    for node in before:
        loaded(told, node)
    after = told.settle(2)
    (gone,) = set(before) - set(after)
    assert gone.edge.of("drain-ended")
    assert gone.edge.until("stopped")["records_lost"] == 0
    assert_nobody_noticed(told)


def test_a_node_that_was_too_many_comes_back_when_it_is_wanted_again(told: Fleet) -> None:
    # ECS, to which it still runs, starts none in its place.
    nodes = told.settle(2)
    calls = [told.held_call(node) for node in nodes]
    before = said(nodes, "drain-refusing")
    told.scale(1)
    told.until(lambda: said(nodes, "drain-refusing") > before, "one drains")
    told.scale(2)
    assert told.settle(2) == nodes
    for call in calls:
        told.hang_up(call)
    for node in nodes:
        told.await_answers(2, node)
    assert_nobody_noticed(told)


def test_a_new_revision_takes_the_calls_and_the_old_one_drains(told: Fleet) -> None:
    old = told.settle(2)
    told.deploy()
    told.await_orders()
    new = [it for it in told.running() if it not in old]
    assert len(new) == 2, "as many take calls as are to be"
    assert told.settle(2) == new
    assert all(it.edge.of("drain-ended") for it in old)
    assert_nobody_noticed(told)


def test_a_killed_node_takes_its_own_calls_with_it_and_no_others(told: Fleet) -> None:
    doomed = loaded(told, told.settle(3)[0])
    told.held_call(doomed)
    up = told.callers.up_at(doomed.number)
    doomed.kill()
    told.await_unlisted(doomed)
    assert doomed not in told.settle(3)
    verdict = told.verdict()
    assert verdict.complaints == []
    told.tell(told.summary())
    lost = [it for it in up if it.last.ended_at is None]
    assert verdict.lost_edges >= len(lost) > 0
