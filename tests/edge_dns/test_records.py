"""Which records come and go: never the last, never more than a third, and it converges (A11)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.edge_dns.records import (
    MOST_RECORDS,
    Change,
    NodeSeen,
    Standing,
    change_of,
    unlisted,
)

IDS = st.integers(0, 120).map("{:03}".format)
RECORDS = st.dictionaries(IDS, st.just("192.0.2.1"), max_size=MOST_RECORDS)
NODES = st.dictionaries(
    IDS, st.builds(NodeSeen, st.sampled_from(Standing), st.sampled_from(["192.0.2.1", "192.0.2.2"]))
)


def serving(*names: str) -> dict[str, NodeSeen]:
    return {it: NodeSeen(Standing.SERVING, "192.0.2.1") for it in names}


def after(records: dict[str, str], change: Change) -> dict[str, str]:
    kept = {it: address for it, address in records.items() if it not in change.removed}
    return {**kept, **change.moved, **change.added}


@given(records=RECORDS, nodes=NODES, lately=st.integers(0, 40))
def test_one_change_keeps_every_promise(
    records: dict[str, str], nodes: dict[str, NodeSeen], lately: int
) -> None:  # ARCHITECTURE A11
    change = change_of(records, nodes, lately)
    left = after(records, change)
    assert left or not records, "the last record stays"
    assert len(left) <= MOST_RECORDS
    at_first = len(records) + lately
    assert len(change.removed) + lately <= max(lately, 1, at_first // 3)
    for node_id in change.removed:
        assert nodes.get(node_id, NodeSeen(Standing.DEAD)).standing in (
            Standing.DEAD,
            Standing.LEAVING,
        )
        assert change.removed[node_id] == records[node_id]
    for node_id, address in (*change.added.items(), *change.moved.items()):
        assert nodes[node_id] == NodeSeen(Standing.SERVING, address)
    assert not change.added.keys() & records.keys()
    assert change.moved.keys() <= records.keys()


@given(records=RECORDS, nodes=NODES)
def test_runs_a_minute_apart_end_with_the_nodes_that_serve(
    records: dict[str, str], nodes: dict[str, NodeSeen]
) -> None:  # ARCHITECTURE A11
    began_with = records
    for _ in range(MOST_RECORDS):
        change = change_of(records, nodes, 0)
        if change.is_empty:
            break
        records = after(records, change)
    assert change.is_empty, "what is in line is left alone"
    wanted = {it: seen.address for it, seen in nodes.items() if seen.standing is Standing.SERVING}
    kept = {it for it in records if it in nodes and nodes[it].standing is Standing.UNSURE}
    assert kept == {
        it for it in began_with if it in nodes and nodes[it].standing is Standing.UNSURE
    }
    if wanted:
        assert records.keys() - kept <= wanted.keys()
        assert all(records[it] == wanted[it] for it in records.keys() - kept)
        assert len(records) == min(MOST_RECORDS, len(wanted) + len(kept))
        assert change.waiting == len(wanted.keys() - records.keys())
    else:
        assert len(records) == (len(kept) or min(1, len(began_with)))


@pytest.mark.parametrize(
    ("records", "lately", "allowed"),
    [
        *((1, 0, 0), (2, 0, 1), (3, 0, 1), (5, 0, 1), (6, 0, 2), (90, 0, 30)),
        *((5, 1, 1), (4, 2, 0), (2, 1, 0), (60, 30, 0), (75, 15, 15)),
    ],
)
def test_a_third_rounds_down_but_one_may_go(records: int, lately: int, allowed: int) -> None:
    there = {f"{it:03}": "192.0.2.1" for it in range(records)}
    assert len(change_of(there, {}, lately).removed) == allowed


def test_the_dead_go_before_those_that_still_answer() -> None:
    there = dict.fromkeys(("a", "b", "c"), "192.0.2.1")
    nodes = {"a": NodeSeen(Standing.LEAVING), "b": NodeSeen(Standing.LEAVING)}
    assert set(change_of(there, nodes, 0).removed) == {"c"}


def test_a_new_record_takes_the_place_of_the_last_one_at_once() -> None:
    change = change_of({"a": "192.0.2.9"}, serving("b"), 0)
    assert (set(change.added), set(change.removed)) == ({"b"}, {"a"})


def test_a_full_name_takes_as_many_as_have_gone() -> None:
    there = {f"{it:03}": "192.0.2.1" for it in range(MOST_RECORDS)}
    nodes = serving(*(f"{it:03}" for it in range(10, MOST_RECORDS + 20)))
    change = change_of(there, nodes, 0)
    assert len(change.removed) == 10
    assert sorted(change.added) == [f"{it:03}" for it in range(90, 100)]
    assert change.waiting == 10


def test_who_has_a_record_is_not_unlisted() -> None:
    assert unlisted({"a", "b"}, {"b": "192.0.2.1", "c": "192.0.2.1"}) == ["a"]
