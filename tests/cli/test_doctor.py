"""`ovc doctor`: findings with a remedy."""

import pytest

from cli.doctor_stand import python_finding
from cli.findings import Finding


@pytest.mark.parametrize("version", [(3, 11), (3, 12), (3, 13)])
def test_supported_pythons_are_sound(version: tuple[int, int]) -> None:
    assert python_finding(version, "linux").problem is None


@pytest.mark.parametrize("version", [(3, 10), (3, 14)])
def test_another_python_is_a_problem_with_a_remedy(version: tuple[int, int]) -> None:
    problem = python_finding(version, "linux").problem
    assert problem is not None
    assert problem.startswith(f"3.{version[1]} is not supported") and "make install" in problem


def test_another_system_than_linux_is_a_problem() -> None:
    assert "needs Linux" in str(python_finding((3, 12), "darwin"))


def test_a_line_begins_with_its_verdict() -> None:
    assert str(Finding("ports", None, "free")) == "ok       ports: free"
    assert str(Finding("ports", "taken; free them")) == "PROBLEM  ports: taken; free them"
