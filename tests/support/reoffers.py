"""What a scripted agent does with re-INVITEs: offers some, answers those that come."""

from collections import deque
from enum import Enum, auto
from typing import NamedTuple, Protocol

from edge.flow import Address, Flow
from edge.media.sdp import SdpError, read
from edge.media.session import Direction
from edge.sip.dialog import Dialog
from edge.sip.endpoint import Endpoint
from edge.sip.exchange import ClientTransaction, Fields, ServerTransaction
from edge.sip.message import Request, Response
from edge.sip.timers import Armed, Timers
from edge.sip.timing import T1, T2, TIMEOUT
from tests.support.sdp import audio

SDP = ("Content-Type", "application/sdp")
PORT = 20_000


class Offer(NamedTuple):
    """One re-INVITE of the agent's."""

    after_s: float
    """Since the call is up for the agent: its 2xx came, or the ACK of it."""
    direction: str = "sendrecv"
    body: bytes | None = None
    """None takes an ordinary offer with `direction`, empty asks for one."""
    ack_direction: str = "sendrecv"
    """What the ACK answers when the other side made the offer."""
    ack_body: bytes | None = None
    """None takes an ordinary answer with that direction."""
    cancel_after_s: float | None = None
    """Since the re-INVITE."""
    fields: Fields = ()


class Reply(NamedTuple):
    """What the agent says to a re-INVITE."""

    status: int = 200
    """0 is silence, 100 nothing but that."""
    after_s: float = 0.0
    """A 100 goes out at once when it takes a while."""
    direction: str | None = None
    """None answers what the offer leaves of the direction that the agent offered last."""
    body: bytes | None = None
    """None takes an ordinary answer."""
    fields: Fields = ()


class _Due(Enum):
    OFFER = auto()
    CANCEL = auto()
    REPLY = auto()
    REPEAT = auto()
    GIVE_UP = auto()


class Talker(Protocol):
    """The agent, as far as its re-INVITEs need it."""

    address: Address
    endpoint: Endpoint
    timers: Timers
    contact: tuple[str, str]


class TalkingCall(Protocol):
    """The agent's call."""

    dialog: Dialog | None
    flow: Flow
    hung_up: bool

    def hang_up(self, now: float) -> None:
        """Send BYE, once."""


