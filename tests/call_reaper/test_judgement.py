"""When a node is dead, whatever clocks, database and runs do (EDGE C9)."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.call_reaper.judgement import (
    LONGEST_GAP,
    SILENT_ALONE_FOR,
    SILENT_FOR,
    Silence,
    TaskState,
    Watch,
)

BEGAN = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
RENEWED_EVERY_S = 10
RENEWED_WITHIN_S = 15
"""After the database is back: a node's writer rests for 5 s at most, then it is due again."""


def at(seconds: float) -> datetime:
    return BEGAN + timedelta(seconds=seconds)


def watched(*passes: tuple[float, str]) -> Watch:
    """Return what runs at these moments leave that saw these leases of node `a`."""
    watch = Watch(at=at(passes[0][0]))
    for seconds, lease in passes:
        watch = watch.next({"a": lease}, at(seconds))
    return watch


def test_two_runs_a_minute_apart_that_see_the_same_lease_are_enough() -> None:  # EDGE C9
    assert timedelta(seconds=60) == SILENT_FOR
    assert watched((0, "x"), (60, "x")).is_dead("a", TaskState.GONE)
    assert not watched((0, "x"), (59.999, "x")).is_dead("a", TaskState.GONE)
    assert watched((0, "x"), (30, "x"), (61, "x")).is_dead("a", TaskState.GONE)


def test_one_run_is_never_enough() -> None:  # EDGE C9
    assert not watched((0, "x")).is_dead("a", TaskState.GONE)
    assert not watched((0, "x")).suspects()


def test_a_renewal_begins_the_silence_anew() -> None:  # EDGE C9
    assert not watched((0, "x"), (60, "y"), (110, "y")).is_dead("a", TaskState.GONE)
    assert watched((0, "x"), (60, "y"), (120, "y")).is_dead("a", TaskState.GONE)


@pytest.mark.parametrize("state", [TaskState.RUNNING, TaskState.UNANSWERED])
def test_no_silence_is_long_enough_while_the_task_may_run(state: TaskState) -> None:  # EDGE C9
    watch = watched(*((60.0 * minute, "x") for minute in range(3_000)))
    assert watch.suspects() == ["a"]
    assert not watch.is_dead("a", state)


def test_where_nobody_knows_the_task_the_silence_lasts_an_hour() -> None:  # EDGE C9
    assert timedelta(hours=1) == SILENT_ALONE_FOR
    hour = [(60.0 * minute, "x") for minute in range(61)]
    assert not watched(*hour[:-1]).is_dead("a", TaskState.NOBODY_KNOWS)
    assert watched(*hour).is_dead("a", TaskState.NOBODY_KNOWS)


@pytest.mark.parametrize(
    ("step", "is_dead"),
    [(180.0, True), (180.001, False), (-0.001, False), (0.0, False), (86_400.0, False)],
    ids=["longest gap", "longer", "backwards", "the same moment", "a day"],
)
def test_a_gap_between_runs_begins_every_silence_anew(step: float, is_dead: bool) -> None:
    # EDGE C9: while a run failed, the nodes may have been without the database as well.
    assert timedelta(minutes=3) == LONGEST_GAP
    assert watched((0, "x"), (step, "x")).is_dead("a", TaskState.GONE) is is_dead


def test_nodes_are_watched_each_for_itself_and_forgotten_when_they_are_gone() -> None:
    watch = Watch(at=at(0)).next({"a": "x", "b": "x"}, at(0))
    watch = watch.next({"a": "x", "b": "y"}, at(60))
    assert watch.suspects() == ["a"]
    watch = watch.next({"b": "y"}, at(120))
    assert watch.silences == {"b": Silence(lease="y", since=at(60))}
    assert watch.without(["b"]).silences == {}


@dataclass(frozen=True)
class Outage:
    """The database is away for everybody."""

    begins: int
    ends: int

    def holds(self, second: int) -> bool:
        return self.begins <= second < self.ends


@st.composite
def outages(draw: st.DrawFn) -> list[Outage]:
    """Return outages with time between them in which a node gets a renewal through."""
    found, second = [], 0
    for _ in range(draw(st.integers(0, 4))):
        begins = second + draw(st.integers(RENEWED_WITHIN_S + RENEWED_EVERY_S, 600))
        second = begins + draw(st.integers(1, 7_200))
        found.append(Outage(begins, second))
    return found


def leases_of_a_live_node(away: list[Outage], until: int) -> Iterator[str]:
    """Yield, second by second, the lease that the table shows of a node that is well."""
    lease, due, back_at = 0, 0, 0
    for second in range(until):
        if any(it.holds(second) for it in away):
            back_at = second + RENEWED_WITHIN_S
        elif second >= due and second >= back_at:
            lease, due = second, second + RENEWED_EVERY_S
        yield str(lease)


@given(
    away=outages(),
    pauses=st.lists(st.integers(10, 150), min_size=20, max_size=80),
    steps=st.lists(st.integers(-4_000, 4_000) | st.just(0), min_size=80, max_size=80),
    state=st.sampled_from([TaskState.RUNNING, TaskState.UNANSWERED, TaskState.NOBODY_KNOWS]),
)
def test_a_node_that_renews_when_it_can_never_dies(
    away: list[Outage], pauses: list[int], steps: list[int], state: TaskState
) -> None:
    # EDGE C9: an outage of the database kills nobody, not even when the runs' own clock is stepped
    # and nobody knows the task; a run that cannot read and write leaves nothing.
    leases = list(leases_of_a_live_node(away, sum(pauses) + 1))
    second, stepped = 0, 0
    watch = Watch(at=at(0))
    for pause, step in zip(pauses, steps, strict=False):
        second, stepped = second + pause, stepped + step
        if not any(it.holds(second) for it in away):
            watch = watch.next({"a": leases[second]}, at(second + stepped))
            assert not watch.is_dead("a", state)


@given(
    pauses=st.lists(st.integers(30, 170), min_size=3, max_size=10),
    offset=st.integers(-1_000_000, 1_000_000),
)
def test_a_node_whose_task_is_gone_dies_within_three_runs(pauses: list[int], offset: int) -> None:
    # EDGE C9
    second, watch = offset, Watch(at=at(offset))
    watch = watch.next({"a": "x"}, at(second))
    for pause in pauses[:3]:
        second += pause
        watch = watch.next({"a": "x"}, at(second))
    assert watch.is_dead("a", TaskState.GONE)
