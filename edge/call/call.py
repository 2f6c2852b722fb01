"""One call: an answered leg, the attempts to reach the other side, and what joins them."""

from enum import Enum
from typing import assert_never

from edge.call import outcome, refusal
from edge.call.events import (
    Acknowledged,
    Answered,
    Cancelled,
    Ended,
    Expired,
    Failed,
    LegEvent,
    Lost,
    Progressed,
    RefreshDue,
    Reinvited,
    Rejected,
    Released,
    Reoffered,
    RetryDue,
    Trying,
    Unacknowledged,
    Withdrawn,
)
from edge.call.gate import PATIENCE_S, HeldAnswer
from edge.call.leg import Leg
from edge.call.machine import Machine
from edge.call.media import CallMedia
from edge.call.outcome import Outcome
from edge.call.party import parties_of, way_to_callee, way_to_caller
from edge.call.refusal import Refusal
from edge.call.reoffer import Reoffers
from edge.call.search import Search
from edge.call.states import CALL, CallInput, CallState, CallTimer
from edge.call.surroundings import CallSurroundings
from edge.call.uac_leg import UacLeg
from edge.call.uas_leg import UasLeg
from edge.media.sdp import SdpError
from edge.media.session import Side
from edge.policy.header_policy import Way
from edge.policy.reasons import Reason
from edge.policy.verdict import AdmitCall
from edge.routing.failover import Failure, is_failover, progress_deadline
from edge.routing.targets import Target
from edge.sip.exchange import Fields, ServerTransaction
from edge.sip.headers import delta_seconds
from edge.sip.message import Request
from edge.sip.timers import Armed
from model.cdr import Disposition
from model.connector import connector_host
from model.settings import RoutingSettings


