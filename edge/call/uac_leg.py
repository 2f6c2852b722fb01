"""The leg that we call: sends an INVITE and lives with whatever comes back (EDGE 1.6, 1.8)."""

from enum import Enum

from edge.call.events import (
    Answered,
    Failed,
    LegEvent,
    Progressed,
    Rejected,
    Trying,
)
from edge.call.leg import Leg, LegUser, Stack
from edge.call.leg_states import IN_DIALOG, LegInput, LegState, LegTable, LegTimer
from edge.call.session_timer import session_fields
from edge.flow import Address, Flow
from edge.policy.content import sdp_in
from edge.policy.header_policy import Way
from edge.policy.session_interval import least_of
from edge.routing.credentials import Credentials, is_challenge, proof_in, with_credentials
from edge.routing.failover import Failure, retry_after_s
from edge.sip.dialog import Dialog
from edge.sip.exchange import ClientTransaction, Fields, Nobody, OutgoingRequest
from edge.sip.message import Response
from edge.sip.timing import TIMEOUT

_S, _I = LegState, LegInput

UAC_LEG: LegTable = {
    **IN_DIALOG,
    (_S.INVITING, _I.PROVISIONAL): _S.PROCEEDING,
    (_S.INVITING, _I.SUCCESS): _S.CONFIRMED,
    (_S.INVITING, _I.FAILURE): _S.ENDED,
    (_S.INVITING, _I.CANCEL): _S.ABANDONED,
    # Once more: with credentials (F13), or with a longer session interval (RFC 4028 §7.3).
    (_S.INVITING, _I.AGAIN): _S.INVITING,
    (_S.PROCEEDING, _I.AGAIN): _S.INVITING,
    (_S.PROCEEDING, _I.SUCCESS): _S.CONFIRMED,
    (_S.PROCEEDING, _I.FAILURE): _S.ENDED,
    (_S.PROCEEDING, _I.CANCEL): _S.CANCELLING,
    # A CANCEL may go out only after a provisional (RFC 3261 §9.1, EDGE E1, F7).
    (_S.ABANDONED, _I.PROVISIONAL): _S.CANCELLING,
    (_S.ABANDONED, _I.SUCCESS): _S.RELEASING,
    (_S.ABANDONED, _I.FAILURE): _S.ENDED,
    (_S.CANCELLING, _I.SUCCESS): _S.RELEASING,
    (_S.CANCELLING, _I.FAILURE): _S.ENDED,
    (_S.CANCELLING, _I.CANCEL_UNANSWERED): _S.ENDED,
}

_PROVABLE = frozenset({"INVITE", "BYE"})

_MAX_FORKS = 8
"""Early answers from other branches that are hung up for a peer that forks (EDGE A3)."""


