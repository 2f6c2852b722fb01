"""Who is told to drain (A11)."""

import pytest

from lambdas.edge_dns.drains import Candidate, to_drain
from model.drain import DrainReason

OUTDATED, SURPLUS = DrainReason.OUTDATED, DrainReason.SURPLUS
TWO_OLD = (Candidate("a", False, 5), Candidate("b", False, 0))


@pytest.mark.parametrize(
    ("candidates", "desired", "told"),
    [
        ((), 0, {}),
        ((), 2, {}),
        (TWO_OLD, 2, {}),
        ((*TWO_OLD, Candidate("c", True, 0)), 2, {}),
        (
            (*TWO_OLD, Candidate("c", True, 0), Candidate("d", True, 0)),
            2,
            {"a": OUTDATED, "b": OUTDATED},
        ),
        ((Candidate("a", True, 3), Candidate("b", True, 1)), 2, {}),
        ((Candidate("a", True, 3), Candidate("b", True, 1)), 1, {"b": SURPLUS}),
        ((Candidate("b", True, 1), Candidate("a", True, 1)), 1, {"a": SURPLUS}),
        ((Candidate("a", True, 3), Candidate("b", False, 1)), 0, {"a": SURPLUS, "b": OUTDATED}),
    ],
)
def test_nobody_drains_before_what_is_wanted_takes_calls(
    candidates: tuple[Candidate, ...], desired: int, told: dict[str, DrainReason]
) -> None:  # ARCHITECTURE A11
    assert to_drain(candidates, desired) == told
