"""A simulated phone system: takes and places calls on the same SIP core as the edge (A15)."""

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from enum import Enum, auto

from edge.call.events import (
    Acknowledged,
    Answered,
    Cancelled,
    Ended,
    Expired,
    Failed,
    LegEvent,
    Lost,
    RefreshDue,
    Rejected,
    Released,
    Reoffered,
    RetryDue,
    Unacknowledged,
)
from edge.call.leg import SDP_TYPE, Leg, Stack
from edge.call.uac_leg import UacLeg
from edge.call.uas_leg import UasLeg
from edge.flow import Address, Flow, Transport
from edge.ids import Ids, SystemIds
from edge.media.local_sdp import LocalDescription
from edge.media.sdp import RemoteDescription, SdpError, read, read_answer
from edge.policy.header_policy import Way
from edge.policy.verdict import ACCEPT, ALLOW
from edge.sip.endpoint import Endpoint
from edge.sip.exchange import OutgoingRequest
from edge.sip.grammar import SipParseError
from edge.sip.message import MalformedRequest, Request
from edge.sip.timers import Armed, Timers
from edge.sip.uri import parse_uri
from emulator.phone_media import PhoneMedia
from emulator.pstn_plan import Plan, Sound

_FAREWELL_S = 2.0
"""How long the answer to a last BYE or CANCEL is waited for; both are repeated meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallResult:
    """How a call that we placed ended."""

    answered: bool
    status: int
    """Final SIP status; 0 when there was no final response."""
    reason: str
    ended_by: str
    """us, them or nobody."""
    duration_ms: int
    """From answer to end."""
    packets_sent: int
    packets_received: int
    packets_lost: int
    """Of those that the other side sent, by their sequence numbers."""
    jitter_us: int
    """Microseconds."""

    def to_json(self) -> str:
        """Return one line of JSON."""
        return json.dumps(asdict(self))


class PhoneTimer(Enum):
    """Timers of a phone's call."""

    ANSWER = auto()
    HANG_UP = auto()
    GIVE_UP = auto()


