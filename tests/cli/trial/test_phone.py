"""How a real call is judged."""

from dataclasses import replace

import pytest

from cli.trial.phone import NO_AUDIO, judged
from cli.trial.report import Unfit
from emulator.user_agent import CallResult

GOOD = CallResult(
    answered=True,
    status=200,
    reason="OK",
    ended_by="us",
    duration_ms=5_000,
    packets_sent=250,
    packets_received=249,
    packets_lost=1,
    jitter_us=1_500,
)


def test_a_good_call_is_told_with_its_figures() -> None:
    told = "answered, 5.0 s, 250 packets sent, 249 heard, 1 lost, jitter 1.5 ms"
    assert judged(GOOD) == (told, GOOD)


def test_the_other_side_may_hang_up() -> None:
    assert judged(replace(GOOD, ended_by="them")).found.ended_by == "them"


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"answered": False, "status": 486, "reason": "Busy Here"}, "not answered: 486 Busy Here"),
        ({"answered": False, "status": 0, "reason": "timeout"}, "not answered: timeout"),
        ({"ended_by": "nobody"}, "then lost"),
        ({"packets_received": 124, "packets_lost": 0}, "too little audio"),
        ({"packets_received": 200, "packets_lost": 5}, "5 lost"),
    ],
)
def test_what_is_not_a_good_call_says_why(changed: dict[str, object], problem: str) -> None:
    with pytest.raises(Unfit, match=problem):
        judged(replace(GOOD, **changed))  # type: ignore[arg-type]  # of several members


def test_silence_has_a_remedy_of_its_own() -> None:
    with pytest.raises(Unfit) as raised:
        judged(replace(GOOD, packets_received=0, packets_lost=0))
    assert raised.value.remedy == NO_AUDIO


def test_losses_up_to_two_percent_pass() -> None:
    assert judged(replace(GOOD, packets_received=245, packets_lost=5)).found.packets_lost == 5
