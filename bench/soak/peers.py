"""Both ends of every kind of call in memory: what SIPp's scenarios do, without its sockets.

A message is read by `str.find` and written by hand, since peers are not what is looked at.
"""

from collections.abc import Callable
from itertools import count
from typing import Protocol

from bench.signalling.peers import header
from bench.soak.kinds import CREDENTIALS, Kind, number_of
from bench.soak.traffic import CALLER, TALK_MS
from bench.soak.world import NO_ANSWER_S, Place, host_of
from edge.flow import Address, Flow, Transport
from edge.sip.digest import answer_challenge
from model.settings import Settings

TALK_S = TALK_MS / 1_000
RINGS_S = 0.1
_CANCELS_AFTER_S = NO_ANSWER_S / 2
_HOLDS = ("sendonly", "sendrecv", "sendrecv")
"""Directions of a PBX's re-INVITEs, the last one a refresh."""


class Network(Protocol):
    """What peers need of the world."""

    def send(self, data: str, flow: Flow) -> None:
        """Take a message to the edge; `flow` is the edge's."""

    def later(self, wait_s: float, do: Callable[[], None]) -> None:
        """Do something when time has passed."""


def sdp(at: Address, direction: str = "sendrecv") -> str:
    """Return a description of audio at an address."""
    host, port = at
    return (
        f"v=0\r\no=user1 53655765 2353687637 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\n"
        f"m=audio {port} RTP/AVP 0 101\r\na=rtpmap:0 PCMU/8000\r\n"
        f"a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na={direction}\r\n"
    )


def response(request: str, status: str, at: Address, body: str = "") -> str:
    """Return a response to a request."""
    to = header(request, "To")
    if ";tag=" not in to and not status.startswith("100"):
        to += f";tag=p{header(request, 'Call-ID')[:8]}"
    return (
        f"SIP/2.0 {status}\r\nVia: {header(request, 'Via')}\r\nFrom: {header(request, 'From')}\r\n"
        f"To: {to}\r\nCall-ID: {header(request, 'Call-ID')}\r\nCSeq: {header(request, 'CSeq')}\r\n"
        f"Contact: <sip:{at[0]}:{at[1]}>\r\n{_ended_by(body)}"
    )


def _ended_by(body: str) -> str:
    kind = "Content-Type: application/sdp\r\n" if body else ""
    return f"{kind}Content-Length: {len(body)}\r\n\r\n{body}"


class Callee:
    """Where the calls of one kind go."""

    def __init__(self, place: Place, network: Network, at: Address, *, is_broken: bool) -> None:
        self._kind, self._network, self.at = place.kind, network, at
        self._plan = "uas_refuse" if is_broken else place.kind.callee
        self._status = "503 Service Unavailable" if is_broken else "486 Busy Here"
        self._ringing: dict[str, str] = {}

    def take(self, message: str, flow: Flow) -> None:
        """Take what the edge sends."""
        method = message[: message.index(" ")]
        if method == "INVITE":
            self._invited(message, flow)
        elif method == "ACK":
            if self._plan == "uas_hangs_up" and header(message, "CSeq") == "1 ACK":
                self._network.later(TALK_S, lambda: self._hang_up(message, flow))
        elif method == "CANCEL":
            self._answer(message, "200 OK", flow)
            self._answer(
                self._ringing.pop(header(message, "Call-ID")), "487 Request Terminated", flow
            )
        elif method == "BYE":
            self._answer(message, "200 OK", flow)

    def _invited(self, invite: str, flow: Flow) -> None:
        if self._plan == "uas_refuse":
            self._answer(invite, self._status, flow)
            return
        if ";tag=" not in header(invite, "To"):
            self._answer(invite, "180 Ringing", flow)
        if self._plan == "uas_cancelled":
            self._ringing[header(invite, "Call-ID")] = invite
            return
        direction = "recvonly" if "a=sendonly" in invite else "sendrecv"
        body = sdp((self.at[0], 7_000), direction)
        self._network.later(RINGS_S, lambda: self._answer(invite, "200 OK", flow, body))

    def _hang_up(self, ack: str, flow: Flow) -> None:
        call_id = header(ack, "Call-ID")
        host, port = flow.local
        self._network.send(
            f"BYE sip:{host}:{port} SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP {self.at[0]}:{self.at[1]};branch=z9hG4bK-bye-{call_id}\r\n"
            f"From: {header(ack, 'To')}\r\nTo: {header(ack, 'From')}\r\nCall-ID: {call_id}\r\n"
            f"CSeq: 1 BYE\r\nMax-Forwards: 70\r\n{_ended_by('')}",
            flow,
        )

    def _answer(self, request: str, status: str, flow: Flow, body: str = "") -> None:
        self._network.send(response(request, status, self.at, body), flow)


