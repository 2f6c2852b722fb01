"""What both kinds of leg do inside a dialog: BYE, re-INVITE, OPTIONS, repeated answers.

States of a leg, both kinds in one list:

    EARLY, ANSWERED, CLOSING      only a leg that was called (UasLeg): INVITE pending, 2xx sent,
                                  2xx sent but already to be hung up
    INVITING, PROCEEDING,         only a leg that calls (UacLeg): nothing heard, provisional heard,
    ABANDONED, CANCELLING         given up before and after a provisional
    CONFIRMED, RELEASING, ENDED   both: dialog up, our BYE is out, nothing left

A pair that the table lacks is refused: the message is a stray or has lost a race.
"""

from collections.abc import Mapping
from enum import Enum, auto
from typing import Protocol

from edge.call.events import Acknowledged, Ended, LegEvent, Released, Reoffered, Unacknowledged
from edge.call.machine import Machine
from edge.call.outcome import ACK_TIMEOUT
from edge.flow import Address, Flow, Transport
from edge.ids import Ids
from edge.policy.content import sdp_in
from edge.policy.header_policy import Way, ending_headers, timestamp_of
from edge.policy.verdict import ACCEPT, ALLOW
from edge.routing.targets import Target
from edge.sip.dialog import Dialog, target_of
from edge.sip.endpoint import Endpoint
from edge.sip.exchange import ClientTransaction, Fields, ServerTransaction
from edge.sip.message import Request, Response
from edge.sip.timers import Timers
from edge.sip.timing import T1, T2, TIMEOUT
from edge.symbol import Symbol

SDP_TYPE = ("Content-Type", "application/sdp")


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


class LegUser(Protocol):
    """Whoever a leg belongs to."""

    def on_leg_event(self, leg: "Leg", event: LegEvent, now: float) -> None:
        """Hear what happened on a leg."""

    def trusts(self, leg: "Leg", address: str) -> bool:
        """Tell whether an address belongs to the leg's peer (EDGE S10, D12, S16)."""


class Stack:
    """What every leg of a node stands on."""

    __slots__ = ("_hosts", "_tls", "address", "dialogs", "endpoint", "ids", "product", "timers")

    def __init__(
        self,
        *,
        endpoint: Endpoint,
        timers: Timers,
        ids: Ids,
        address: Address,
        product: str,
        tls_port: int = 5061,
    ) -> None:
        self.endpoint = endpoint
        self.timers = timers
        self.ids = ids
        self.address = address
        """Advertised SIP address of UDP and TCP."""
        self._tls = (address[0], tls_port)
        self.product = product
        """User-Agent and Server, without a version."""
        self.dialogs: dict[str, Leg] = {}
        """Legs by their local tag."""
        self._hosts: dict[str, int] = {}

    def add(self, leg: "Leg") -> None:
        """Make a leg findable."""
        self.dialogs[leg.local_tag] = leg
        host = leg.flow.remote[0]
        self._hosts[host] = self._hosts.get(host, 0) + 1

    def remove(self, leg: "Leg") -> None:
        """Forget a leg; nothing happens when it is forgotten already."""
        if self.dialogs.pop(leg.local_tag, None) is None:
            return
        host = leg.flow.remote[0]
        left = self._hosts[host] - 1
        if left:
            self._hosts[host] = left
        else:
            del self._hosts[host]

    def has_leg_at(self, host: str) -> bool:
        """Tell whether a leg's peer is at this address (EDGE S1)."""
        return host in self._hosts

    def uses(self, connection: int) -> bool:
        """Tell whether a dialog goes over a stream connection (EDGE W4)."""
        return any(leg.flow.connection == connection for leg in self.dialogs.values())

    def flow_to(self, target: Target) -> Flow:
        """Return the way to a place that is called."""
        local = self._local(target.transport)
        return Flow(target.transport, local, target.address, tls_name=target.tls_name)

    def _local(self, transport: Transport) -> Address:
        return self._tls if transport is Transport.TLS else self.address

    def contact(self, transport: Transport) -> tuple[str, str]:
        """Return our Contact header (EDGE B3)."""
        host, port = self._local(transport)
        return ("Contact", f"<sip:{host}:{port};transport={transport.lower()}>")

    def leg_of(self, request: Request, flow: Flow) -> "Leg | None":
        """Return the leg whose dialog a request belongs to and whose peer sent it (EDGE S16)."""
        leg = self.dialogs.get(request.to.tag or "")
        if leg is None or leg.dialog is None or not leg.dialog.holds(request):
            return None
        return leg if leg.trusts(flow.remote) else None


