"""When the search goes on, and how it ends (EDGE F4-F9, R34, R35)."""

import pytest

from edge.routing.failover import (
    Failure,
    answer_when_exhausted,
    counts_against_target,
    is_failover,
    may_try_again,
    progress_deadline,
    retry_after_s,
)
from model.settings import RoutingSettings

SETTINGS = RoutingSettings()


def test_exactly_the_listed_answers_go_to_the_next_target() -> None:  # EDGE F4, F6
    on = [status for status in range(300, 700) if is_failover(status)]
    assert on == [401, 407, 408, 500, 502, 503, 504]


BLAME = [
    (401, False), (407, False), (408, False), (500, True), (503, True), (501, False), (486, False),
    (Failure.NO_RESPONSE, True), (Failure.NO_PROGRESS, True), (Failure.UNREACHABLE, True),
]  # fmt: skip


@pytest.mark.parametrize(("ending", "blamed"), BLAME)
def test_a_4xx_answer_does_not_put_a_target_out(ending: int | Failure, blamed: bool) -> None:
    # EDGE F9
    assert counts_against_target(ending) is blamed


def test_patience_is_four_seconds_and_eight_more_after_trying() -> None:  # EDGE F4, F5
    assert SETTINGS.first_response_s == 4.0
    assert progress_deadline(11.0, SETTINGS) == 19.0


BUDGET = [(0, 0.0, True), (9, 23.9, True), (10, 1.0, False), (1, 24.0, False)]


@pytest.mark.parametrize(("attempts", "elapsed", "more"), BUDGET)
def test_the_budget_is_ten_attempts_and_24_seconds(
    attempts: int, elapsed: float, more: bool
) -> None:  # EDGE F8
    assert may_try_again(attempts, 100.0, SETTINGS, 100.0 + elapsed) is more


RETRY_AFTER = [
    (["60"], 60.0),
    (["18000;duration=3600"], 18_000.0),
    (["120 (I'm in a meeting)"], 120.0),
    (["soon"], None),
    (["soon", "5"], 5.0),
    (["-1"], None),
    (["9" * 11], None),
    (["\N{SUPERSCRIPT TWO}"], None),
    ([], None),
]


@pytest.mark.parametrize(("values", "seconds"), RETRY_AFTER)
def test_retry_after_is_read(values: list[str], seconds: float | None) -> None:  # RFC 3261 §20.33
    assert retry_after_s(values) == seconds


def test_a_pbx_hears_503_without_retry_after() -> None:  # EDGE R34
    answer = answer_when_exhausted(True, 503)
    assert answer == (503, "Service Unavailable", ())


REASONS = [
    (503, "SIP;cause=503"),
    (500, "SIP;cause=500"),
    (Failure.NO_RESPONSE, "SIP;cause=408"),
    (Failure.NO_PROGRESS, "SIP;cause=408"),
    (Failure.UNREACHABLE, "SIP;cause=503"),
]


@pytest.mark.parametrize(("last", "reason"), REASONS)
def test_a_carrier_hears_480_and_why(last: int | Failure, reason: str) -> None:  # EDGE R35
    answer = answer_when_exhausted(False, last)
    assert (answer.status, answer.fields) == (480, (("Reason", reason),))


def test_without_any_target_there_is_no_reason_to_give() -> None:  # EDGE I4
    assert answer_when_exhausted(False, None).fields == ()
