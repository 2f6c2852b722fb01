"""Re-INVITEs of one leg, the peer's and ours (RFC 3261 §14; EDGE D4-D7, D11).

The peer's is pending or it is not; ours are a machine. What an offer says is the call's business:
the leg only tells it what came.
"""

from enum import Enum
from typing import Protocol

from edge.call.events import Lost, Reinvited, Reoffered, RetryDue, Withdrawn
from edge.call.machine import Machine
from edge.call.objection import Objection, objection_to, pending
from edge.call.reinvite_states import REINVITE, ReinviteInput, ReinviteState, ReinviteTimer
from edge.flow import Address, Flow
from edge.ids import Ids
from edge.policy.content import sdp_in
from edge.policy.header_policy import timestamp_of
from edge.policy.session_interval import least_of
from edge.routing.credentials import is_challenge, proof_in
from edge.sip.dialog import Dialog
from edge.sip.endpoint import Endpoint
from edge.sip.exchange import ClientTransaction, Fields, OutgoingRequest, ServerTransaction
from edge.sip.headers import NameAddress
from edge.sip.message import Request, Response
from edge.sip.timers import Armed, Timers
from edge.sip.timing import TIMEOUT

_S, _I = ReinviteState, ReinviteInput

_STEP_S = 0.01
_OWNER_WAITS = (2.1, 191)
_OTHER_WAITS = (0.0, 201)
"""Least wait after a 491 and number of steps (RFC 3261 §14.1): 2.1-4 s and 0-2 s."""


class ReinvitedLeg(Protocol):
    """The leg whose re-INVITEs these are."""

    dialog: Dialog | None
    calls: bool
    codes: list[int] | None

    def trusts(self, remote: Address) -> bool:
        """Tell whether a message from this address may belong to the leg."""

    def tell(self, event: Reoffered | Withdrawn | Reinvited | RetryDue | Lost, now: float) -> None:
        """Tell the leg's user."""

    def objection(self) -> Objection | None:
        """Return why a re-INVITE cannot be taken in the leg's state."""

    def dialog_flow(self) -> Flow:
        """Return where requests inside the dialog go."""

    def retarget(self, contact: NameAddress | None) -> None:
        """Take a Contact as the new remote target (EDGE D12)."""

    def send_answer(self, transaction: ServerTransaction, body: bytes, now: float) -> None:
        """Send a 2xx and repeat it until its ACK comes."""

    def invite_fields(self) -> Fields:
        """Return what an INVITE with SDP inside the dialog carries."""

    def agreed(self, response: Response, now: float) -> None:
        """Take what a 2xx says of the session timer."""

    def has_longer_interval(self, seconds: int) -> bool:
        """Take a peer's Min-SE; False when the leg has no session timer."""

    def adopt(self, flow: Flow) -> None:
        """Go on over the connection that a message went or came over (EDGE W6)."""

    def proven(self, request: OutgoingRequest, challenge: Response) -> OutgoingRequest | None:
        """Return a challenged request again with credentials, None without any (EDGE F13)."""