class Call:
    """Two legs and the media between them."""

    __slots__ = (
        "_expires_s",
        "_held",
        "_in",
        "_last",
        "_machine",
        "_reoffers",
        "_search",
        "a_leg",
        "admitted",
        "answered_at",
        "armed",
        "b_leg",
        "connected_at",
        "ended_at",
        "is_journalled",
        "media",
        "outcome",
        "parties",
        "started_at",
    )

    def __init__(
        self,
        surroundings: "CallSurroundings[Call]",
        admitted: AdmitCall,
        invite: Request,
        transaction: ServerTransaction,
        media: CallMedia,
        targets: list[Target],
        now: float,
    ) -> None:
        self._in = surroundings
        self._machine: Machine[CallState, CallInput] = Machine(CALL, CallState.INVITING)
        self.admitted = admitted
        self.parties = parties_of(admitted, invite.call_id, surroundings.stack.ids)
        """The customers, the caller first (EDGE N1)."""
        self.started_at = now
        self.answered_at: float | None = None
        """When the callee did; None again if the caller never got to hear of it."""
        self.connected_at: float | None = None
        """When the caller heard of the answer."""
        self.is_journalled = False
        """Whether the customers have rows: something has to become of them at the end."""
        self.ended_at: float | None = None
        self.outcome: Outcome | None = None
        self.armed: Armed = {}
        self.a_leg = UasLeg(surroundings.stack, self, way_to_callee(admitted), invite, transaction)
        self.b_leg: UacLeg | None = None
        self.media = media
        self._expires_s = delta_seconds(invite.get("expires"))
        self._search = Search(
            surroundings.stack,
            surroundings.settings,
            surroundings.health,
            admitted,
            targets,
            int(invite.get("max-forwards") or 71) - 1,
            now,
        )
        self._reoffers: Reoffers | None = None
        """None before the answer."""
        self._held: HeldAnswer | None = None
        """Between the callee's answer and the caller's hearing of it."""
        self._last: tuple[int, str, bytes] | None = None
        """The last provisional that the caller was sent."""
        media.caller_offered(admitted.offer, transaction.flow.remote[0])

    @property
    def state(self) -> CallState:
        """Return the state; only the table changes it."""
        return self._machine.state

    @property
    def tried(self) -> list[Target]:
        """Return the targets that an INVITE went to, the current one last."""
        return self._search.tried

    def start(self, now: float) -> None:
        """Try the first target."""
        if self._expires_s is not None:
            self._start(CallTimer.EXPIRES, now, self._expires_s)
        self._next_target(now)

    def refuse(self, why: Reason, now: float) -> None:
        """End a call that nobody was asked to take."""
        self._give_up(refusal.of(why, self._host), now)

    def hang_up(self, why: Outcome, now: float) -> None:
        """End the call from inside, whatever its state."""
        if self.state is CallState.CONNECTED:
            self._release(why, now)
        else:
            answer = refusal.of(Reason.ENDED_BY_NODE, self._host, why.message)
            self._give_up(answer, now, why.headers)

    def journalled(self, transaction_id: str, now: float) -> None:
        """Take that a customer's row is safe; with the last one the caller hears of the answer."""
        if self._held is not None and self._held.take(transaction_id):
            self._pass_on(self._held, now)

    def media_silent(self, last_packet_at: float | None, now: float) -> None:
        """End a call whose media has stopped, at its last packet (EDGE V4)."""
        if self.state is CallState.CONNECTED and self.answered_at is not None:
            ended_at = max(self.answered_at, last_packet_at or self.answered_at)
            self._release(outcome.MEDIA_TIMEOUT, now, ended_at=ended_at)

    def trusts(self, leg: Leg, address: str) -> bool:
        """Tell whether an address belongs to the peer set of a leg (EDGE S10, D12, S16)."""
        if isinstance(leg, UacLeg):
            return self._in.owns(leg.connector_id, address)
        calls = self.admitted.disposition is Disposition.TERMINATION
        return self._in.owns(self.admitted.connector.connector_id if calls else "", address)

    def on_leg_event(self, leg: Leg, event: LegEvent, now: float) -> None:
        """Take what happened on a leg; attempts that were given up have nothing to say."""
        if leg is self.a_leg:
            self._on_a(event, now)
        elif leg is self.b_leg:
            self._on_b(self.b_leg, event, now)

    def on_timer(self, timer: Enum, now: float) -> None:
        """Take one of the call's own timers."""
        assert isinstance(timer, CallTimer)
        match timer:
            case CallTimer.NO_RESPONSE:
                self._attempt_over(self._search.silence, now)
            case CallTimer.NO_ANSWER | CallTimer.TIMER_C:
                headers = outcome.reason("SIP;cause=408")
                self._give_up(refusal.of(Reason.NO_ANSWER, self._host), now, headers)
            case CallTimer.EXPIRES:
                self._give_up(refusal.of(Reason.INVITE_EXPIRED, self._host), now)
            case CallTimer.REPEAT_RINGING:
                self._repeat_ringing(now)
            case CallTimer.MAXIMUM_DURATION:
                self._release(outcome.MAXIMUM_DURATION, now)
            case CallTimer.NOT_JOURNALLED:
                assert self._held is not None, "the timer ends with it"
                self._in.observer.on_not_journalled(self, self._held.awaited)
                self._pass_on(self._held, now)
            case _:
                assert_never(timer)

    def _on_a(self, event: LegEvent, now: float) -> None:
        if not isinstance(event, Cancelled):
            self._in_dialog(Side.A, event, now)
        elif self._machine.take(CallInput.CANCEL):
            if self.b_leg is not None:
                self.b_leg.hang_up(now, event.headers)
            self._finish(outcome.CANCELLED, now)

    def _on_b(self, leg: UacLeg, event: LegEvent, now: float) -> None:
        match event:
            case Trying():
                self._trying(now)
            case Progressed():
                self._progressed(event, now)
            case Answered(body):
                self._answered(leg, body, now)
            case Rejected():
                self._rejected(event, now)
            case Failed(failure):
                self._attempt_over(failure, now)
            case _:
                self._in_dialog(Side.B, event, now)

    def _in_dialog(self, side: Side, event: LegEvent, now: float) -> None:
        match event:
            case Unacknowledged():
                self._release(outcome.ACK_TIMEOUT, now)
            case Released(headers):
                self._release(outcome.NORMAL._replace(headers=headers), now)
            case Lost():
                self._release(outcome.PEER_LOST, now)
            case Expired():
                self._release(outcome.SESSION_EXPIRED, now)
            case (
                Acknowledged() | Reoffered() | Withdrawn() | Reinvited() | RetryDue() | RefreshDue()
            ):
                if self._reoffers is not None:
                    self._reoffers.take(side, event, now)
            case Trying() | Progressed() | Answered() | Rejected() | Failed() | Cancelled():
                pass
            case Ended():
                pass
            case _:
                assert_never(event)

    def _next_target(self, now: float) -> None:
        leg = self._search.next_leg(self, way_to_caller(self.admitted), self.media, now)
        if leg is None:
            self._no_target_left(now)
            return
        self.b_leg = leg
        target = self.tried[-1]
        for party in self.parties:
            party.tried_at(target, leg.call_id)
        leg.credentials = self._in.credentials.get(target.carrier)
        self._in.observer.on_attempt(self, target, now)
        self._start(CallTimer.NO_RESPONSE, now, self._routing.first_response_s)
        leg.start(now)

    def _no_target_left(self, now: float) -> None:
        """R34, R35, F12."""
        for party in self.parties:
            party.taken_by_nobody()
        to_carriers = way_to_callee(self.admitted) is Way.TO_CARRIER
        self._give_up(
            refusal.when_exhausted(to_carriers, self._search.last_ending, self._host), now
        )

    def _attempt_over(
        self, ending: int | Failure, now: float, retry_after_s: float | None = None
    ) -> None:
        """Leave a target that failed (EDGE F4); after a 18x nothing fails over (F5)."""
        leg = self.b_leg
        if leg is None:
            return
        self._in.observer.on_attempt_over(self, ending, now)
        if self.state is not CallState.INVITING:
            self._give_up(refusal.of(Reason.CALLED_SIDE_FAILED, self._host), now)
        elif self._machine.take(CallInput.ATTEMPT_OVER):
            self._search.failed(ending, now, retry_after_s)
            self.b_leg = None
            leg.cancel(now)
            self._next_target(now)

    def _rejected(self, event: Rejected, now: float) -> None:
        status = event.status
        if self.state is CallState.INVITING and is_failover(status):
            self._attempt_over(status, now, event.retry_after_s if status == 503 else None)
        elif status < 400 or is_failover(status):
            # Neither a redirection nor a challenge is the caller's business (EDGE E5).
            why = Reason.REDIRECTED if status < 400 else Reason.CALLED_SIDE_FAILED
            self._in.observer.on_attempt_over(self, status, now)
            self._give_up(refusal.of(why, self._host), now)
        else:
            self._search.succeeded()
            self._give_up(refusal.of_callee(event, self._host), now)

    def _trying(self, now: float) -> None:
        """Wait for more than the first 100; one that comes late or again changes nothing (F5)."""
        if self.state is CallState.INVITING and self._search.silence is Failure.NO_RESPONSE:
            self._search.silence = Failure.NO_PROGRESS
            self._start_at(CallTimer.NO_RESPONSE, progress_deadline(now, self._routing))

    def _progressed(self, event: Progressed, now: float) -> None:
        first = self.state is CallState.INVITING
        if not self._machine.take(CallInput.PROGRESS):
            return
        body = b""
        if event.body:
            try:
                body = self.media.callee_progressed(event.body)
            except SdpError:
                body = b""
        if self.admitted.offer is None:
            body = b""  # An offer of ours may stand in the 200 only (RFC 3261 §13.2.1, EDGE A1).
        self._in.stack.timers.stop(self, CallTimer.NO_RESPONSE)
        if first:
            self._search.succeeded()
            self._start(CallTimer.NO_ANSWER, now, self._in.settings.call.no_answer_s)
        self._start(CallTimer.TIMER_C, now, self._in.settings.call.timer_c_s)
        self._start(CallTimer.REPEAT_RINGING, now, self._in.settings.call.repeat_ringing_s)
        self._last = (event.status, outcome.printable_phrase(event.reason), body)
        self.a_leg.progress(*self._last, now)

    def _repeat_ringing(self, now: float) -> None:
        if self._last is not None:
            self.a_leg.progress(*self._last, now)
            self._start(CallTimer.REPEAT_RINGING, now, self._in.settings.call.repeat_ringing_s)

    def _answered(self, leg: UacLeg, body: bytes, now: float) -> None:
        try:
            answer = self.media.callee_answered(body)
        except SdpError as error:
            leg.hang_up(now, outcome.NO_USABLE_ANSWER.headers)
            self._give_up(refusal.of_answer(error, self._host), now)
            return
        if not self._machine.take(CallInput.ANSWER):
            return
        self.armed.clear()
        self.answered_at = now
        self._search.succeeded()
        self._reoffers = Reoffers(self.a_leg, leg, self.media, self._host, self._release)
        self._start(CallTimer.MAXIMUM_DURATION, now, self._in.settings.call.max_call_s)
        self._held = HeldAnswer(answer, [party.transaction_id for party in self.parties])
        self.is_journalled = True
        self._start(CallTimer.NOT_JOURNALLED, now, PATIENCE_S)
        self._in.observer.on_answered(self, now)

    def _pass_on(self, held: HeldAnswer, now: float) -> None:
        """Let the caller hear of the answer, and of the end if the callee is gone again."""
        if not self._machine.take(CallInput.PASS_ON):
            return
        self._held = None
        self._in.stack.timers.stop(self, CallTimer.NOT_JOURNALLED)
        self.connected_at = now
        self._in.observer.on_connected(self, now)
        self.a_leg.answer(held.body, now)
        if held.why is not None:
            self.a_leg.hang_up(now, held.why.headers)
            self._finish(held.why, now, held.ended_at)

    def _give_up(self, answer: Refusal, now: float, headers: Fields = ()) -> None:
        """Refuse the call; `headers` are for both sides, the answer's own for the caller."""
        if self._machine.take(CallInput.GIVE_UP):
            if self.b_leg is not None:
                self.b_leg.hang_up(now, headers)
            self.a_leg.reject(answer.status, answer.reason, now, (*headers, *answer.fields))
            self._finish(outcome.rejected(answer.status, answer.detail, answer.why), now)

    def _release(self, why: Outcome, now: float, *, ended_at: float | None = None) -> None:
        if self._machine.take(CallInput.RELEASE):
            self.a_leg.hang_up(now, why.headers)
            if self.b_leg is not None:
                self.b_leg.hang_up(now, why.headers)
            if self._held is not None:
                self._held.end(why, now)
            else:
                self._finish(why, now, ended_at)

    def _finish(self, why: Outcome, now: float, ended_at: float | None = None) -> None:
        self.outcome = why
        self.ended_at = now if ended_at is None else ended_at
        if self._held is not None:
            # The caller has heard of no answer: it is nothing to pay for.
            self._held = self.answered_at = None
        self.armed.clear()
        self._reoffers = None
        self.media.close()
        self._in.observer.on_ended(self, now)

    @property
    def _routing(self) -> RoutingSettings:
        return self._in.settings.routing

    @property
    def _host(self) -> str:
        """What Warnings name as their agent (EDGE 2.2)."""
        return connector_host(self.admitted.connector.connector_id, self._in.settings.domain)

    def _start(self, timer: CallTimer, now: float, wait_s: float) -> None:
        self._start_at(timer, now + wait_s)

    def _start_at(self, timer: CallTimer, at: float) -> None:
        self._in.stack.timers.start(self, timer, at)
