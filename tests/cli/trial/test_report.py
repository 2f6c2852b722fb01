"""The report of a trial: lines, remedies, and what ends it."""

import pytest

from cli.trial.report import CannotGoOn, Report, Step, Told, Unfit, Verdict


def failing(error: Exception) -> Told[str]:
    raise error


def test_a_step_is_told_as_soon_as_it_is_over() -> None:
    told: list[Step] = []
    report = Report(told.append)
    assert report.check("nodes", lambda: Told("two", 2), "start some") == 2
    assert str(told[0]) == "ok       nodes: two"
    assert report.is_good


def test_a_failure_has_the_remedy_of_the_step_or_a_better_one() -> None:
    told: list[Step] = []
    report = Report(told.append)
    assert report.check("DNS", lambda: failing(OSError("no answer")), "wait") is None
    assert report.check("DNS", lambda: failing(Unfit("no record", "add one")), "wait") is None
    lines = [str(step) for step in told]
    assert lines == ["FAILED   DNS: no answer; wait", "FAILED   DNS: no record; add one"]
    assert not report.is_good


def test_an_error_without_words_is_named() -> None:
    report = Report(lambda step: None)
    report.check("DNS", lambda: failing(TimeoutError()), "wait")
    assert report.steps[0].detail == "TimeoutError"


def test_what_all_depends_on_ends_the_trial() -> None:
    with pytest.raises(CannotGoOn):
        Report(lambda step: None).need("API", lambda: failing(Unfit("away")), "wait")


def test_a_fault_of_our_own_is_not_taken_for_one_of_the_deployment() -> None:
    with pytest.raises(KeyError):
        Report(lambda step: None).check("API", lambda: failing(KeyError("x")), "wait")


def test_what_is_skipped_fails_nothing() -> None:
    report = Report(lambda step: None)
    report.skip("TLS", "closed")
    assert report.is_good
    assert report.steps[0].verdict is Verdict.SKIPPED
    assert report.as_json() == {
        "ok": True,
        "steps": [
            {"name": "TLS", "verdict": "skipped", "detail": "closed", "remedy": "", "took_ms": 0}
        ],
    }