class Reinvites:
    """The re-INVITEs of one leg."""

    __slots__ = (
        "_asked",
        "_endpoint",
        "_ids",
        "_leg",
        "_machine",
        "_met",
        "_sent",
        "_timers",
        "armed",
    )

    def __init__(self, leg: ReinvitedLeg, endpoint: Endpoint, timers: Timers, ids: Ids) -> None:
        self._leg = leg
        self._endpoint = endpoint
        self._timers = timers
        self._ids = ids
        self._machine: Machine[ReinviteState, ReinviteInput] = Machine(REINVITE, _S.QUIET)
        self._asked: ServerTransaction | None = None
        """The peer's pending one."""
        self._sent: _Sent | None = None
        """Ours that is pending."""
        self._met = False
        """The peer has sent one while ours was pending (glare)."""
        self.armed: Armed = {}

    @property
    def state(self) -> ReinviteState:
        """Return the state of ours; only the table changes it."""
        return self._machine.state

    @property
    def may_send(self) -> bool:
        """Tell whether a re-INVITE of ours could go out now (RFC 3261 §14.1)."""
        return (
            self.state in (_S.QUIET, _S.WAITING)
            and self._asked is None
            and self._leg.objection() is None
        )

    def take(self, request: Request, transaction: ServerTransaction, now: float) -> None:
        """Take the peer's re-INVITE."""
        objection = self._objection(request)
        if objection is not None:
            status, reason, fields = objection
            self._endpoint.respond(transaction, status, reason, now, fields=fields)
            return
        self._endpoint.respond(transaction, 100, "Trying", now, fields=timestamp_of(request))
        self._asked = transaction
        transaction.user = self
        self._leg.tell(Reoffered(sdp_in(request)), now)

    def accept(self, body: bytes, now: float) -> None:
        """Answer the peer's with 200 and this SDP; its Contact counts from now on (EDGE D12)."""
        transaction, self._asked = self._asked, None
        if transaction is not None and transaction.request is not None:
            self._leg.retarget(transaction.request.contact)
            self._leg.send_answer(transaction, body, now)

    def refuse(self, status: int, reason: str, fields: Fields, now: float) -> None:
        """Refuse the peer's; session and media stay as they are (EDGE D7)."""
        transaction, self._asked = self._asked, None
        if transaction is not None:
            self._endpoint.respond(transaction, status, reason, now, fields=fields)

    def on_cancel(self, request: Request, now: float) -> None:
        """Take the CANCEL of the peer's re-INVITE (RFC 3261 §9.2)."""
        self.refuse(487, "Request Terminated", (), now)
        self._leg.tell(Withdrawn(), now)

    def send(self, body: bytes, now: float) -> None:
        """Send a re-INVITE with this offer; Reinvited or Lost tells what became of it."""
        dialog = self._leg.dialog
        if dialog is not None and self.may_send and self._machine.take(_I.SEND):
            self._timers.stop(self, ReinviteTimer.RETRY)
            self._met = False
            sent = self._sent = _Sent(self)
            request = dialog.request("INVITE", self._leg.invite_fields(), body)
            flow = self._leg.dialog_flow()
            sent.transaction = self._endpoint.request(request, flow, sent, now)
            sent.transaction.codes = self._leg.codes
            self._timers.start(self, ReinviteTimer.NO_FINAL, now + TIMEOUT)

    def later(self, now: float) -> None:
        """Let RetryDue come after the wait that keeps two sides apart (EDGE D5)."""
        if self._machine.take(_I.LATER):
            least, steps = _OWNER_WAITS if self._leg.calls else _OTHER_WAITS
            wait = least + _STEP_S * self._ids.below(steps)
            self._timers.start(self, ReinviteTimer.RETRY, now + wait)

    def drop(self) -> None:
        """Forget what waited: it is not needed any more."""
        if self._machine.take(_I.DROP):
            self._timers.stop(self, ReinviteTimer.RETRY)

    def cancel(self, now: float) -> None:
        """Give ours up, if the peer has said something (RFC 3261 §9.1); Reinvited still comes."""
        sent = self._sent
        if sent is None or sent.transaction is None or not sent.is_heard_of:
            return
        if self._machine.take(_I.CANCEL):
            self._endpoint.cancel(sent.transaction, (), sent, now)
            self._timers.start(self, ReinviteTimer.NO_FINAL, now + TIMEOUT)

    def end(self, now: float) -> None:
        """Send nothing any more: 487 for the peer's, and ours is only heard to its end (D11)."""
        self._machine.take(_I.END)
        self._timers.stop(self, ReinviteTimer.RETRY)
        self.refuse(487, "Request Terminated", (), now)

    def on_timer(self, timer: Enum, now: float) -> None:
        """Tell that a retry is due, or give up what has no final response."""
        if timer is ReinviteTimer.RETRY:
            self._leg.tell(RetryDue(), now)
            return
        self.cancel(now)
        if ReinviteTimer.NO_FINAL not in self.armed and self._sent is not None:
            sent = self._sent
            if sent.transaction is not None:
                self._endpoint.abandon(sent.transaction)
            self.on_silence(sent, now)

    def trusts(self, remote: Address) -> bool:
        """Tell whether a response from this address may be to one of ours."""
        return self._leg.trusts(remote)

    def on_success(self, sent: "_Sent", response: Response, now: float) -> None:
        """Acknowledge the first 2xx to one of ours, at once (RFC 3261 §13.2.2.4)."""
        dialog = self._leg.dialog
        assert dialog is not None and sent.transaction is not None
        self._leg.retarget(response.contact)
        sent.ack_flow = self._leg.dialog_flow()
        invite = sent.transaction.request
        ack = dialog.ack(invite.cseq)._replace(fields=proof_in(invite))
        sent.ack = self._endpoint.send_ack(ack, sent.ack_flow)
        if self._is_over(sent):
            self._leg.agreed(response, now)
            self._leg.tell(Reinvited(response.status, sdp_in(response), False, False), now)

    def on_failure(self, sent: "_Sent", status: int, least_s: int | None, now: float) -> None:
        """Take any other final response to one of ours; `least_s` is its Min-SE."""
        may_retry = self.state is _S.PENDING
        if not self._is_over(sent):
            return
        if status == 481:
            self._leg.tell(Lost(), now)
        elif status == 422 and may_retry and self._is_longer(least_s):
            self._machine.take(_I.LATER)
            self.send(sent.body, now)
        else:
            self._leg.tell(Reinvited(status, b"", self._met, may_retry), now)

    def has_proved(self, sent: "_Sent", challenge: Response, now: float) -> bool:
        """Send a challenged one again with credentials, if there are some (EDGE F13)."""
        dialog, transaction = self._leg.dialog, sent.transaction
        assert dialog is not None and transaction is not None
        if sent is not self._sent or self.state not in (_S.PENDING, _S.RETRYING):
            return False
        again = self._leg.proven(transaction.request, challenge)
        if again is None:
            return False
        dialog.local_cseq = again.cseq
        sent.is_heard_of = False
        sent.transaction = self._endpoint.request(again, transaction.flow, sent, now)
        self._timers.start(self, ReinviteTimer.NO_FINAL, now + TIMEOUT)
        return True

    def adopt(self, flow: Flow) -> None:
        """Go on over the connection that one of ours went over."""
        self._leg.adopt(flow)

    def on_silence(self, sent: "_Sent", now: float) -> None:
        """Take the certainty that one of ours gets no final response."""
        if self._is_over(sent):
            self._leg.tell(Lost(), now)

    def repeat_ack(self, sent: "_Sent") -> None:
        """Answer a repeated 2xx (EDGE D3)."""
        if sent.ack_flow is not None:
            self._endpoint.resend(sent.ack, sent.ack_flow)

    def _is_over(self, sent: "_Sent") -> bool:
        """Note that one of ours is over; tell whether the leg still wants to know."""
        if sent is self._sent:
            self._sent = None
            self._timers.stop(self, ReinviteTimer.NO_FINAL)
            return self._machine.take(_I.FINAL)
        return False

    def _is_longer(self, least_s: int | None) -> bool:
        return least_s is not None and self._leg.has_longer_interval(least_s)

    def _objection(self, request: Request) -> Objection | None:
        """Return the refusal of a re-INVITE that cannot even be looked at (EDGE D5, 2.1)."""
        if self._asked is not None:
            # RFC 3261 §14.2: an earlier one from the same side is unanswered.
            return pending(self._ids)
        objection = self._leg.objection()
        if objection is not None:
            return objection
        if self._sent is not None:
            self._met = True
            return Objection(491, "Request Pending")
        return objection_to(request)


