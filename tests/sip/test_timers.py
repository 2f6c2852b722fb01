"""The heap of timers: what fires, when, in which order, and what is forgotten."""

import weakref
from enum import Enum, auto

from hypothesis import given
from hypothesis import strategies as st

from edge.sip.timers import LEAST_CLEARED, Armed, Timers


class Bell(Enum):
    """Timers of a test."""

    ONE = auto()
    TWO = auto()


class Owner:
    """Notes what fires."""

    def __init__(self) -> None:
        self.armed: Armed = {}
        self.rung: list[tuple[Enum, float]] = []

    def on_timer(self, timer: Enum, now: float) -> None:
        """Note a timer; it must not be armed any more."""
        assert timer not in self.armed
        self.rung.append((timer, now))


def test_without_timers_there_is_no_deadline() -> None:
    timers = Timers()
    timers.fire(1_000.0)
    assert timers.deadline() is None
    assert len(timers) == 0


def test_a_timer_fires_once_at_its_time_and_not_before() -> None:
    timers, owner = Timers(), Owner()
    timers.start(owner, Bell.ONE, 5.0)
    timers.fire(4.999)
    assert owner.rung == []
    assert timers.deadline() == 5.0
    timers.fire(5.0)
    timers.fire(6.0)
    assert owner.rung == [(Bell.ONE, 5.0)]
    assert timers.deadline() is None


def test_timers_fire_in_the_order_of_their_times_and_then_of_their_start() -> None:
    timers, owner = Timers(), Owner()
    first, second = Owner(), Owner()
    second.rung = first.rung = owner.rung
    timers.start(owner, Bell.TWO, 2.0)
    timers.start(first, Bell.ONE, 1.0)
    timers.start(second, Bell.TWO, 1.0)
    timers.fire(9.0)
    assert owner.rung == [(Bell.ONE, 9.0), (Bell.TWO, 9.0), (Bell.TWO, 9.0)]


def test_the_soonest_timer_is_the_deadline() -> None:
    timers, owner, other = Timers(), Owner(), Owner()
    timers.start(owner, Bell.ONE, 5.0)
    timers.start(other, Bell.ONE, 3.0)
    assert timers.deadline() == 3.0
    timers.stop(other, Bell.ONE)
    assert timers.deadline() == 5.0


def test_a_stopped_timer_never_fires_and_stopping_twice_does_nothing() -> None:
    timers, owner = Timers(), Owner()
    timers.start(owner, Bell.ONE, 5.0)
    timers.start(owner, Bell.TWO, 6.0)
    timers.stop(owner, Bell.ONE)
    timers.stop(owner, Bell.ONE)
    timers.fire(10.0)
    assert owner.rung == [(Bell.TWO, 10.0)]


def test_an_owner_that_clears_its_timers_is_left_alone() -> None:
    timers, owner = Timers(), Owner()
    timers.start(owner, Bell.ONE, 5.0)
    timers.start(owner, Bell.TWO, 5.0)
    owner.armed.clear()
    assert len(timers) == 0
    assert timers.deadline() is None
    timers.fire(10.0)
    assert owner.rung == []


def test_starting_again_replaces_the_first_start() -> None:
    timers, owner = Timers(), Owner()
    timers.start(owner, Bell.ONE, 5.0)
    timers.start(owner, Bell.ONE, 3.0)
    timers.start(owner, Bell.ONE, 8.0)
    assert len(timers) == 1
    timers.fire(7.0)
    assert owner.rung == []
    assert timers.deadline() == 8.0
    timers.fire(8.0)
    assert owner.rung == [(Bell.ONE, 8.0)]


def test_a_timer_may_arm_itself_again_while_it_fires() -> None:
    timers = Timers()

    class Repeating(Owner):
        def on_timer(self, timer: Enum, now: float) -> None:
            super().on_timer(timer, now)
            if len(self.rung) < 3:
                timers.start(self, timer, now + 1.0)

    owner = Repeating()
    timers.start(owner, Bell.ONE, 1.0)
    while (deadline := timers.deadline()) is not None:
        timers.fire(deadline)
    assert owner.rung == [(Bell.ONE, 1.0), (Bell.ONE, 2.0), (Bell.ONE, 3.0)]


def test_a_timer_that_stops_another_of_the_same_moment_wins() -> None:
    timers, other = Timers(), Owner()

    class Stopping(Owner):
        def on_timer(self, timer: Enum, now: float) -> None:
            timers.stop(other, Bell.TWO)

    timers.start(Stopping(), Bell.ONE, 1.0)
    timers.start(other, Bell.TWO, 1.0)
    timers.fire(1.0)
    assert other.rung == []


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["start", "stop", "fire"]),
        st.integers(0, 2),
        st.sampled_from(Bell),
        st.integers(0, 6),
    ),
    max_size=40,
)


@given(STEPS)
def test_the_heap_does_what_a_plain_list_would_do(
    steps: list[tuple[str, int, Bell, int]],
) -> None:
    timers, owners, now = Timers(), [Owner() for _ in range(3)], 0.0
    armed: dict[tuple[int, Bell], float] = {}
    for step, number, bell, wait in steps:
        if step == "start":
            timers.start(owners[number], bell, now + wait)
            armed[number, bell] = now + wait
        elif step == "stop":
            timers.stop(owners[number], bell)
            armed.pop((number, bell), None)
        else:
            now += wait
            for owner in owners:
                owner.rung.clear()
            timers.fire(now)
            due = {key for key, at in armed.items() if at <= now}
            assert {(i, it) for i, owner in enumerate(owners) for it, _ in owner.rung} == due
            assert sum(len(owner.rung) for owner in owners) == len(due)
            for key in due:
                del armed[key]
        assert timers.deadline() == min(armed.values(), default=None)
        assert len(timers) == len(armed)


def test_what_is_left_of_stopped_timers_is_bounded() -> None:  # far deadlines hold no owner
    timers, live = Timers(), Owner()
    timers.start(live, Bell.ONE, 9.0)
    gone = []
    for number in range(3 * LEAST_CLEARED):
        owner = Owner()
        timers.start(owner, Bell.ONE, 14_400.0 + number)
        timers.start(owner, Bell.ONE, 14_401.0 + number)
        owner.armed.clear()
        gone.append(weakref.ref(owner))
    del owner
    assert all(it() is None for it in gone), "what is disarmed is let go at once"
    assert timers.deadline() == 9.0
    timers.fire(9.0)
    assert live.rung == [(Bell.ONE, 9.0)]
    assert timers.deadline() is None


def test_clearing_keeps_every_armed_timer_in_order() -> None:
    timers, owners = Timers(), [Owner() for _ in range(2 * LEAST_CLEARED)]
    for number, owner in enumerate(owners):
        timers.start(owner, Bell.ONE, float(-number))
        if number % 2:
            timers.stop(owner, Bell.ONE)
    assert len(timers) == LEAST_CLEARED
    timers.fire(0.0)
    assert [bool(owner.rung) for owner in owners] == [
        number % 2 == 0 for number in range(2 * LEAST_CLEARED)
    ]
