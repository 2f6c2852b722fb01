"""What both kinds of leg do inside a dialog: BYE, re-INVITE, OPTIONS, repeated answers."""

from enum import Enum
from typing import Final, Protocol

from edge.call.events import Acknowledged, Ended, LegEvent, Released, Unacknowledged
from edge.call.leg_states import LegInput, LegState, LegTable, LegTimer
from edge.call.machine import Machine
from edge.call.objection import Objection, pending
from edge.call.outcome import ACK_TIMEOUT
from edge.call.reinvite import Reinvites
from edge.call.session_timer import SessionTimer
from edge.flow import Address, Flow, Transport
from edge.ids import Ids
from edge.policy.content import sdp_in
from edge.policy.header_policy import Way, ending_headers
from edge.policy.verdict import ACCEPT, ALLOW, SUPPORTED
from edge.routing.targets import Target
from edge.sip.dialog import Dialog, target_of
from edge.sip.endpoint import Endpoint
from edge.sip.exchange import ClientTransaction, Fields, OutgoingRequest, ServerTransaction
from edge.sip.headers import NameAddress
from edge.sip.message import Request, Response
from edge.sip.timers import Armed, Timers
from edge.sip.timing import T1, T2, TIMEOUT

SDP_TYPE = ("Content-Type", "application/sdp")


class LegUser(Protocol):
    """Whoever a leg belongs to."""

    def on_leg_event(self, leg: "Leg", event: LegEvent, now: float) -> None:
        """Hear what happened on a leg."""

    def trusts(self, leg: "Leg", address: str) -> bool:
        """Tell whether an address belongs to the leg's peer (EDGE S10, D12, S16)."""


class _Nobody:
    """User of a leg that has ended."""

    def on_leg_event(self, leg: "Leg", event: LegEvent, now: float) -> None:
        """Ignore it."""

    def trusts(self, leg: "Leg", address: str) -> bool:
        """Trust no other address than the leg's own any more."""
        return False


_NOBODY: Final[LegUser] = _Nobody()


class Stack:
    """What every leg of a node stands on."""

    __slots__ = (
        *("_contacts", "_hosts", "_tls", "address", "dialogs"),
        *("endpoint", "ids", "product", "timers"),
    )

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
        self._contacts: dict[Transport, tuple[str, str]] = {}

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
        local = self.local(target.transport)
        return Flow(target.transport, local, target.address, tls_name=target.tls_name)

    def local(self, transport: Transport) -> Address:
        """Return what the node calls itself on a transport."""
        return self._tls if transport is Transport.TLS else self.address

    def contact(self, transport: Transport) -> tuple[str, str]:
        """Return our Contact header (EDGE B3)."""
        contact = self._contacts.get(transport)
        if contact is None:
            host, port = self.local(transport)
            contact = ("Contact", f"<sip:{host}:{port};transport={transport.lower()}>")
            self._contacts[transport] = contact
        return contact

    def leg_of(self, request: Request, flow: Flow) -> "Leg | None":
        """Return the leg whose dialog a request belongs to and whose peer sent it (EDGE S16)."""
        leg = self.dialogs.get(request.to.tag or "")
        if leg is None or leg.dialog is None or not leg.dialog.holds(request):
            return None
        return leg if leg.trusts(flow.remote) else None


