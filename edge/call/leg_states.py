"""The states of a leg, both kinds in one list; each kind has a table of its own besides IN_DIALOG.

    EARLY, ANSWERED, CLOSING      only a leg that was called (UasLeg): INVITE pending, 2xx sent,
                                  2xx sent but already to be hung up
    INVITING, PROCEEDING,         only a leg that calls (UacLeg): nothing heard, provisional heard,
    ABANDONED, CANCELLING         given up before and after a provisional
    CONFIRMED, RELEASING, ENDED   both: dialog up, our BYE is out, nothing left

A pair that the table lacks is refused: the message is a stray or has lost a race.
"""

from collections.abc import Mapping
from enum import auto

from edge.symbol import Symbol


class LegState(Symbol):
    """See the head of this module."""

    EARLY = auto()
    ANSWERED = auto()
    CLOSING = auto()
    INVITING = auto()
    PROCEEDING = auto()
    ABANDONED = auto()
    CANCELLING = auto()
    CONFIRMED = auto()
    RELEASING = auto()
    ENDED = auto()


class LegInput(Symbol):
    """What happens to a leg, whoever does it."""

    ANSWER = auto()
    REFUSE = auto()
    CANCEL = auto()
    HANG_UP = auto()
    ACK = auto()
    NO_ACK = auto()
    BYE = auto()
    BYE_DONE = auto()
    PROVISIONAL = auto()
    SUCCESS = auto()
    FAILURE = auto()
    AGAIN = auto()
    """Our INVITE goes out anew, in the same dialog to be."""
    CANCEL_UNANSWERED = auto()


class LegTimer(Symbol):
    """Timers of a leg."""

    REPEAT_ANSWER = auto()
    """The 2xx is due again (RFC 3261 §13.3.1.4)."""
    ACK_MISSING = auto()
    CANCEL_UNANSWERED = auto()
    """64*T1 after a CANCEL without a final response (RFC 3261 §9.1)."""


LegTable = Mapping[tuple[LegState, LegInput], LegState]

IN_DIALOG: LegTable = {
    (LegState.CONFIRMED, LegInput.BYE): LegState.ENDED,
    (LegState.CONFIRMED, LegInput.HANG_UP): LegState.RELEASING,
    (LegState.RELEASING, LegInput.BYE): LegState.RELEASING,
    (LegState.RELEASING, LegInput.BYE_DONE): LegState.ENDED,
}