class PhoneCall:
    """One call of a phone: a leg, its media, what is planned."""

    def __init__(self, agent: "UserAgent", media: PhoneMedia, plan: Plan) -> None:
        self._agent = agent
        self._plan = plan
        self._remote: RemoteDescription | None = None
        self._status, self._reason = 0, "no response"
        self._answered_at: float | None = None
        self._ended_by = "nobody"
        self.media = media
        self.leg: Leg | None = None
        self.armed: Armed = {}
        self.local = LocalDescription(media.port, agent.shown_as, media.port)
        self.ended: asyncio.Future[CallResult] = asyncio.get_running_loop().create_future()

    def take(self, leg: UasLeg, body: bytes, now: float) -> None:
        """Treat an incoming INVITE as planned; raises SdpError for an unusable offer."""
        self.leg = leg
        self._remote = read(body) if body else None
        plan = self._plan
        if plan.early is not None and self._remote is not None:
            leg.progress(183, "Session Progress", self._answer(), now)
            self._play(plan.early)
        elif plan.rings:
            leg.progress(180, "Ringing", b"", now)
        if plan.answer_after_s is not None:
            self._agent.timers.start(self, PhoneTimer.ANSWER, now + plan.answer_after_s)

    def place(self, leg: UacLeg, now: float, patience_s: float) -> None:
        """Send our INVITE; give up when nobody answers in time."""
        self.leg = leg
        self._agent.timers.start(self, PhoneTimer.GIVE_UP, now + patience_s)
        leg.start(now)

    def hang_up(self, now: float) -> None:
        """End the call from our side, whatever it has come to."""
        if self.leg is not None:
            self._ended_by = "us"
            self.leg.hang_up(now)

    def on_timer(self, timer: Enum, now: float) -> None:
        """Answer or hang up as planned."""
        if timer is PhoneTimer.ANSWER and isinstance(self.leg, UasLeg):
            body = self.local.offer() if self._remote is None else self._answer()
            self.leg.answer(body, now)
        else:
            self.hang_up(now)

    def trusts(self, leg: Leg, address: str) -> bool:
        """Trust only the address that the call began with."""
        return False

    def on_leg_event(self, leg: Leg, event: LegEvent, now: float) -> None:
        """Follow what the other side does."""
        match event:
            case Answered(body) | Acknowledged(body):
                self._connected(body, now)
            case Rejected():
                self._status, self._reason = event.status, event.reason
            case Failed(failure):
                self._reason = failure.value
            case Cancelled() | Unacknowledged():
                self._status, self._reason = 487, "Request Terminated"
            case Released():
                self._ended_by = "them"
            case Reoffered(body):
                self._reoffered(leg, body, now)
            case RefreshDue() | RetryDue():
                leg.reinvites.send(self.local.repeated(), now)
            case Expired() | Lost():
                self.hang_up(now)
            case Ended():
                self._end(now)
            case _:
                pass

    def _connected(self, body: bytes, now: float) -> None:
        assert self.leg is not None
        try:
            if body and self._remote is None:
                self._remote = read_answer(body)
        except SdpError:
            self.leg.hang_up(now)
            return
        if self._answered_at is None:
            self._answered_at = now
            self._status, self._reason = 200, "OK"
            self._agent.timers.stop(self, PhoneTimer.GIVE_UP)
            if self._plan.hang_up_after_s is not None:
                at = now + self._plan.hang_up_after_s
                self._agent.timers.start(self, PhoneTimer.HANG_UP, at)
        self._play(self._plan.sound)

    def _reoffered(self, leg: Leg, body: bytes, now: float) -> None:
        try:
            if body:
                self._remote = read(body)
            answer = self._answer() if body else self.local.offer()
        except SdpError as error:
            leg.reinvites.refuse(error.status, "Not Acceptable Here", (), now)
            return
        leg.reinvites.accept(answer, now)
        self._play(self._plan.sound)

    def _answer(self) -> bytes:
        assert self._remote is not None
        events = self._remote.payload_types.telephone_event is not None
        direction = self._remote.direction.reversed
        return self.local.answer(self._remote, telephone_event=events, direction=direction)

    def _play(self, sound: Sound) -> None:
        remote = self._remote
        if remote is None:
            return
        if remote.direction.receives:
            self.media.play(sound, remote.rtp, remote.payload_types)
        else:
            self.media.pause()

    def _end(self, now: float) -> None:
        self.armed.clear()
        self.media.close()
        self._agent.forget(self)
        if not self.ended.done():
            since = now if self._answered_at is None else self._answered_at
            self.ended.set_result(
                CallResult(
                    answered=self._answered_at is not None,
                    status=self._status,
                    reason=self._reason,
                    ended_by=self._ended_by,
                    duration_ms=round(1000 * (now - since)),
                    packets_sent=self.media.sent,
                    packets_received=self.media.received,
                    packets_lost=self.media.reception.lost,
                    jitter_us=self.media.reception.jitter_us,
                )
            )


