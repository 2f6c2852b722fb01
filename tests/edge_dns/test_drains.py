"""Who is told to drain (A11)."""

import pytest

from lambdas.edge_dns.drains import Candidate, to_drain, to_take_back
from lambdas.edge_dns.ecs_service import Service
from model.drain import DrainReason

OUTDATED, SURPLUS = DrainReason.OUTDATED, DrainReason.SURPLUS
TWO_OLD = (Candidate("a", "old", 5), Candidate("b", "old", 0))


@pytest.mark.parametrize(
    ("candidates", "desired", "told"),
    [
        ((), 0, {}),
        ((), 2, {}),
        (TWO_OLD, 2, {}),
        ((*TWO_OLD, Candidate("c", "new", 0)), 2, {}),
        (
            (*TWO_OLD, Candidate("c", "new", 0), Candidate("d", "new", 0)),
            2,
            {"a": OUTDATED, "b": OUTDATED},
        ),
        ((Candidate("a", "new", 3), Candidate("b", "new", 1)), 2, {}),
        ((Candidate("a", "new", 3), Candidate("b", "new", 1)), 1, {"b": SURPLUS}),
        ((Candidate("b", "new", 1), Candidate("a", "new", 1)), 1, {"a": SURPLUS}),
        ((Candidate("a", "new", 3), Candidate("b", "old", 1)), 0, {"a": SURPLUS, "b": OUTDATED}),
    ],
)
def test_nobody_drains_before_what_is_wanted_takes_calls(
    candidates: tuple[Candidate, ...], desired: int, told: dict[str, DrainReason]
) -> None:  # ARCHITECTURE A11
    assert to_drain(candidates, Service("new", desired)) == told


@pytest.mark.parametrize(
    ("serving", "desired", "back"),
    [
        (("a", "b"), 2, []),
        (("a", "b", "c"), 2, []),
        (("a",), 2, ["y"]),
        (("a",), 3, ["y", "x"]),
        ((), 4, ["y", "x"]),
    ],
)
def test_who_drains_comes_back_when_more_are_wanted(
    serving: tuple[str, ...], desired: int, back: list[str]
) -> None:  # ARCHITECTURE A11
    draining = [Candidate("x", "new", 1), Candidate("y", "new", 5), Candidate("z", "old", 9)]
    takes_calls = [Candidate("o", "old", 0), *(Candidate(it, "new", 0) for it in serving)]
    assert to_take_back(draining, takes_calls, Service("new", desired)) == back