class Caller:
    """Who makes the calls of one kind."""

    def __init__(self, place: Place, network: Network, settings: Settings, edge: Address) -> None:
        self._place, self._network, self._edge = place, network, edge
        self.kind: Kind = place.kind
        self.at = place.caller
        host = edge[0] if self.kind.inbound else host_of(self.kind, settings)
        number = self.kind.dialed or number_of(self.kind)
        self._uri = f"sip:{number}@{host}"
        transport = self.kind.transport
        self._flow = Flow(transport, edge, self.at, 0 if transport is Transport.UDP else 1)
        self._numbers = count(1)
        self._calls: dict[str, _Call] = {}

    @property
    def calls(self) -> int:
        """Return how many calls are not over for the caller."""
        return len(self._calls)

    def call(self) -> None:
        """Begin one call."""
        call_id = f"{self.kind.name.replace(' ', '-')}-{next(self._numbers)}"
        call = self._calls[call_id] = _Call(call_id)
        self._invite(call)
        if self.kind.caller == "uac_cancel":
            self._network.later(_CANCELS_AFTER_S, lambda: self._send(call, "CANCEL", 1))

    def take(self, message: str, flow: Flow) -> None:
        """Take what the edge sends."""
        call = self._calls.get(header(message, "Call-ID"))
        if not message.startswith("SIP/2.0 "):
            if message.startswith("BYE "):
                self._network.send(response(message, "200 OK", self.at), flow)
                if call is not None:
                    del self._calls[call.call_id]
        elif call is not None:
            number, method = header(message, "CSeq").split(" ")
            status = int(message[8:11])
            if method == "INVITE" and status >= 200:
                self._invited(call, int(number), status, message)
            elif method == "BYE":
                del self._calls[call.call_id]

    def _invited(self, call: "_Call", cseq: int, status: int, answer: str) -> None:
        if status >= 300:
            self._send(call, "ACK", cseq, to=header(answer, "To"))
            if status in (401, 407):
                self._invite(call, answer)
            else:
                del self._calls[call.call_id]
            return
        call.to = header(answer, "To")
        if self.kind.caller == "uac_no_ack":
            return
        late = self.kind.caller == "uac_late_offer"
        self._send(call, "ACK", cseq, body=sdp((self.at[0], 6_000)) if late else "")
        if self.kind.caller == "uac_hold" and call.holds < len(_HOLDS):
            direction = _HOLDS[call.holds]
            call.holds += 1
            body = sdp((self.at[0], 6_000), direction)
            self._network.later(
                TALK_S / 2, lambda: self._send(call, "INVITE", call.next(), body=body)
            )
        elif self.kind.caller != "uac_hung_up":
            self._network.later(TALK_S, lambda: self._send(call, "BYE", call.next()))

    def _invite(self, call: "_Call", challenge: str = "") -> None:
        proof = ""
        if challenge:
            user, password = CREDENTIALS
            value = answer_challenge(
                (header(challenge, "Proxy-Authenticate"),),
                username=user,
                password=password,
                method="INVITE",
                uri=self._uri,
                cnonce=call.call_id,
            )
            proof = f"Proxy-Authorization: {value}\r\n"
        body = "" if self.kind.caller == "uac_late_offer" else sdp((self.at[0], 6_000))
        self._send(call, "INVITE", call.next(), fields=proof, body=body)

    def _send(
        self,
        call: "_Call",
        method: str,
        cseq: int,
        *,
        to: str | None = None,
        fields: str = "",
        body: str = "",
    ) -> None:
        host, port = self.at
        within = bool(call.to)
        branch = f"{call.call_id}-{cseq}" + (f"-{method}" if within else "")
        uri = f"sip:{self._edge[0]}:{self._edge[1]}" if within else self._uri
        self._network.send(
            f"{method} {uri} SIP/2.0\r\n"
            f"Via: SIP/2.0/{self._flow.transport} {host}:{port};branch=z9hG4bK-{branch};rport\r\n"
            f"From: <sip:{CALLER}@{host}:{port}>;tag={call.call_id}\r\n"
            f"To: {to or call.to or f'<{self._uri}>'}\r\nCall-ID: {call.call_id}\r\n"
            f"CSeq: {cseq} {method}\r\nContact: <sip:{CALLER}@{host}:{port}>\r\n"
            f"Max-Forwards: 70\r\n{fields}{_ended_by(body)}",
            self._flow,
        )


class _Call:
    __slots__ = ("_cseq", "call_id", "holds", "to")

    def __init__(self, call_id: str) -> None:
        self.call_id = call_id
        self.to = ""
        """The edge's To with its tag, once there is a dialog."""
        self.holds = 0
        self._cseq = 0

    def next(self) -> int:
        self._cseq += 1
        return self._cseq
