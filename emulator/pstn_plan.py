"""What the simulated phone network does with a call: its last four digits decide (A15)."""

from dataclasses import dataclass
from enum import Enum


class Sound(Enum):
    """What a phone does with its media."""

    SILENCE = "silence"
    ECHO = "echo"
    """Every packet's payload goes back as it came."""
    TONE = "tone"
    """1 kHz."""
    DIGITS = "digits"
    """Every DTMF digit that was heard is sent back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How a phone treats one incoming call."""

    reject: tuple[int, str] | None = None
    """Status and phrase of a refusal; everything else is then without meaning."""
    rings: bool = True
    early: Sound | None = None
    """What is played before the answer (183 with SDP)."""
    answer_after_s: float | None = 0.0
    """None: never."""
    sound: Sound = Sound.ECHO
    hang_up_after_s: float | None = None
    """Seconds from the answer; None leaves it to the other side."""


ANSWER_AND_ECHO = Plan()

PLANS = {
    "0100": Plan(sound=Sound.ECHO),
    "0101": Plan(sound=Sound.TONE),
    "0102": Plan(reject=(486, "Busy Here")),
    "0103": Plan(answer_after_s=None),
    "0104": Plan(reject=(404, "Not Found")),
    "0105": Plan(reject=(603, "Decline")),
    "0106": Plan(reject=(503, "Service Unavailable")),
    "0107": Plan(early=Sound.TONE, answer_after_s=2.0),
    "0108": Plan(answer_after_s=3.0),
    "0109": Plan(hang_up_after_s=2.0),
    "0110": Plan(sound=Sound.DIGITS),
}
"""By the last four digits of the called number."""


def plan_of(number: str) -> Plan:
    """Return the plan of a called number; one without a row answers and echoes."""
    return PLANS.get(number[-4:], ANSWER_AND_ECHO)