class Leg:
    """One side of a call."""

    calls = False
    """Whether the dialog's Call-ID is ours (RFC 3261 §14.1)."""

    __slots__ = (
        "_answer",
        "_answer_cseq",
        "_answer_flow",
        "_answer_interval",
        "_bye_headers",
        "_hop",
        "_way",
        "armed",
        "codes",
        "dialog",
        "flow",
        "local_tag",
        "machine",
        "reinvites",
        "session",
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
        self.codes: list[int] | None = None
        """Where the responses of its transactions are counted; None for nobody's (EDGE X8)."""
        self.armed: Armed = {}
        self.reinvites = Reinvites(self, stack.endpoint, stack.timers, stack.ids)
        self.session: SessionTimer | None = None
        """None as long as the peer has said nothing of one."""
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

    def count_responses(self, codes: list[int]) -> None:
        """Count the responses of the leg, by the first digit of their status, from now on."""
        self.codes = codes

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
            self._stop(now)
            if self.state is LegState.RELEASING:
                self.send_bye(now, headers)

    def retarget(self, contact: NameAddress | None) -> None:
        """Take the Contact of a re-INVITE or of a 2xx as the new remote target (EDGE D12)."""
        if self.dialog is not None:
            self.dialog.remote_target = target_of(contact, self.dialog.remote_target)
            self._hop = None

    def invite_fields(self) -> Fields:
        """Return what an INVITE with SDP inside the dialog carries (EDGE B5, B6)."""
        session = () if self.session is None else self.session.fields()
        return (self.stack.contact(self.flow.transport), ALLOW, SUPPORTED, *session, SDP_TYPE)

    def agreed(self, response: Response, now: float) -> None:
        """Take what a 2xx to an INVITE of ours says of the session timer (EDGE ST2)."""
        if self.session is None and "session-expires" in response.headers:
            self.session = SessionTimer(self, self.stack.timers)
        if self.session is not None:
            self.session.agreed(response, now)

    def has_longer_interval(self, seconds: int) -> bool:
        """Take a peer's Min-SE; False when there is no session timer (EDGE ST3)."""
        return self.session is not None and self.session.has_longer_interval(seconds)

    def proven(self, request: OutgoingRequest, challenge: Response) -> OutgoingRequest | None:
        """Return a challenged request again with credentials, None without any (EDGE F13)."""
        return None

    def on_request(self, request: Request, flow: Flow, now: float) -> None:
        """Take a request inside the dialog."""
        self.adopt(flow)
        if request.method == "ACK":
            self._on_ack(request, now)
            return
        endpoint = self.stack.endpoint
        transaction = endpoint.serve(request, flow)
        transaction.codes = self.codes
        if self.dialog is None or not self.dialog.accepts(request):
            endpoint.respond(transaction, 500, "CSeq Out Of Order", now)
        elif request.method == "BYE":
            endpoint.respond(transaction, 200, "OK", now)
            self._on_bye(request, now)
        elif request.method == "INVITE":
            self.reinvites.take(request, transaction, now)
        elif request.method == "OPTIONS":
            endpoint.respond(transaction, 200, "OK", now, fields=(ALLOW, ACCEPT, SUPPORTED))
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
        """Forget the dialog; the machine is in ENDED.

        Transactions that outlive it (Timers D, I, M) still know the leg. It lets go of all that
        knows it in turn: circles of objects would stay until a search for them, which stops every
        call of the node.
        """
        self._answer_done()
        self.armed.clear()
        self._stop(now)
        self.stack.remove(self)
        self.tell(Ended(), now)
        self.user = _NOBODY
        self.session = None
        del self.reinvites

    def send_answer(self, transaction: ServerTransaction, body: bytes, now: float) -> None:
        """Send a 2xx to an INVITE and repeat it until its ACK comes."""
        assert transaction.request is not None
        request = transaction.request
        session: Fields = ()
        if self.session is None and "session-expires" in request.headers:
            self.session = SessionTimer(self, self.stack.timers)
        if self.session is not None:
            session = self.session.answer(request, now)
        self._answer_cseq = request.cseq.number
        self._answer_flow = transaction.flow
        self._answer = self.stack.endpoint.respond(
            transaction,
            200,
            "OK",
            now,
            fields=(
                self.stack.contact(self.flow.transport),
                ALLOW,
                SUPPORTED,
                *session,
                SDP_TYPE,
            ),
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
        sent = self.stack.endpoint.request(request, self.dialog_flow(), self, now)
        sent.codes = self.codes

    def objection(self) -> Objection | None:
        """Return why no re-INVITE of either side can be begun now (EDGE D5)."""
        if self.state is LegState.EARLY:
            # The first INVITE has no final answer yet (RFC 3261 §14.2).
            return pending(self.stack.ids)
        if self.state in (LegState.CLOSING, LegState.RELEASING):
            return Objection(481, "Call Is Ending")
        if self.state is not LegState.CONFIRMED or self._answer:
            return Objection(491, "Request Pending")
        return None

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

    def _stop(self, now: float) -> None:
        """Let nothing but the end of the dialog happen any more (EDGE D11)."""
        self.reinvites.end(now)
        if self.session is not None:
            self.session.stop()

    def _answer_done(self) -> None:
        self._answer = b""
        self.stack.timers.stop(self, LegTimer.REPEAT_ANSWER)
        self.stack.timers.stop(self, LegTimer.ACK_MISSING)

    def _bye_done(self, now: float) -> None:
        if self.machine.take(LegInput.BYE_DONE):
            self.end(now)