class Leg:
    """One side of a call."""

    __slots__ = (
        "_answer",
        "_answer_cseq",
        "_answer_flow",
        "_answer_interval",
        "_bye_headers",
        "_hop",
        "_reinvite",
        "_way",
        "armed",
        "dialog",
        "flow",
        "local_tag",
        "machine",
        "stack",
        "user",
    )

    def __init__(
        self,
        stack: Stack,
        user: LegUser,
        flow: Flow,
        way: Way,
        table: LegTable,
        state: LegState,
        tag: str,
    ) -> None:
        self.stack = stack
        self.user = user
        self.flow = flow
        """Where the peer's INVITE came from, or where ours went."""
        self._way = way
        self.machine: Machine[LegState, LegInput] = Machine(table, state)
        self.local_tag = tag
        self.dialog: Dialog | None = None
        self.armed: dict[Enum, float] = {}
        self._reinvite: ServerTransaction | None = None
        self._answer = b""
        self._answer_cseq = -1
        self._answer_flow = flow
        self._answer_interval = T1
        self._bye_headers: Fields = ()
        """What the BYE says that has to wait for the ACK (EDGE E8)."""
        self._hop: Flow | None = None
        stack.add(self)

    @property
    def state(self) -> LegState:
        """Return the state; only the table changes it."""
        return self.machine.state

    def trusts(self, remote: Address) -> bool:
        """Tell whether a message from this address may belong to the leg."""
        return remote[0] == self.flow.remote[0] or self.user.trusts(self, remote[0])

    def adopt(self, flow: Flow) -> None:
        """Go on over a stream connection that the peer has used (EDGE W6)."""
        mine = self.flow
        if flow.connection and flow.connection != mine.connection:
            if (flow.transport, flow.remote[0]) == (mine.transport, mine.remote[0]):
                again = mine.reconnect or (None if mine.connection else mine.remote)
                self.flow = flow._replace(reconnect=again, tls_name=mine.tls_name)
                self._hop = None

    def hang_up(self, now: float, headers: Fields = ()) -> None:
        """End the dialog with a BYE; nothing happens in a state that has no dialog."""
        if self.machine.take(LegInput.HANG_UP):
            self._bye_headers = headers
            if self.state is LegState.RELEASING:
                self.send_bye(now, headers)

    def accept_reoffer(self, body: bytes, now: float) -> None:
        """Answer the pending re-INVITE with 200 and this SDP; its Contact counts from now (D12)."""
        transaction, self._reinvite = self._reinvite, None
        if transaction is not None and transaction.request is not None:
            if self.dialog is not None:
                contact, before = transaction.request.contact, self.dialog.remote_target
                self.dialog.remote_target = target_of(contact, before)
                self._hop = None
            self.send_answer(transaction, body, now)

    def refuse_reoffer(self, status: int, reason: str, fields: Fields, now: float) -> None:
        """Refuse the pending re-INVITE; session and media stay as they are (EDGE D7)."""
        transaction, self._reinvite = self._reinvite, None
        if transaction is not None:
            self.stack.endpoint.respond(transaction, status, reason, now, fields=fields)

    def on_request(self, request: Request, flow: Flow, now: float) -> None:
        """Take a request inside the dialog."""
        self.adopt(flow)
        if request.method == "ACK":
            self._on_ack(request, now)
            return
        endpoint = self.stack.endpoint
        transaction = endpoint.serve(request, flow)
        if self.dialog is None or not self.dialog.accepts(request):
            endpoint.respond(transaction, 500, "CSeq Out Of Order", now)
        elif request.method == "BYE":
            endpoint.respond(transaction, 200, "OK", now)
            self._on_bye(request, now)
        elif request.method == "INVITE":
            self._on_reinvite(request, transaction, now)
        elif request.method == "OPTIONS":
            endpoint.respond(transaction, 200, "OK", now, fields=(ALLOW, ACCEPT))
        else:
            endpoint.respond(transaction, 405, "Method Not Allowed", now, fields=(ALLOW,))

    def on_timer(self, timer: Enum, now: float) -> None:
        """Repeat the 2xx, or give up waiting for its ACK (EDGE D2)."""
        if timer is LegTimer.REPEAT_ANSWER:
            self.stack.endpoint.resend(self._answer, self._answer_flow)
            self._answer_interval = min(2 * self._answer_interval, T2)
            self.stack.timers.start(self, timer, now + self._answer_interval)
        elif timer is LegTimer.ACK_MISSING:
            self._answer_done()
            if self.machine.take(LegInput.NO_ACK):
                self.send_bye(now, ACK_TIMEOUT.headers)
            self.tell(Unacknowledged(), now)

    def on_response(self, transaction: ClientTransaction, response: Response, now: float) -> None:
        """Take the answer to our BYE; any final one ends the leg (EDGE D1)."""
        if transaction.request.method == "BYE" and response.status >= 200:
            self._bye_done(now)

    def on_no_response(self, transaction: ClientTransaction, now: float) -> None:
        """Take the silence that our BYE met."""
        if transaction.request.method == "BYE":
            self._bye_done(now)

    def on_unreachable(self, transaction: ClientTransaction, now: float) -> None:
        """Take the network's refusal as silence."""
        self.on_no_response(transaction, now)

    def tell(self, event: LegEvent, now: float) -> None:
        """Tell the user; nothing is told twice because states are left only once."""
        self.user.on_leg_event(self, event, now)

    def end(self, now: float) -> None:
        """Forget the dialog; the machine is in ENDED."""
        self._answer_done()
        self.armed.clear()
        if self._reinvite is not None:
            self.refuse_reoffer(487, "Request Terminated", (), now)
        self.stack.remove(self)
        self.tell(Ended(), now)

    def send_answer(self, transaction: ServerTransaction, body: bytes, now: float) -> None:
        """Send a 2xx to an INVITE and repeat it until its ACK comes."""
        assert transaction.request is not None
        self._answer_cseq = transaction.request.cseq.number
        self._answer_flow = transaction.flow
        self._answer = self.stack.endpoint.respond(
            transaction,
            200,
            "OK",
            now,
            fields=(self.stack.contact(self.flow.transport), ALLOW, SDP_TYPE),
            body=body,
        )
        self._answer_interval = T1
        self.stack.timers.start(self, LegTimer.REPEAT_ANSWER, now + T1)
        self.stack.timers.start(self, LegTimer.ACK_MISSING, now + TIMEOUT)

    def crossing(self, message: Request | Response) -> Fields:
        """Return what of a BYE, CANCEL or final answer may cross to the other leg (EDGE 1.11)."""
        return ending_headers(message, self._way, self.stack.address[0])

    def send_bye(self, now: float, headers: Fields = ()) -> None:
        """Send the BYE that a HANG_UP or a missing ACK demands."""
        assert self.dialog is not None
        request = self.dialog.request("BYE", headers)
        self.stack.endpoint.request(request, self.dialog_flow(), self, now)

    def dialog_flow(self) -> Flow:
        """Return where requests inside the dialog go (EDGE D12, W6).

        That is the peer's Contact or first Route where its address is the dialog's own or belongs
        to the peer's configured set; else the address that the dialog was made with. A stream
        connection is used as long as it is open, and only its successor goes there.
        """
        if self._hop is None:
            hop = None if self.dialog is None else self.dialog.next_hop()
            self._hop = self.flow
            if hop is not None and self.trusts((hop.host, 0)):
                address = (hop.host, hop.port or self.flow.transport.default_port)
                if self.flow.connection:
                    self._hop = self.flow._replace(reconnect=address)
                else:
                    self._hop = self.flow._replace(remote=address)
        return self._hop

    def _on_ack(self, request: Request, now: float) -> None:
        if request.cseq.number != self._answer_cseq or not self._answer:
            return
        self._answer_done()
        closing = self.state is LegState.CLOSING
        self.machine.take(LegInput.ACK)
        if closing:
            self.send_bye(now, self._bye_headers)
        self.tell(Acknowledged(sdp_in(request)), now)

    def _on_bye(self, request: Request, now: float) -> None:
        releasing = self.state is LegState.RELEASING
        if self.machine.take(LegInput.BYE) and not releasing:
            self.tell(Released(self.crossing(request)), now)
            self.end(now)

    def _on_reinvite(self, request: Request, transaction: ServerTransaction, now: float) -> None:
        endpoint = self.stack.endpoint
        objection = self._objection_to(request)
        if objection is not None:
            status, reason, fields = objection
            endpoint.respond(transaction, status, reason, now, fields=fields)
            return
        endpoint.respond(transaction, 100, "Trying", now, fields=timestamp_of(request))
        self._reinvite = transaction
        self.tell(Reoffered(sdp_in(request)), now)

    def _objection_to(self, reinvite: Request) -> tuple[int, str, Fields] | None:
        """Return the refusal of a re-INVITE that cannot even be looked at (EDGE D5, R22)."""
        if self.state is LegState.EARLY:
            # The first INVITE has no final answer yet (RFC 3261 §14.2).
            wait = str(self.stack.ids.below(11))
            return 500, "Request Pending", (("Retry-After", wait),)
        if self.state in (LegState.CLOSING, LegState.RELEASING):
            return 481, "Call Is Ending", ()
        if self.state is not LegState.CONFIRMED or self._answer:
            return 491, "Request Pending", ()
        required = [
            *reinvite.headers.get("require", ()),
            *reinvite.headers.get("proxy-require", ()),
        ]
        if any(required):
            return 420, "Bad Extension", (("Unsupported", ", ".join(filter(None, required))),)
        return None

    def _answer_done(self) -> None:
        self._answer = b""
        self.stack.timers.stop(self, LegTimer.REPEAT_ANSWER)
        self.stack.timers.stop(self, LegTimer.ACK_MISSING)

    def _bye_done(self, now: float) -> None:
        if self.machine.take(LegInput.BYE_DONE):
            self.end(now)
