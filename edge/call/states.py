"""The state table of a call: two legs, one machine (EDGE 1.2-1.6).

    INVITING      a target is being tried; nothing above 100 was heard: the next one may follow
    PROGRESSING   a 18x has reached the caller: the target's final answer is final (EDGE F5)
    HELD          the callee has answered; the caller hears of it once the rows are safe (EDGE C9)
    OVER          the callee has hung up meanwhile: the caller will hear of the answer and the end
    CONNECTED     the callee's 2xx has been passed on
    ENDED         both legs are on their own way to their end; the record is written

A pair that the table lacks is refused: the event has lost a race against one that ended the call.
"""

from collections.abc import Mapping
from enum import auto

from edge.symbol import Symbol


class CallState(Symbol):
    """See the head of this module."""

    INVITING = auto()
    PROGRESSING = auto()
    HELD = auto()
    OVER = auto()
    CONNECTED = auto()
    ENDED = auto()


class CallInput(Symbol):
    """What can happen to a call."""

    PROGRESS = auto()
    """The callee rings or sends early media."""
    ANSWER = auto()
    """The callee's first 2xx, with usable SDP."""
    PASS_ON = auto()
    """The rows of the call are safe."""
    ATTEMPT_OVER = auto()
    """The current target has failed in a way that the next one may mend (EDGE F4)."""
    GIVE_UP = auto()
    """The caller gets a final refusal."""
    CANCEL = auto()
    """The caller has cancelled; its leg is ended already."""
    RELEASE = auto()
    """One side or the edge itself ends the answered call."""


class CallTimer(Symbol):
    """Timers of a call."""

    EXPIRES = auto()
    """The caller's INVITE is no longer valid (RFC 3261 §13.3.1, EDGE E6)."""
    NO_RESPONSE = auto()
    """The target said nothing, or nothing above 100 (EDGE F4, F5)."""
    NO_ANSWER = auto()
    TIMER_C = auto()
    REPEAT_RINGING = auto()
    MAXIMUM_DURATION = auto()
    NOT_JOURNALLED = auto()
    """Nobody says that the rows are safe."""


CALL: Mapping[tuple[CallState, CallInput], CallState] = {
    (CallState.INVITING, CallInput.PROGRESS): CallState.PROGRESSING,
    (CallState.INVITING, CallInput.ANSWER): CallState.HELD,
    (CallState.INVITING, CallInput.ATTEMPT_OVER): CallState.INVITING,
    (CallState.INVITING, CallInput.GIVE_UP): CallState.ENDED,
    (CallState.INVITING, CallInput.CANCEL): CallState.ENDED,
    (CallState.PROGRESSING, CallInput.PROGRESS): CallState.PROGRESSING,
    (CallState.PROGRESSING, CallInput.ANSWER): CallState.HELD,
    (CallState.PROGRESSING, CallInput.GIVE_UP): CallState.ENDED,
    (CallState.PROGRESSING, CallInput.CANCEL): CallState.ENDED,
    (CallState.HELD, CallInput.PASS_ON): CallState.CONNECTED,
    (CallState.HELD, CallInput.RELEASE): CallState.OVER,
    # No final response has gone out: the caller may still cancel, and be refused (RFC 3261 §9.2).
    (CallState.HELD, CallInput.GIVE_UP): CallState.ENDED,
    (CallState.HELD, CallInput.CANCEL): CallState.ENDED,
    (CallState.OVER, CallInput.PASS_ON): CallState.ENDED,
    (CallState.OVER, CallInput.GIVE_UP): CallState.ENDED,
    (CallState.OVER, CallInput.CANCEL): CallState.ENDED,
    (CallState.CONNECTED, CallInput.RELEASE): CallState.ENDED,
}
