"""The four transaction machines of RFC 3261 §17 as corrected by RFC 6026, as tables.

A row says: in this state, on this event, go there and do that. A pair that no table holds is
ignored: it is a stray (a late response, a timer that lost its race, an answer after the answer).
`Transaction.take` is the only code that changes `state`; what the actions mean is up to the
endpoint, which owns sockets, timers and the transaction user.

What may surprise: a 2xx to an INVITE does not end the transactions (RFC 6026). The server one stays
ACCEPTED for Timer L, so that a repeated INVITE does not make a second call; the client one stays
ACCEPTED for Timer M, so that each repeated 2xx reaches the transaction user, who repeats its ACK.
A transport error moves no INVITE server transaction (RFC 6026 §8.8): the peer may still repeat it.
"""

from collections.abc import Callable
from enum import Enum, auto
from typing import NamedTuple, TypeAlias

from edge.sip.timers import Armed
from edge.symbol import Symbol


class State(Symbol):
    """Names of RFC 3261 figures 5-8 and RFC 6026."""

    CALLING = auto()
    TRYING = auto()
    PROCEEDING = auto()
    COMPLETED = auto()
    CONFIRMED = auto()
    ACCEPTED = auto()
    TERMINATED = auto()


class Event(Symbol):
    """What can happen to a transaction; timers keep their letters."""

    # client: received
    PROVISIONAL = auto()
    SUCCESS = auto()
    FAILURE = auto()
    # server: received
    REQUEST = auto()
    """The same request again."""
    ACK = auto()
    # server: the transaction user answers
    SEND_PROVISIONAL = auto()
    SEND_SUCCESS = auto()
    SEND_FAILURE = auto()
    # both
    TRANSPORT_ERROR = auto()
    TIMER_A = auto()
    TIMER_B = auto()
    TIMER_D = auto()
    TIMER_E = auto()
    TIMER_F = auto()
    TIMER_G = auto()
    TIMER_H = auto()
    TIMER_I = auto()
    TIMER_J = auto()
    TIMER_K = auto()
    TIMER_L = auto()
    TIMER_M = auto()


class Action(Symbol):
    """What the endpoint does when a row is taken."""

    SEND = auto()
    """Put the given message on the wire and remember it."""
    RESEND = auto()
    """Repeat what was sent last."""
    ACKNOWLEDGE = auto()
    """Send the ACK of a non-2xx final response (RFC 3261 §17.1.1.3)."""
    REPORT = auto()
    """Hand the response to the transaction user."""
    REPORT_TIMEOUT = auto()
    REPORT_UNREACHABLE = auto()
    DOUBLE_A = auto()
    """Arm Timer A with twice its last interval."""
    DOUBLE_E = auto()
    """Arm Timer E with twice its last interval, at most T2."""
    SLOW_E = auto()
    """Arm Timer E with T2 (RFC 3261 §17.1.2.2, PROCEEDING)."""
    DOUBLE_G = auto()
    """Arm Timer G with twice its last interval, at most T2."""
    START_D = auto()
    START_G = auto()
    START_H = auto()
    START_I = auto()
    START_J = auto()
    START_K = auto()
    START_L = auto()
    START_M = auto()
    STOP_A = auto()
    STOP_B = auto()
    STOP_E = auto()
    STOP_F = auto()
    STOP_G = auto()
    STOP_H = auto()


class Transition(NamedTuple):
    """Where a row leads and what it does, in order."""

    state: State
    actions: tuple[Action, ...] = ()


Table = dict[tuple[State, Event], Transition]

_S, _E, _A, _T = State, Event, Action, Transition

