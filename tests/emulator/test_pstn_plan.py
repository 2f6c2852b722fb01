"""The last four digits of the called number decide (A15)."""

import pytest

from emulator.pstn_plan import ANSWER_AND_ECHO, Plan, Sound, plan_of

CASES = [
    ("+12125550100", Plan(sound=Sound.ECHO)),
    ("+12125550101", Plan(sound=Sound.TONE)),
    ("+12125550102", Plan(reject=(486, "Busy Here"))),
    ("+442071830103", Plan(answer_after_s=None)),
    ("+12125550104", Plan(reject=(404, "Not Found"))),
    ("+12125550105", Plan(reject=(603, "Decline"))),
    ("+12125550106", Plan(reject=(503, "Service Unavailable"))),
    ("+12125550107", Plan(early=Sound.TONE, answer_after_s=2.0)),
    ("+12125550108", Plan(answer_after_s=3.0)),
    ("+12125550109", Plan(hang_up_after_s=2.0)),
    ("+12125550110", Plan(sound=Sound.DIGITS)),
    ("+12125550111", ANSWER_AND_ECHO),
    ("+12065551212", ANSWER_AND_ECHO),
]


@pytest.mark.parametrize(("number", "plan"), CASES, ids=[number for number, _ in CASES])
def test_a_called_number_has_its_plan(number: str, plan: Plan) -> None:
    assert plan_of(number) == plan
