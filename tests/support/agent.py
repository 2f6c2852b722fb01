"""A scripted SIP user agent without I/O: calls, answers, rejects, cancels, hangs up."""

from collections import deque
from collections.abc import Callable
from enum import Enum, auto
from typing import NamedTuple

from edge.flow import Address, Flow, Transport
from edge.sip.dialog import Dialog
from edge.sip.digest import answer_challenge
from edge.sip.endpoint import Endpoint
from edge.sip.exchange import ClientTransaction, Fields, OutgoingRequest, ServerTransaction
from edge.sip.message import MalformedRequest, Request, Response
from edge.sip.timers import Armed, Timers
from edge.sip.timing import T1, T2, TIMEOUT
from edge.sip.uri import parse_uri
from edge.sip.writing import response_bytes
from tests.support.ids import CountingIds
from tests.support.reoffers import AgentReoffers, Offer, Reply
from tests.support.sdp import audio

ALLOW = ("Allow", "INVITE, ACK, CANCEL, BYE, OPTIONS")
SDP = ("Content-Type", "application/sdp")


class Step(NamedTuple):
    """One response to an INVITE."""

    after_s: float
    """Since the INVITE came."""
    status: int
    sdp: bool = False
    """Whether a provisional carries SDP; a 2xx always does."""
    tag: str | None = None
    """Another To tag than the usual one: the answer of another fork."""
    fields: Fields = ()
    port: int = 30_000
    """Of the media that the SDP announces."""
    body: bytes | None = None
    """None takes an ordinary answer where there is SDP."""


RINGS_AND_ANSWERS = (Step(0.0, 100), Step(0.1, 180), Step(2.0, 200))


class CalleePlan(NamedTuple):
    """What is done with an INVITE that comes in."""

    steps: tuple[Step, ...] = RINGS_AND_ANSWERS
    bye_after_s: float | None = None
    """Since the ACK."""
    heeds_cancel: bool = True
    """False: the INVITE goes its way in spite of a CANCEL, as when the two cross."""
    offers: tuple[Offer, ...] = ()
    replies: tuple[Reply, ...] = (Reply(),)
    """To re-INVITEs."""


class CallerPlan(NamedTuple):
    """What is done with a call of ours."""

    cancel_after_s: float | None = None
    """Since the INVITE; nothing is sent when a final response came before."""
    bye_after_s: float | None = None
    """Since the 2xx."""
    acknowledges: bool = True
    credentials: tuple[str, str] | None = None
    """User name and password for a challenge; None hangs up on it."""
    body: bytes | None = None
    """None takes an ordinary offer."""
    reinvite_after_s: float | None = None
    """Since the 2xx: a refresh with the same offer."""
    fields: Fields = ()
    ack_body: bytes | None = None
    """None answers an offer in the 2xx as usual."""
    offers: tuple[Offer, ...] = ()
    replies: tuple[Reply, ...] = (Reply(),)
    """To re-INVITEs."""


class _Due(Enum):
    STEP = auto()
    CANCEL = auto()
    BYE = auto()
    REPEAT = auto()
    GIVE_UP = auto()


class _AgentCall:
    """What both kinds of call share: timers, a dialog, how it ends."""

    def __init__(
        self, agent: "Agent", flow: Flow, offers: tuple[Offer, ...], replies: tuple[Reply, ...]
    ) -> None:
        self.agent = agent
        self.reoffers = AgentReoffers(agent, self, offers, replies)
        self.flow = flow
        self.armed: Armed = {}
        self.dialog: Dialog | None = None
        self.hung_up = False
        """Whether a BYE of either side has gone through."""
        self.bye: Request | None = None
        """The peer's."""
        self.finals: list[int] = []
        """Final responses to requests of ours, whatever the method."""

    def trusts(self, remote: Address) -> bool:
        """Trust the address that we sent to, which the endpoint knows without asking."""
        return False

    def wait(self, due: _Due, wait_s: float | None, now: float) -> None:
        """Arm a timer; None arms none."""
        if wait_s is not None:
            self.agent.timers.start(self, due, now + wait_s)

    def on_timer(self, timer: Enum, now: float) -> None:
        """Do what is due; only hanging up is common to both kinds."""
        if timer is _Due.BYE:
            self.hang_up(now)

    def hang_up(self, now: float) -> None:
        """Send BYE, once."""
        if self.dialog is not None and not self.hung_up:
            self.hung_up = True
            bye = self.dialog.request("BYE")
            self.agent.endpoint.request(bye, self.flow, self, now)
            self.reoffers.stop(now)

    def released(self, bye: Request, now: float) -> None:
        """Take the peer's BYE."""
        self.hung_up = True
        self.bye = bye
        self.armed.clear()
        self.reoffers.stop(now)

    def acknowledged(self, request: Request, now: float) -> None:
        """Take an ACK: of the answer to the call itself, or to a re-INVITE."""
        self.reoffers.acknowledged(request)

    def on_response(self, transaction: ClientTransaction, response: Response, now: float) -> None:
        """Note the answer to a BYE or CANCEL."""
        if response.status >= 200:
            self.finals.append(response.status)

    def on_no_response(self, transaction: ClientTransaction, now: float) -> None:
        """Note silence as a 408 (RFC 3261 §8.1.3.1)."""
        self.finals.append(408)

    def on_unreachable(self, transaction: ClientTransaction, now: float) -> None:
        """Note the network's refusal as a 503 (RFC 3261 §8.1.3.1)."""
        self.finals.append(503)


