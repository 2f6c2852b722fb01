"""The stand-in of ECS does what its documentation says of services (A11)."""

import pytest

from tests.fleet.scheduler import Seen, Step, step

DESIRED = 2


def a_task(name: str, *, old: bool = False, sick: bool = False, protected: bool = False) -> Seen:
    return Seen(name, is_wanted=not old, is_healthy=not sick, is_protected=protected)


A, B, C, D = map(a_task, "abcd")
C_KEPT = a_task("c", protected=True)
OLD_A, OLD_B = a_task("a", old=True), a_task("b", old=True)


@pytest.mark.parametrize(
    ("case", "tasks", "expected"),
    [
        ("what is missing is started", [A], Step(1, ())),
        ("nothing else happens", [A, B], Step(0, ())),
        ("of too many the youngest is stopped", [A, B, C], Step(0, ("c",))),
        ("or who is not protected", [A, B._replace(is_protected=True), C_KEPT], Step(0, ("a",))),
        ("or nobody", [a_task(it, protected=True) for it in "abc"], Step(0, ())),
        ("new ones start beside old ones", [OLD_A, OLD_B], Step(2, ())),
        (
            "old ones wait for new ones to be healthy",
            [OLD_A, OLD_B, a_task("c", sick=True), a_task("d", sick=True)],
            Step(0, ()),
        ),
        ("each healthy new one lets an old one go", [OLD_A, OLD_B, C], Step(1, ("a",))),
        (
            "old ones that are protected stay",
            [a_task("a", old=True, protected=True), a_task("b", old=True, protected=True), C, D],
            Step(0, ()),
        ),
        (
            "there are never more than twice as many",
            [a_task(it, old=True, protected=True) for it in "abc"],
            Step(1, ()),
        ),
    ],
    ids=lambda it: it if isinstance(it, str) else "",
)
def test_step(case: str, tasks: list[Seen], expected: Step) -> None:
    assert step(tasks, DESIRED) == expected, case
