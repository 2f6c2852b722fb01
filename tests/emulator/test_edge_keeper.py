"""When an edge that has ended is started again."""

import pytest

from emulator.child import ChildEnded, ChildLine
from emulator.edge_keeper import AGAIN_AFTER_S, EdgeKeeper

READY = ChildLine("SIP edge", {"event": "ready"})
ENDED = ChildEnded("SIP edge", -9, ())


class Clock:
    now = 1.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(("later_s", "again"), [(AGAIN_AFTER_S, True), (AGAIN_AFTER_S / 2, False)])
def test_one_that_was_ready_is_unless_it_keeps_ending(later_s: float, again: bool) -> None:
    clock = Clock()
    keeper = EdgeKeeper(clock)
    assert not keeper.lets_start_again(READY)
    assert keeper.lets_start_again(ENDED)
    assert not keeper.lets_start_again(READY)
    clock.now += later_s
    assert keeper.lets_start_again(ENDED) is again


def test_one_that_never_was_ready_is_not() -> None:
    clock = Clock()
    keeper = EdgeKeeper(clock)
    assert not keeper.lets_start_again(ChildLine("SIP edge", {"event": "settings-refused"}))
    assert not keeper.lets_start_again(ENDED)
    keeper.lets_start_again(READY)
    assert keeper.lets_start_again(ENDED)
    # The next one ends before it is ready.
    clock.now += 100.0
    assert not keeper.lets_start_again(ENDED)


def test_none_is_while_the_stand_ends() -> None:
    keeper = EdgeKeeper(Clock())
    keeper.lets_start_again(READY)
    keeper.rest()
    assert not keeper.lets_start_again(ENDED)