class _Sent:
    """One re-INVITE of ours, the user of its transaction."""

    __slots__ = ("_of", "ack", "ack_flow", "is_heard_of", "transaction")

    def __init__(self, of: Reinvites) -> None:
        self._of = of
        self.transaction: ClientTransaction | None = None
        self.is_heard_of = False
        self.ack = b""
        self.ack_flow: Flow | None = None

    @property
    def body(self) -> bytes:
        assert self.transaction is not None
        return self.transaction.request.body

    def trusts(self, remote: Address) -> bool:
        return self._of.trusts(remote)

    def on_response(self, transaction: ClientTransaction, response: Response, now: float) -> None:
        if transaction.request.method != "INVITE":
            return  # the CANCEL's
        self._of.adopt(transaction.flow)
        if response.status < 200:
            self.is_heard_of = True
        elif is_challenge(response.status) and self._of.has_proved(self, response, now):
            pass
        elif response.status >= 300:
            self._of.on_failure(self, response.status, least_of(response), now)
        elif self.ack:
            self._of.repeat_ack(self)
        else:
            self._of.on_success(self, response, now)

    def on_no_response(self, transaction: ClientTransaction, now: float) -> None:
        if transaction.request.method == "INVITE":
            self._of.on_silence(self, now)

    def on_unreachable(self, transaction: ClientTransaction, now: float) -> None:
        # RFC 3261 §8.1.3.1: what the network refuses counts as a 503, and ends no dialog.
        if transaction.request.method == "INVITE":
            self._of.on_failure(self, 503, None, now)