class PlacedCall(_AgentCall):
    """A call that the agent made."""

    def __init__(self, agent: "Agent", uri: str, caller: str, flow: Flow, plan: CallerPlan) -> None:
        refresh = () if plan.reinvite_after_s is None else (Offer(plan.reinvite_after_s),)
        super().__init__(agent, flow, (*plan.offers, *refresh), plan.replies)
        self.plan = plan
        self.caller = caller
        self.tag = agent.ids.tag()
        self.provisionals: list[Response] = []
        self.final: Response | None = None
        """None also when nobody answered in 64*T1."""
        self.no_response = False
        body = audio(agent.address[0]) if plan.body is None else plan.body
        self.invite = OutgoingRequest(
            method="INVITE",
            uri=uri,
            from_=f"<sip:{caller}@{agent.address[0]}>;tag={self.tag}",
            to=f"<{uri}>",
            call_id=agent.ids.call_id(),
            cseq=1,
            fields=(agent.contact, ALLOW, *plan.fields, *((SDP,) if body else ())),
            body=body,
        )
        self._transaction: ClientTransaction | None = None
        self._acks: dict[str, bytes] = {}

    @property
    def answered(self) -> bool:
        """Tell whether a 2xx came."""
        return self.final is not None and self.final.status < 300

    def start(self, now: float) -> None:
        """Send the INVITE."""
        self._transaction = self.agent.endpoint.request(self.invite, self.flow, self, now)
        self.wait(_Due.CANCEL, self.plan.cancel_after_s, now)

    def on_timer(self, timer: Enum, now: float) -> None:
        """Cancel or hang up as planned."""
        if timer is _Due.CANCEL:
            self.cancel(now)
        elif timer is _Due.GIVE_UP:
            self.abandon()
        else:
            super().on_timer(timer, now)

    def cancel(self, now: float) -> None:
        """Send CANCEL after a provisional, once; later than the final response nothing happens."""
        if self.final is None and self._transaction is not None and not self.no_response:
            self.agent.endpoint.cancel(self._transaction, (), self, now)
            self.wait(_Due.GIVE_UP, TIMEOUT, now)

    def abandon(self) -> None:
        """Wait for a final response no longer."""
        if self.final is None and self._transaction is not None and not self.no_response:
            self.agent.endpoint.abandon(self._transaction)
            self.no_response = True
            self.armed.clear()

    def on_response(self, transaction: ClientTransaction, response: Response, now: float) -> None:
        """Take what comes back."""
        if transaction.request.method != "INVITE":
            super().on_response(transaction, response, now)
        elif response.status < 200:
            self.provisionals.append(response)
        elif response.status < 300:
            self._succeeded(transaction, response, now)
        elif transaction is self._transaction:
            self.final = response
            self.armed.clear()
            self._retry(response, now)

    def on_no_response(self, transaction: ClientTransaction, now: float) -> None:
        """Note that nobody answered."""
        if transaction.request.method == "INVITE":
            self.no_response = True
        super().on_no_response(transaction, now)

    def _succeeded(self, transaction: ClientTransaction, response: Response, now: float) -> None:
        key = f"{transaction.request.cseq}/{response.to.tag}"
        if not self.plan.acknowledges:
            self.final = response
            if self.dialog is None:
                self.dialog = Dialog.of_uac(self.invite, self.tag, response)
            return
        if key in self._acks:
            self.agent.endpoint.resend(self._acks[key], self.flow)
            return
        if self.dialog is None:
            self.dialog = Dialog.of_uac(self.invite, self.tag, response)
            self.final = response
            self.agent.timers.stop(self, _Due.CANCEL)
            self.agent.timers.stop(self, _Due.GIVE_UP)
            self.wait(_Due.BYE, self.plan.bye_after_s, now)
            self.reoffers.begin(now)
        ack = self.dialog.ack(transaction.request.cseq, self._ack_body())
        self._acks[key] = self.agent.endpoint.send_ack(ack, self.flow)

    def _ack_body(self) -> bytes:
        if self.plan.ack_body is not None:
            return self.plan.ack_body
        return b"" if self.invite.body else audio(self.agent.address[0])

    def _retry(self, response: Response, now: float) -> None:
        credentials, self.plan = self.plan.credentials, self.plan._replace(credentials=None)
        if response.status not in (401, 407) or credentials is None:
            return
        asks, answers = "proxy-authenticate", "Proxy-Authorization"
        if response.status == 401:
            asks, answers = "www-authenticate", "Authorization"
        value = answer_challenge(
            response.headers.get(asks, []),
            username=credentials[0],
            password=credentials[1],
            method="INVITE",
            uri=self.invite.uri,
            cnonce=self.agent.ids.nonce(),
        )
        if value is not None:
            fields = (*self.invite.fields, (answers, value))
            self.invite = self.invite._replace(cseq=self.invite.cseq + 1, fields=fields)
            self.final = None
            self.start(now)