class UserAgent(asyncio.DatagramProtocol):
    """A SIP peer on one UDP port with any number of calls."""

    def __init__(
        self,
        address: Address,
        plan_of: Callable[[str], Plan],
        product: str,
        *,
        shown_as: str | None = None,
    ) -> None:
        """`plan_of` says what is done with a call to a number."""
        self._address = address
        self.shown_as = shown_as or address[0]
        """What Contact and SDP name: behind a NAT its public address, not that of the socket."""
        self._plan_of = plan_of
        self._ids: Ids = SystemIds()
        self._transport: asyncio.DatagramTransport | None = None
        self._wake: asyncio.TimerHandle | None = None
        self._starting: set[asyncio.Task[None]] = set()
        self._calls: set[PhoneCall] = set()
        self.timers = Timers()
        self._endpoint = Endpoint(timers=self.timers, ids=self._ids, send=self._send, user=self)
        self._stack = Stack(
            endpoint=self._endpoint,
            timers=self.timers,
            ids=self._ids,
            address=(self.shown_as, address[1]),
            product=product,
        )

    @property
    def host(self) -> str:
        """Return the address that calls and media come from."""
        return self._address[0]

    @property
    def is_idle(self) -> bool:
        """Tell whether no call is left."""
        return not self._calls

    async def open(self) -> None:
        """Bind the SIP port; raises OSError when it is taken."""
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(
            lambda: self, local_addr=self._address
        )

    def close(self) -> None:
        """Give the SIP port back; calls that are up are not ended by it."""
        if self._wake is not None:
            self._wake.cancel()
        if self._transport is not None:
            self._transport.close()

    async def call(
        self,
        *,
        from_number: str,
        to_number: str,
        edge: Address,
        plan: Plan,
        patience_s: float,
        domain: str | None = None,
    ) -> CallResult:
        """Place a call through the edge and return how it ended; cancelled, it hangs up first.

        `domain` is what the Request-URI names in the place of the edge's address.
        """
        media = await PhoneMedia.open(self.host, self._ids)
        call = PhoneCall(self, media, plan)
        self._calls.add(call)
        tag = self._ids.tag()
        uri = f"sip:{to_number}@{domain or f'{edge[0]}:{edge[1]}'}"
        flow = Flow(Transport.UDP, self._address, edge)
        caller = f"<sip:{from_number}@{self.shown_as}>"
        invite = OutgoingRequest(
            method="INVITE",
            uri=uri,
            from_=f"{caller};tag={tag}",
            to=f"<{uri}>",
            call_id=self._ids.call_id(),
            cseq=1,
            fields=(
                self._stack.contact(Transport.UDP),
                ("P-Asserted-Identity", caller),
                ALLOW,
                ("User-Agent", self._stack.product),
                SDP_TYPE,
            ),
            body=call.local.offer(),
        )
        leg = UacLeg(self._stack, call, flow, Way.TO_CARRIER, invite, tag)
        call.place(leg, time.monotonic(), patience_s)
        self._arm()
        try:
            return await asyncio.shield(call.ended)
        except asyncio.CancelledError:
            call.hang_up(time.monotonic())
            self._arm()
            await asyncio.wait((call.ended,), timeout=_FAREWELL_S)
            raise

    def forget(self, call: PhoneCall) -> None:
        """Take a call off the books."""
        self._calls.discard(call)

    def datagram_received(self, data: bytes, addr: Address) -> None:
        """Take one datagram."""
        self._endpoint.receive(data, Flow(Transport.UDP, self._address, addr), time.monotonic())
        self._arm()

    def on_request(self, request: Request, flow: Flow, now: float) -> None:
        """Take what belongs to no transaction."""
        leg = None if request.to.tag is None else self._stack.leg_of(request, flow)
        if leg is not None:
            leg.on_request(request, flow, now)
        elif request.method == "OPTIONS" and request.to.tag is None:
            self._endpoint.respond_statelessly(request, flow, 200, "OK", (ALLOW, ACCEPT))
        elif request.method == "INVITE" and request.to.tag is None:
            self._invited(request, flow, now)
        elif request.method in ("INVITE", "BYE", "CANCEL", "OPTIONS"):
            reason = "Call/Transaction Does Not Exist"
            self._endpoint.respond_statelessly(request, flow, 481, reason)
        elif request.method != "ACK":
            self._endpoint.respond_statelessly(request, flow, 405, "Method Not Allowed", (ALLOW,))

    def on_malformed(self, error: MalformedRequest, flow: Flow, now: float) -> None:
        """Answer a request that cannot be read, where that is possible."""
        if error.request is not None and error.request.method != "ACK":
            status = error.error.status
            self._endpoint.respond_statelessly(error.request, flow, status, "Bad Request")

    def _invited(self, request: Request, flow: Flow, now: float) -> None:
        transaction = self._endpoint.serve(request, flow)
        self._endpoint.respond(transaction, 100, "Trying", now)
        try:
            plan = self._plan_of(parse_uri(request.uri).user_text)
        except SipParseError:
            plan = Plan(reject=(404, "Not Found"))
        if plan.reject is not None:
            self._endpoint.respond(transaction, *plan.reject, now)
            return

        async def answer() -> None:
            media = await PhoneMedia.open(self.host, self._ids)
            call = PhoneCall(self, media, plan)
            self._calls.add(call)
            leg = UasLeg(self._stack, call, Way.TO_CARRIER, request, transaction)
            try:
                call.take(leg, request.body, time.monotonic())
            except SdpError as error:
                leg.reject(error.status, "Not Acceptable Here", time.monotonic())
            self._arm()

        task = asyncio.get_running_loop().create_task(answer())
        self._starting.add(task)
        task.add_done_callback(self._starting.discard)

    def _send(self, data: bytes, flow: Flow) -> None:
        if self._transport is not None:
            self._transport.sendto(data, flow.remote)

    def _arm(self) -> None:
        if self._wake is not None:
            self._wake.cancel()
            self._wake = None
        deadline = self.timers.deadline()
        if deadline is not None:
            wait_s = max(0.0, deadline - time.monotonic())
            self._wake = asyncio.get_running_loop().call_later(wait_s, self._on_deadline)

    def _on_deadline(self) -> None:
        self._wake = None
        self.timers.fire(time.monotonic())
        self._arm()