class AgentReoffers:
    """The re-INVITEs of one call of an agent, both ways."""

    def __init__(
        self,
        agent: Talker,
        call: TalkingCall,
        offers: tuple[Offer, ...],
        replies: tuple[Reply, ...],
    ) -> None:
        """The last reply serves for all that come after it."""
        self.agent = agent
        self.call = call
        self.armed: Armed = {}
        self.heard: list[Response] = []
        """Responses to re-INVITEs of the agent's, provisional ones included."""
        self.taken: list[Request] = []
        """Re-INVITEs that came."""
        self.acks: list[Request] = []
        """Of the 2xx to them."""
        self.direction = Direction.SENDRECV
        """What the agent offered last."""
        self._offers = deque(sorted(offers, key=lambda offer: offer.after_s))
        self._replies = deque(replies)
        self._version = 1
        self._began_at = 0.0
        self._ours: ClientTransaction | None = None
        self._sent: dict[str, Offer] = {}
        self._acks: dict[str, bytes] = {}
        self._theirs: tuple[Request, ServerTransaction, Reply] | None = None
        self._answer = b""
        self._answer_cseq = -1
        self._interval = T1

    @property
    def statuses(self) -> list[int]:
        """Return the final responses to the agent's re-INVITEs."""
        return [it.status for it in self.heard if it.status >= 200]

    def begin(self, now: float) -> None:
        """Plan the offers: the call is up."""
        self._began_at = now
        self._plan(now)

    def stop(self, now: float) -> None:
        """Take the end of the call: nothing more is offered, what is pending gets a 487."""
        self.armed.clear()
        self._answer = b""
        if self._theirs is not None:
            _, transaction, _ = self._theirs
            self._theirs = None
            self.agent.endpoint.respond(transaction, 487, "Request Terminated", now)

    def on_timer(self, timer: Enum, now: float) -> None:
        """Do what is due."""
        match timer:
            case _Due.OFFER:
                self.offer(self._offers.popleft(), now)
                self._plan(now)
            case _Due.CANCEL if self._ours is not None:
                self.agent.endpoint.cancel(self._ours, (), self, now)
            case _Due.REPLY:
                self._reply(now)
            case _Due.REPEAT:
                self.agent.endpoint.resend(self._answer, self.call.flow)
                self._interval = min(2 * self._interval, T2)
                self._wait(_Due.REPEAT, self._interval, now)
            case _Due.GIVE_UP:
                self.armed.clear()
                self.call.hang_up(now)

    def offer(self, offer: Offer, now: float) -> None:
        """Send a re-INVITE unless one of either side is pending (RFC 3261 §14.1)."""
        dialog, idle = self.call.dialog, self._ours is None and self._theirs is None
        if dialog is None or self.call.hung_up or not idle or self._answer:
            return
        body = offer.body
        if body is None:
            body = self._described(Direction(offer.direction))
        fields = (self.agent.contact, *offer.fields, *((SDP,) if body else ()))
        request = dialog.request("INVITE", fields, body)
        self._ours = self.agent.endpoint.request(request, self.call.flow, self, now)
        self._sent[self._ours.branch] = offer
        if offer.cancel_after_s is not None:
            self._wait(_Due.CANCEL, offer.cancel_after_s, now)

    def take(self, request: Request, transaction: ServerTransaction, now: float) -> None:
        """Take a re-INVITE."""
        self.taken.append(request)
        endpoint = self.agent.endpoint
        if self._theirs is not None:
            endpoint.respond(transaction, 500, "Pending", now, fields=(("Retry-After", "1"),))
        elif self._ours is not None or self._answer or self.call.hung_up:
            endpoint.respond(transaction, 491, "Request Pending", now)
        else:
            reply = self._replies[0]
            if len(self._replies) > 1:
                self._replies.popleft()
            self._theirs = (request, transaction, reply)
            transaction.user = self
            if reply.after_s or reply.status == 100:
                endpoint.respond(transaction, 100, "Trying", now)
            if reply.status >= 200:
                self._wait(_Due.REPLY, reply.after_s, now)
            elif reply.status == 0:
                self._theirs = None

    def acknowledged(self, request: Request) -> None:
        """Take the ACK of a 2xx."""
        if request.cseq.number == self._answer_cseq:
            self.acks.append(request)
            self._answer = b""
            self.agent.timers.stop(self, _Due.REPEAT)
            self.agent.timers.stop(self, _Due.GIVE_UP)

    # ClientUser and ServerUser, for the endpoint

    def trusts(self, remote: Address) -> bool:
        """Trust the address that we sent to, which the endpoint knows without asking."""
        return False

    def on_cancel(self, request: Request, now: float) -> None:
        """Take the CANCEL of a re-INVITE that has no final response yet."""
        if self._theirs is not None:
            _, transaction, _ = self._theirs
            self._theirs = None
            self.agent.timers.stop(self, _Due.REPLY)
            self.agent.endpoint.respond(transaction, 487, "Request Terminated", now)

    def on_response(self, transaction: ClientTransaction, response: Response, now: float) -> None:
        """Take what comes back; a 2xx gets its ACK every time."""
        if transaction.request.method != "INVITE":
            return
        again = self._acks.get(transaction.branch)
        if again is not None:
            self.agent.endpoint.resend(again, self.call.flow)
            return
        self.heard.append(response)
        if response.status >= 200:
            self._ours = None
            self.agent.timers.stop(self, _Due.CANCEL)
        dialog = self.call.dialog
        if 200 <= response.status < 300 and dialog is not None:
            offer = self._sent[transaction.branch]
            body = b""
            if not transaction.request.body:
                body = offer.ack_body or self._described(Direction(offer.ack_direction))
            ack = dialog.ack(transaction.request.cseq, body)
            if body:
                ack = ack._replace(fields=(SDP,))
            self._acks[transaction.branch] = self.agent.endpoint.send_ack(ack, self.call.flow)

    def on_no_response(self, transaction: ClientTransaction, now: float) -> None:
        """Take silence."""
        if transaction.request.method == "INVITE":
            self._ours = None

    def on_unreachable(self, transaction: ClientTransaction, now: float) -> None:
        """Take the network's refusal as silence."""
        self.on_no_response(transaction, now)

    def _plan(self, now: float) -> None:
        if self._offers:
            self._wait(_Due.OFFER, self._began_at + self._offers[0].after_s - now, now)

    def _wait(self, due: _Due, wait_s: float, now: float) -> None:
        self.agent.timers.start(self, due, now + max(0.0, wait_s))

    def _described(self, direction: Direction) -> bytes:
        self._version += direction is not self.direction
        self.direction = direction
        return self._audio(direction)

    def _audio(self, direction: Direction) -> bytes:
        host = self.agent.address[0]
        return audio(host, PORT, direction=direction.value, version=self._version)

    def _reply(self, now: float) -> None:
        if self._theirs is None:
            return
        (request, transaction, reply), self._theirs = self._theirs, None
        body = self._answer_to(request, reply) if reply.status < 300 else b""
        fields = (self.agent.contact, *reply.fields, *((SDP,) if body else ()))
        phrase = f"Status {reply.status}"
        answer = self.agent.endpoint.respond(
            transaction, reply.status, phrase, now, fields=fields, body=body
        )
        if reply.status < 300:
            self._answer, self._answer_cseq = answer, request.cseq.number
            self._interval = T1
            self._wait(_Due.REPEAT, T1, now)
            self._wait(_Due.GIVE_UP, TIMEOUT, now)

    def _answer_to(self, request: Request, reply: Reply) -> bytes:
        if reply.body is not None:
            return reply.body
        try:
            offered = read(request.body).direction
        except SdpError as error:
            raise AssertionError(f"the edge offers what cannot be used: {error}") from error
        wish = self.direction if reply.direction is None else Direction(reply.direction)
        return self._audio(wish.narrowed(offered.reversed))