class TakenCall(_AgentCall):
    """A call that came in."""

    def __init__(
        self, agent: "Agent", request: Request, transaction: ServerTransaction, plan: CalleePlan
    ) -> None:
        super().__init__(agent, transaction.flow, plan.offers, plan.replies)
        self.plan = plan
        self.request = request
        self.dialog = Dialog.of_uas(request, transaction.to_tag)
        self.ack: Request | None = None
        self.cancelled = False
        self.status: int | None = None
        """The final response that was sent."""
        self._transaction = transaction
        self._answer = b""
        self._interval = T1
        self._began_at = 0.0
        self._steps = deque(plan.steps)
        transaction.user = self

    def start(self, now: float) -> None:
        """Begin with the first step."""
        self._began_at = now
        self._next_step(now)

    def on_timer(self, timer: Enum, now: float) -> None:
        """Answer, repeat the answer, or hang up as planned."""
        if timer is _Due.STEP:
            self._respond(self._steps.popleft(), now)
            self._next_step(now)
        elif timer is _Due.REPEAT:
            self.agent.endpoint.resend(self._answer, self.flow)
            self._interval = min(2 * self._interval, T2)
            self.wait(_Due.REPEAT, self._interval, now)
        elif timer is _Due.GIVE_UP:
            self.agent.timers.stop(self, _Due.REPEAT)
            self.hang_up(now)
        else:
            super().on_timer(timer, now)

    def on_cancel(self, request: Request, now: float) -> None:
        """Take a CANCEL before the final response."""
        self.cancelled = True
        if self.plan.heeds_cancel:
            self._steps.clear()
            self.armed.clear()
            self._respond(Step(0.0, 487), now)

    def acknowledged(self, request: Request, now: float) -> None:
        """Take the ACK of our 2xx: it is not repeated any more."""
        super().acknowledged(request, now)
        if self.ack is None:
            self.ack = request
            self.agent.timers.stop(self, _Due.REPEAT)
            self.agent.timers.stop(self, _Due.GIVE_UP)
            self.wait(_Due.BYE, self.plan.bye_after_s, now)
            self.reoffers.begin(now)

    def _next_step(self, now: float) -> None:
        while self._steps and self._began_at + self._steps[0].after_s <= now:
            self._respond(self._steps.popleft(), now)
        if self._steps:
            self.wait(_Due.STEP, self._began_at + self._steps[0].after_s - now, now)

    def _respond(self, step: Step, now: float) -> None:
        transaction, endpoint = self._transaction, self.agent.endpoint
        with_sdp = step.status < 300 and (step.sdp or step.status >= 200)
        fields = (self.agent.contact, *step.fields, *((SDP,) if with_sdp else ()))
        body = audio(self.agent.address[0], step.port) if with_sdp else b""
        body = body if step.body is None else step.body
        reason = f"Status {step.status}"
        tag = transaction.to_tag if step.tag is None else step.tag
        if transaction.request is None:  # a further 2xx, from another fork
            answer = response_bytes(
                self.request, self.flow, step.status, reason, to_tag=tag, fields=fields, body=body
            )
            endpoint.resend(answer, self.flow)
            return
        usual, transaction.to_tag = transaction.to_tag, tag
        answer = endpoint.respond(transaction, step.status, reason, now, fields=fields, body=body)
        transaction.to_tag = usual
        if step.status >= 200:
            self.status = step.status
        if with_sdp and step.status >= 200:
            self._answered(answer, tag, now)

    def _answered(self, answer: bytes, tag: str, now: float) -> None:
        self._answer = answer
        self.dialog = Dialog.of_uas(self.request, tag)
        self.wait(_Due.REPEAT, T1, now)
        self.wait(_Due.GIVE_UP, TIMEOUT, now)


