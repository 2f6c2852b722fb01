"""How long transactions wait, and which action sets which timer (EDGE B8)."""

from edge.sip.transaction import Action, Event

T1 = 0.5
T2 = 4.0
T4 = 5.0
TIMEOUT = 64 * T1
"""Timers B, D, F, H, J, L and M (EDGE B8)."""

STARTS = {
    Action.START_D: Event.TIMER_D,
    Action.START_G: Event.TIMER_G,
    Action.START_H: Event.TIMER_H,
    Action.START_I: Event.TIMER_I,
    Action.START_J: Event.TIMER_J,
    Action.START_K: Event.TIMER_K,
    Action.START_L: Event.TIMER_L,
    Action.START_M: Event.TIMER_M,
}
STOPS = {
    Action.STOP_A: Event.TIMER_A,
    Action.STOP_B: Event.TIMER_B,
    Action.STOP_E: Event.TIMER_E,
    Action.STOP_F: Event.TIMER_F,
    Action.STOP_G: Event.TIMER_G,
    Action.STOP_H: Event.TIMER_H,
}
AGAIN = {
    Action.DOUBLE_A: (Event.TIMER_A, TIMEOUT),
    Action.DOUBLE_E: (Event.TIMER_E, T2),
    Action.SLOW_E: (Event.TIMER_E, T2),
    Action.DOUBLE_G: (Event.TIMER_G, T2),
}
WAITS = {
    Event.TIMER_D: TIMEOUT,
    Event.TIMER_H: TIMEOUT,
    Event.TIMER_I: T4,
    Event.TIMER_J: TIMEOUT,
    Event.TIMER_K: T4,
    Event.TIMER_L: TIMEOUT,
    Event.TIMER_M: TIMEOUT,
}
SKIPPED_ON_STREAMS = frozenset({Event.TIMER_D, Event.TIMER_I, Event.TIMER_J, Event.TIMER_K})
"""Waits for retransmissions, which a stream does not know (RFC 3261 §17)."""