class UacLeg(Leg):
    """A leg whose INVITE is ours."""

    calls = True

    __slots__ = (
        *("_ack", "_cancel_headers", "_forks", "_has_tried_again", "_invite", "_transaction"),
        *("connector_id", "credentials"),
    )

    def __init__(
        self,
        stack: Stack,
        user: LegUser,
        flow: Flow,
        way: Way,
        invite: OutgoingRequest,
        tag: str,
        connector_id: str = "",
    ) -> None:
        """Prepare the leg; `invite.from_` carries `tag`."""
        super().__init__(stack, user, flow, way, UAC_LEG, LegState.INVITING, tag)
        self._invite = invite
        self.connector_id = connector_id
        """Whose PBX is called; empty for a carrier and a bridge."""
        self.credentials: Credentials | None = None
        """For the peer's first challenge of an INVITE and of a BYE; None answers none."""
        self._transaction: ClientTransaction | None = None
        self._cancel_headers: Fields = ()
        self._ack = b""
        self._forks: dict[str, bytes] = {}
        self._has_tried_again = False

    @property
    def call_id(self) -> str:
        """Return the Call-ID of the INVITE."""
        return self._invite.call_id

    def start(self, now: float) -> None:
        """Send the INVITE."""
        self._transaction = self.stack.endpoint.request(self._invite, self.flow, self, now)
        self._transaction.codes = self.codes

    def cancel(self, now: float, headers: Fields = ()) -> None:
        """Give the call up before its answer; a late 2xx is acknowledged and hung up."""
        self._cancel_headers = headers
        if self.machine.take(LegInput.CANCEL) and self.state is LegState.CANCELLING:
            self._send_cancel(now)

    def hang_up(self, now: float, headers: Fields = ()) -> None:
        """End the leg in whatever way its state demands."""
        if self.state in (LegState.INVITING, LegState.PROCEEDING):
            self.cancel(now, headers)
        else:
            super().hang_up(now, headers)

    def on_response(self, transaction: ClientTransaction, response: Response, now: float) -> None:
        """Take a response to INVITE, CANCEL or BYE."""
        method = transaction.request.method
        if is_challenge(response.status) and self._prove(transaction, response, now):
            return
        if method != "INVITE":
            super().on_response(transaction, response, now)
            return
        self.adopt(transaction.flow)
        if response.status < 200:
            self._on_provisional(response, now)
        elif response.status < 300:
            self._on_success(response, now)
        elif response.status == 422 and self._tries_again(response, now):
            pass
        elif self.machine.take(LegInput.FAILURE):
            self._over(self._refusal(response), now)

    def on_no_response(self, transaction: ClientTransaction, now: float) -> None:
        """Take the silence that a request met."""
        self._failed(transaction, Failure.NO_RESPONSE, now)

    def on_unreachable(self, transaction: ClientTransaction, now: float) -> None:
        """Take the network's refusal."""
        self._failed(transaction, Failure.UNREACHABLE, now)

    def on_timer(self, timer: Enum, now: float) -> None:
        """Forget a cancelled INVITE that the peer never finished."""
        if timer is not LegTimer.CANCEL_UNANSWERED:
            super().on_timer(timer, now)
        elif self.machine.take(LegInput.CANCEL_UNANSWERED):
            if self._transaction is not None:
                self.stack.endpoint.abandon(self._transaction)
            self.end(now)

    def _failed(self, transaction: ClientTransaction, failure: Failure, now: float) -> None:
        if transaction.request.method != "INVITE":
            super().on_no_response(transaction, now)
        elif self.machine.take(LegInput.FAILURE):
            self._over(Failed(failure), now)

    def _prove(self, transaction: ClientTransaction, response: Response, now: float) -> bool:
        """Answer the first challenge of an INVITE or a BYE (EDGE F13, RFC 3261 §22.2)."""
        request = transaction.request
        again = self.proven(request, response) if request.method in _PROVABLE else None
        if again is None:
            return False
        if request.method == "BYE":
            assert self.dialog is not None
            self.dialog.local_cseq = again.cseq
            self.stack.endpoint.request(again, transaction.flow, self, now)
        elif self.machine.take(LegInput.AGAIN):
            self._invite = again
            self.tell(Trying(), now)
            self.start(now)
        else:
            return False  # Given up meanwhile.
        return True

    def proven(self, request: OutgoingRequest, challenge: Response) -> OutgoingRequest | None:
        """Return a request again with credentials after its first challenge (EDGE F13)."""
        if self.credentials is None or proof_in(request):
            return None
        cnonce = self.stack.ids.nonce()
        return with_credentials(request, challenge, self.credentials, cnonce)

    def _refusal(self, response: Response) -> Rejected:
        return Rejected(
            response.status,
            response.reason,
            retry_after_s(response.headers.get("retry-after", ())),
            self.crossing(response),
        )

    def _tries_again(self, response: Response, now: float) -> bool:
        """Send the INVITE once more, with the session interval that a 422 wants (EDGE ST3)."""
        least = least_of(response)
        if least is None or self._has_tried_again or not self.machine.take(LegInput.AGAIN):
            return False
        self._has_tried_again = True
        kept = [it for it in self._invite.fields if it[0] not in ("Session-Expires", "Min-SE")]
        self._invite = self._invite._replace(
            cseq=self._invite.cseq + 1, fields=(*session_fields(least, least), *kept)
        )
        self.start(now)
        return True

    def _over(self, event: LegEvent, now: float) -> None:
        self.tell(event, now)
        self.end(now)

    def _on_provisional(self, response: Response, now: float) -> None:
        if self.machine.take(LegInput.PROVISIONAL) and self.state is LegState.CANCELLING:
            self._send_cancel(now)
        if self.state is not LegState.PROCEEDING:
            return
        if response.status == 100:
            self.tell(Trying(), now)
        else:
            self.tell(Progressed(response.status, response.reason, sdp_in(response)), now)

    def _on_success(self, response: Response, now: float) -> None:
        tag = response.to.tag or ""
        if self.dialog is not None:
            self._repeated_success(response, tag, now)
            return
        if not self.machine.take(LegInput.SUCCESS):
            return
        self.stack.timers.stop(self, LegTimer.CANCEL_UNANSWERED)
        self.dialog = Dialog.of_uac(self._invite, self.local_tag, response)
        ack = self.dialog.ack(self._invite.cseq)._replace(fields=proof_in(self._invite))
        self._ack = self.stack.endpoint.send_ack(ack, self.dialog_flow())
        if self.state is LegState.RELEASING:
            self.send_bye(now)
        else:
            self.agreed(response, now)
            self.tell(Answered(sdp_in(response)), now)

    def _repeated_success(self, response: Response, tag: str, now: float) -> None:
        """Repeat the ACK of a repeated 2xx (D3); hang another fork's dialog up (A3)."""
        assert self.dialog is not None
        if tag == self.dialog.remote_tag:
            self.stack.endpoint.resend(self._ack, self.dialog_flow())
        elif tag in self._forks:
            self.stack.endpoint.resend(self._forks[tag], self.flow)
        elif len(self._forks) < _MAX_FORKS:
            fork = Dialog.of_uac(self._invite, self.local_tag, response)
            self._forks[tag] = self.stack.endpoint.send_ack(fork.ack(self._invite.cseq), self.flow)
            self.stack.endpoint.request(fork.request("BYE"), self.flow, _Discarded(self), now)

    def _send_cancel(self, now: float) -> None:
        assert self._transaction is not None
        self.stack.endpoint.cancel(self._transaction, self._cancel_headers, self, now)
        self.stack.timers.start(self, LegTimer.CANCEL_UNANSWERED, now + TIMEOUT)


class _Discarded(Nobody):
    """User of a BYE to a fork: its answers come from where the leg's do."""

    __slots__ = ("_leg",)

    def __init__(self, leg: Leg) -> None:
        self._leg = leg

    def trusts(self, remote: Address) -> bool:
        return self._leg.trusts(remote)