class Agent:
    """One SIP peer with any number of calls."""

    def __init__(
        self,
        name: str,
        address: Address,
        *,
        plan_of: Callable[[Request], CalleePlan] = lambda request: CalleePlan(),
        transport: Transport = Transport.UDP,
    ) -> None:
        """`plan_of` says what is done with an INVITE that comes in; `transport` is that of calls
        that the agent places."""
        self.name = name
        self.address = address
        self.transport = transport
        self.ids = CountingIds(name)
        self.timers = Timers()
        self.placed: list[PlacedCall] = []
        self.taken: list[TakenCall] = []
        self.strays: list[Request] = []
        """Requests that belonged to nothing."""
        self.ping_answer: int | None = 200
        """Answer to OPTIONS outside a dialog; None leaves them unanswered."""
        self.bye_challenge: Callable[[Request], Fields] = lambda request: ()
        """Header fields of the 407 that a BYE gets; none for a BYE that is taken."""
        self.registered: list[Request] = []
        """REGISTER requests that came."""
        self.register_answer: Callable[[Request], tuple[int, Fields]] = lambda request: (200, ())
        self.contact = ("Contact", f"<sip:{name}@{address[0]}:{address[1]}>")
        self.plan_of = plan_of
        self._outgoing: list[tuple[bytes, Flow]] = []
        self.endpoint = Endpoint(
            timers=self.timers,
            ids=self.ids,
            send=lambda data, flow: self._outgoing.append((data, flow)),
            user=self,
        )

    @property
    def is_quiet(self) -> bool:
        """Tell whether no transaction and no timer is left."""
        return self.endpoint.pending() == 0 and len(self.timers) == 0

    def flow(self, remote: Address) -> Flow:
        """Return the way to a peer."""
        return Flow(self.transport, self.address, remote)

    def call(
        self,
        uri: str,
        edge: Address,
        plan: CallerPlan,
        now: float,
        *,
        caller: str = "+12065550100",
        to: str | None = None,
    ) -> PlacedCall:
        """Place a call; `to` is another To than the Request-URI."""
        placed = PlacedCall(self, uri, caller, self.flow(edge), plan)
        if to is not None:
            placed.invite = placed.invite._replace(to=to)
        self.placed.append(placed)
        placed.start(now)
        return placed

    # Party, for the link

    def take(self, data: bytes, flow: Flow, now: float) -> None:
        """Take a datagram."""
        self.endpoint.receive(data, flow, now)

    def refused(self, remote: Address, now: float) -> None:
        """Hear that nobody listens at an address."""
        self.endpoint.unreachable(remote, Transport.UDP, now)

    def tick(self, now: float) -> None:
        """Fire what is due."""
        self.timers.fire(now)

    def deadline(self) -> float | None:
        """Return when the next timer is due."""
        return self.timers.deadline()

    def outgoing(self) -> list[tuple[bytes, Flow]]:
        """Return what is to be sent, once."""
        sent, self._outgoing[:] = list(self._outgoing), []
        return sent

    # TransactionUser, for the endpoint

    def on_request(self, request: Request, flow: Flow, now: float) -> None:
        """Take a request that belongs to no transaction."""
        call = self._call_of(request)
        if request.method == "ACK":
            if call is not None:
                call.acknowledged(request, now)
        elif request.method == "INVITE" and request.to.tag is None:
            transaction = self.endpoint.serve(request, flow)
            taken = TakenCall(self, request, transaction, self.plan_of(request))
            self.taken.append(taken)
            taken.start(now)
        elif request.method == "BYE" and call is not None:
            challenge = self.bye_challenge(request)
            if challenge:
                self.endpoint.respond_statelessly(request, flow, 407, "Who", challenge)
                return
            self.endpoint.respond(self.endpoint.serve(request, flow), 200, "OK", now)
            call.released(request, now)
        elif request.method == "INVITE" and call is not None:
            call.reoffers.take(request, self.endpoint.serve(request, flow), now)
        elif request.method == "OPTIONS" and request.to.tag is None:
            if self.ping_answer is not None:
                self.endpoint.respond_statelessly(request, flow, self.ping_answer, "Ping")
        elif request.method == "REGISTER":
            self.registered.append(request)
            status, fields = self.register_answer(request)
            if status:
                self.endpoint.respond_statelessly(request, flow, status, "Register", fields)
        else:
            self.strays.append(request)
            self.endpoint.respond_statelessly(request, flow, 481, "Does Not Exist")

    def on_malformed(self, error: MalformedRequest, flow: Flow, now: float) -> None:
        """Fail: the edge never sends what it would not read itself."""
        raise AssertionError(f"{self.name} cannot read what came: {error}")

    def _call_of(self, request: Request) -> _AgentCall | None:
        for call in (*self.placed, *self.taken):
            if call.dialog is not None and call.dialog.call_id == request.call_id:
                if call.dialog.local_tag == request.to.tag:
                    return call
        return None


def user_of(request: Request) -> str:
    """Return the user part of a Request-URI."""
    return parse_uri(request.uri).user_text