INVITE_CLIENT: Table = {
    (_S.CALLING, _E.TIMER_A): _T(_S.CALLING, (_A.RESEND, _A.DOUBLE_A)),
    (_S.CALLING, _E.TIMER_B): _T(_S.TERMINATED, (_A.REPORT_TIMEOUT,)),
    (_S.CALLING, _E.TRANSPORT_ERROR): _T(_S.TERMINATED, (_A.REPORT_UNREACHABLE,)),
    (_S.CALLING, _E.PROVISIONAL): _T(_S.PROCEEDING, (_A.STOP_A, _A.STOP_B, _A.REPORT)),
    (_S.CALLING, _E.SUCCESS): _T(_S.ACCEPTED, (_A.STOP_A, _A.STOP_B, _A.START_M, _A.REPORT)),
    (_S.CALLING, _E.FAILURE): _T(
        _S.COMPLETED, (_A.STOP_A, _A.STOP_B, _A.ACKNOWLEDGE, _A.START_D, _A.REPORT)
    ),
    (_S.PROCEEDING, _E.PROVISIONAL): _T(_S.PROCEEDING, (_A.REPORT,)),
    (_S.PROCEEDING, _E.SUCCESS): _T(_S.ACCEPTED, (_A.START_M, _A.REPORT)),
    (_S.PROCEEDING, _E.FAILURE): _T(_S.COMPLETED, (_A.ACKNOWLEDGE, _A.START_D, _A.REPORT)),
    (_S.COMPLETED, _E.FAILURE): _T(_S.COMPLETED, (_A.ACKNOWLEDGE,)),
    (_S.COMPLETED, _E.TRANSPORT_ERROR): _T(_S.TERMINATED),
    (_S.COMPLETED, _E.TIMER_D): _T(_S.TERMINATED),
    (_S.ACCEPTED, _E.SUCCESS): _T(_S.ACCEPTED, (_A.REPORT,)),
    (_S.ACCEPTED, _E.TIMER_M): _T(_S.TERMINATED),
}

CLIENT: Table = {
    (_S.TRYING, _E.TIMER_E): _T(_S.TRYING, (_A.RESEND, _A.DOUBLE_E)),
    (_S.TRYING, _E.TIMER_F): _T(_S.TERMINATED, (_A.REPORT_TIMEOUT,)),
    (_S.TRYING, _E.TRANSPORT_ERROR): _T(_S.TERMINATED, (_A.REPORT_UNREACHABLE,)),
    (_S.TRYING, _E.PROVISIONAL): _T(_S.PROCEEDING, (_A.REPORT,)),
    (_S.TRYING, _E.SUCCESS): _T(
        _S.COMPLETED, (_A.STOP_E, _A.STOP_F, _A.START_K, _A.REPORT)
    ),
    (_S.TRYING, _E.FAILURE): _T(
        _S.COMPLETED, (_A.STOP_E, _A.STOP_F, _A.START_K, _A.REPORT)
    ),
    (_S.PROCEEDING, _E.TIMER_E): _T(_S.PROCEEDING, (_A.RESEND, _A.SLOW_E)),
    (_S.PROCEEDING, _E.TIMER_F): _T(_S.TERMINATED, (_A.REPORT_TIMEOUT,)),
    (_S.PROCEEDING, _E.TRANSPORT_ERROR): _T(_S.TERMINATED, (_A.REPORT_UNREACHABLE,)),
    (_S.PROCEEDING, _E.PROVISIONAL): _T(_S.PROCEEDING, (_A.REPORT,)),
    (_S.PROCEEDING, _E.SUCCESS): _T(
        _S.COMPLETED, (_A.STOP_E, _A.STOP_F, _A.START_K, _A.REPORT)
    ),
    (_S.PROCEEDING, _E.FAILURE): _T(
        _S.COMPLETED, (_A.STOP_E, _A.STOP_F, _A.START_K, _A.REPORT)
    ),
    (_S.COMPLETED, _E.TIMER_K): _T(_S.TERMINATED),
}  # fmt: skip

