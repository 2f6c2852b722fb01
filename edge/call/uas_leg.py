"""The leg that called us: answers an INVITE (RFC 3261 §13.3, EDGE 1.6)."""

from edge.call.events import Cancelled
from edge.call.leg import SDP_TYPE, Leg, LegUser, Stack
from edge.call.leg_states import IN_DIALOG, LegInput, LegState, LegTable
from edge.policy.header_policy import Way
from edge.sip.dialog import Dialog
from edge.sip.exchange import Fields, ServerTransaction
from edge.sip.message import Request

UAS_LEG: LegTable = {
    **IN_DIALOG,
    (LegState.EARLY, LegInput.ANSWER): LegState.ANSWERED,
    (LegState.EARLY, LegInput.REFUSE): LegState.ENDED,
    (LegState.EARLY, LegInput.CANCEL): LegState.ENDED,
    # A caller may hang up an early dialog with BYE (RFC 3261 §15, EDGE E8).
    (LegState.EARLY, LegInput.BYE): LegState.ENDED,
    (LegState.ANSWERED, LegInput.ACK): LegState.CONFIRMED,
    (LegState.ANSWERED, LegInput.BYE): LegState.ENDED,
    # A callee may not send BYE before the ACK (RFC 3261 §15).
    (LegState.ANSWERED, LegInput.HANG_UP): LegState.CLOSING,
    (LegState.ANSWERED, LegInput.NO_ACK): LegState.RELEASING,
    (LegState.CLOSING, LegInput.ACK): LegState.RELEASING,
    (LegState.CLOSING, LegInput.NO_ACK): LegState.RELEASING,
    (LegState.CLOSING, LegInput.BYE): LegState.ENDED,
}


class UasLeg(Leg):
    """A leg whose INVITE we answer."""

    __slots__ = ("_invite",)

    def __init__(
        self,
        stack: Stack,
        user: LegUser,
        way: Way,
        invite: Request,
        transaction: ServerTransaction,
    ) -> None:
        super().__init__(
            stack, user, transaction.flow, way, UAS_LEG, LegState.EARLY, transaction.to_tag
        )
        self._invite: ServerTransaction | None = transaction
        transaction.user = self
        self.dialog = Dialog.of_uas(invite, transaction.to_tag)

    def count_responses(self, codes: list[int]) -> None:
        """Count the responses of the leg, those to its INVITE included."""
        super().count_responses(codes)
        if self._invite is not None:
            self._invite.codes = codes

    def progress(self, status: int, reason: str, body: bytes, now: float) -> None:
        """Send a provisional response, with SDP when there is some."""
        if self._invite is not None and self.state is LegState.EARLY:
            fields: Fields = (self.stack.contact(self.flow.transport),)
            if body:
                fields = (*fields, SDP_TYPE)
            self.stack.endpoint.respond(self._invite, status, reason, now, fields=fields, body=body)

    def answer(self, body: bytes, now: float) -> None:
        """Send the 200; it is repeated until the ACK comes."""
        if self._invite is not None and self.machine.take(LegInput.ANSWER):
            transaction, self._invite = self._invite, None
            self.send_answer(transaction, body, now)

    def reject(self, status: int, reason: str, now: float, fields: Fields = ()) -> None:
        """Send a final response of 300 or more."""
        if self.machine.take(LegInput.REFUSE):
            self._refuse(status, reason, fields, now)
            self.end(now)

    def on_cancel(self, request: Request, now: float) -> None:
        """Take a CANCEL that came before the final response: 487 (EDGE E1)."""
        if self.machine.take(LegInput.CANCEL):
            self._refuse(487, "Request Terminated", (), now)
            self.tell(Cancelled(self.crossing(request)), now)
            self.end(now)

    def _on_bye(self, request: Request, now: float) -> None:
        if self.state is not LegState.EARLY:
            super()._on_bye(request, now)
        elif self.machine.take(LegInput.BYE):
            self._refuse(487, "Request Terminated", (), now)
            self.tell(Cancelled(self.crossing(request)), now)
            self.end(now)

    def _refuse(self, status: int, reason: str, fields: Fields, now: float) -> None:
        transaction, self._invite = self._invite, None
        if transaction is not None:
            self.stack.endpoint.respond(transaction, status, reason, now, fields=fields)
