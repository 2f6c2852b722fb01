"""Calls that wait until all nodes together have counted them (A10, EDGE R15).

Each waits in an INVITE server transaction that has sent its 100, so that retransmissions, a CANCEL
or a lost connection meet what they always meet. For a connector one question is under way at a
time; calls that come meanwhile are asked about together, with the next one. Nobody waits longer
than COUNT_WITHIN_S, and no more than MOST_WAITING wait at once: beyond both this node's own count
decides.
"""

from collections.abc import Callable
from enum import Enum, auto
from typing import Protocol

from edge.flow import Flow
from edge.policy.call_rates import COUNT_WITHIN_S, CallRates
from edge.policy.case import AwaitCount, Case
from edge.policy.header_policy import timestamp_of
from edge.seam import Count, Counted
from edge.sip.endpoint import Endpoint
from edge.sip.exchange import ServerTransaction
from edge.sip.message import Request
from edge.sip.timers import Armed, Timers

MOST_WAITING = 1_000
"""A second of what one node can set up, five times as long as any of them waits."""


class CallTimer(Enum):
    """What a waiting call waits for besides an answer."""

    COUNT_DUE = auto()


class Conclusion(Protocol):
    """Whoever goes on with a call that has waited."""

    def on_counted(
        self, case: Case, transaction: ServerTransaction, admitted: bool, now: float
    ) -> None:
        """Hear what the count says of a call."""

    def on_given_up(self, case: Case, transaction: ServerTransaction, now: float) -> None:
        """Hear that the caller has cancelled."""


class WaitingCall:
    """One call that waits: the user of its transaction, the owner of its timer."""

    __slots__ = ("armed", "case", "connector_id", "limit", "room", "transaction")

    def __init__(
        self, asked: AwaitCount, transaction: ServerTransaction, room: "WaitingRoom"
    ) -> None:
        self.armed: Armed = {}
        self.case, self.connector_id, self.limit = asked
        self.transaction = transaction
        self.room = room

    def on_cancel(self, request: Request, now: float) -> None:
        """Take the caller's CANCEL."""
        self.room.cancelled(self, now)

    def on_timer(self, timer: Enum, now: float) -> None:
        """Wait no longer."""
        self.room.unanswered(self, now)


class WaitingRoom:
    """All waiting calls of a node, by connector, in the order in which they came."""

    def __init__(
        self,
        *,
        endpoint: Endpoint,
        timers: Timers,
        rates: CallRates,
        ask: Callable[[Count], None],
        conclusion: Conclusion,
    ) -> None:
        self._endpoint = endpoint
        self._timers = timers
        self._rates = rates
        self._ask = ask
        self._conclusion = conclusion
        self._waiting: dict[str, dict[WaitingCall, float]] = {}
        self._asking: set[str] = set()
        self._size = 0

    def __len__(self) -> int:
        """Return how many calls wait."""
        return self._size

    def take(self, asked: AwaitCount, request: Request, flow: Flow, now: float) -> None:
        """Let a call wait; its 100 goes out first (EDGE B7)."""
        transaction = self._endpoint.serve(request, flow)
        self._endpoint.respond(transaction, 100, "Trying", now, fields=timestamp_of(request))
        if self._size >= MOST_WAITING:
            admitted = self._rates.take_alone(asked.connector_id, asked.limit, now)
            self._conclusion.on_counted(asked.case, transaction, admitted, now)
            return
        call = WaitingCall(asked, transaction, self)
        transaction.user = call
        self._timers.start(call, CallTimer.COUNT_DUE, now + COUNT_WITHIN_S)
        self._waiting.setdefault(asked.connector_id, {})[call] = now
        self._size += 1
        if asked.connector_id not in self._asking:
            self._ask_for(asked.connector_id)

    def counted(self, answer: Counted, now: float) -> None:
        """Let those go on whom the answer covers; ask for the others, unless that is in vain."""
        connector_id = answer.connector_id
        self._asking.discard(connector_id)
        if answer.granted is None:
            self._rates.unanswered(now)
            for call in list(self._waiting.get(connector_id, ())):
                self._decide_alone(call, now)
            return
        self._rates.answered()
        if answer.closed_until is not None:
            self._rates.close(connector_id, answer.closed_until)
        left = answer.granted
        for call, came_at in list(self._waiting.get(connector_id, {}).items()):
            if left and came_at <= answer.valid_until:
                left -= 1
                self._rates.granted(connector_id, call.limit, came_at)
                self._conclude(call, True, now)
            elif answer.closed_until is not None and came_at < answer.closed_until:
                self._conclude(call, False, now)
        if left and now <= answer.valid_until:
            self._rates.hold(connector_id, left, answer.valid_until, now)
        if connector_id in self._waiting:
            self._ask_for(connector_id)

    def cancelled(self, call: WaitingCall, now: float) -> None:
        """Let a caller go that has cancelled (EDGE E1)."""
        self._leave(call)
        self._conclusion.on_given_up(call.case, call.transaction, now)

    def unanswered(self, call: WaitingCall, now: float) -> None:
        """Decide by this node's own count: the common one did not come in time."""
        self._rates.unanswered(now)
        # Whoever was asked may be gone; the next call asks anew.
        self._asking.discard(call.connector_id)
        self._decide_alone(call, now)

    def _ask_for(self, connector_id: str) -> None:
        waiting = self._waiting[connector_id]
        first = next(iter(waiting))
        self._asking.add(connector_id)
        self._ask(
            Count(
                connector_id=connector_id,
                limit=first.limit,
                wanted=len(waiting),
                first_at=waiting[first],
                last_at=waiting[next(reversed(waiting))],
            )
        )

    def _decide_alone(self, call: WaitingCall, now: float) -> None:
        came_at = self._waiting[call.connector_id][call]
        self._conclude(call, self._rates.take_alone(call.connector_id, call.limit, came_at), now)

    def _conclude(self, call: WaitingCall, admitted: bool, now: float) -> None:
        self._leave(call)
        self._conclusion.on_counted(call.case, call.transaction, admitted, now)

    def _leave(self, call: WaitingCall) -> None:
        self._timers.stop(call, CallTimer.COUNT_DUE)
        call.transaction.user = None
        waiting = self._waiting[call.connector_id]
        del waiting[call]
        if not waiting:
            del self._waiting[call.connector_id]
        self._size -= 1