INVITE_SERVER: Table = {
    (_S.PROCEEDING, _E.REQUEST): _T(_S.PROCEEDING, (_A.RESEND,)),
    (_S.PROCEEDING, _E.SEND_PROVISIONAL): _T(_S.PROCEEDING, (_A.SEND,)),
    (_S.PROCEEDING, _E.SEND_SUCCESS): _T(_S.ACCEPTED, (_A.SEND, _A.START_L)),
    (_S.PROCEEDING, _E.SEND_FAILURE): _T(
        _S.COMPLETED, (_A.SEND, _A.START_G, _A.START_H)
    ),
    (_S.PROCEEDING, _E.TRANSPORT_ERROR): _T(_S.PROCEEDING),
    (_S.COMPLETED, _E.REQUEST): _T(_S.COMPLETED, (_A.RESEND,)),
    (_S.COMPLETED, _E.TIMER_G): _T(_S.COMPLETED, (_A.RESEND, _A.DOUBLE_G)),
    (_S.COMPLETED, _E.TIMER_H): _T(_S.TERMINATED),
    (_S.COMPLETED, _E.TRANSPORT_ERROR): _T(_S.COMPLETED),
    (_S.COMPLETED, _E.ACK): _T(_S.CONFIRMED, (_A.STOP_G, _A.STOP_H, _A.START_I)),
    (_S.CONFIRMED, _E.TIMER_I): _T(_S.TERMINATED),
    (_S.ACCEPTED, _E.SEND_SUCCESS): _T(_S.ACCEPTED, (_A.SEND,)),
    (_S.ACCEPTED, _E.TRANSPORT_ERROR): _T(_S.ACCEPTED),
    (_S.ACCEPTED, _E.TIMER_L): _T(_S.TERMINATED),
}  # fmt: skip

SERVER: Table = {
    (_S.TRYING, _E.SEND_PROVISIONAL): _T(_S.PROCEEDING, (_A.SEND,)),
    (_S.TRYING, _E.SEND_SUCCESS): _T(_S.COMPLETED, (_A.SEND, _A.START_J)),
    (_S.TRYING, _E.SEND_FAILURE): _T(_S.COMPLETED, (_A.SEND, _A.START_J)),
    (_S.PROCEEDING, _E.REQUEST): _T(_S.PROCEEDING, (_A.RESEND,)),
    (_S.PROCEEDING, _E.SEND_PROVISIONAL): _T(_S.PROCEEDING, (_A.SEND,)),
    (_S.PROCEEDING, _E.SEND_SUCCESS): _T(_S.COMPLETED, (_A.SEND, _A.START_J)),
    (_S.PROCEEDING, _E.SEND_FAILURE): _T(_S.COMPLETED, (_A.SEND, _A.START_J)),
    (_S.PROCEEDING, _E.TRANSPORT_ERROR): _T(_S.TERMINATED),
    (_S.COMPLETED, _E.REQUEST): _T(_S.COMPLETED, (_A.RESEND,)),
    (_S.COMPLETED, _E.TRANSPORT_ERROR): _T(_S.TERMINATED),
    (_S.COMPLETED, _E.TIMER_J): _T(_S.TERMINATED),
}


Runner: TypeAlias = "Callable[[Transaction, Event, float], None]"
"""Takes an event for a transaction and carries its actions out."""


class Transaction:
    """One run of a machine: its table, its state, what it sent last, its armed timers."""

    __slots__ = ("armed", "codes", "interval", "key", "last_sent", "runner", "state", "table")

    def __init__(self, table: Table, state: State, key: tuple[str, ...], runner: Runner) -> None:
        self.table = table
        self.state = state
        self.key = key
        """What a message must carry to belong here (RFC 3261 §17.1.3, §17.2.3)."""
        self.runner = runner
        self.armed: Armed = {}
        self.codes: list[int] | None = None
        """Counts responses by the first digit of their status; None counts none (EDGE X8)."""
        self.last_sent: bytes | None = None
        self.interval = 0.0
        """Seconds between the last two retransmissions."""

    def take(self, event: Event) -> tuple[Action, ...]:
        """Take the row of an event: change state, return the actions; none for an absent pair."""
        transition = self.table.get((self.state, event))
        if transition is None:
            return ()
        self.state = transition.state
        return transition.actions

    def on_timer(self, timer: Enum, now: float) -> None:
        """Take the event that bears the timer's name."""
        assert isinstance(timer, Event)
        self.runner(self, timer, now)
