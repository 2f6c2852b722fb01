"""An endpoint on a bench: its wire, its clock, and users that note what they hear."""

from typing import NamedTuple

from edge.flow import Address, Flow, Transport
from edge.sip.endpoint import Endpoint
from edge.sip.exchange import ClientTransaction, OutgoingRequest, ServerTransaction
from edge.sip.message import MalformedRequest, Request, Response, parse_datagram
from edge.sip.timers import Timers
from edge.sip.writing import request_bytes
from tests.support.ids import CountingIds

HERE: Address = ("198.51.100.10", 5060)
PEER: Address = ("192.0.2.7", 5060)
FLOW = Flow(Transport.UDP, HERE, PEER)

INVITE = OutgoingRequest(
    method="INVITE",
    uri="sip:+12065550199@192.0.2.7",
    from_="<sip:+12065550100@198.51.100.10>;tag=ours",
    to="<sip:+12065550199@192.0.2.7>",
    call_id="call-1",
    cseq=1,
    routes=("<sip:proxy@192.0.2.7;lr>",),
    fields=(("Contact", "<sip:198.51.100.10:5060>"), ("Content-Type", "application/sdp")),
    body=b"v=0\r\n",
)
BYE = INVITE._replace(method="BYE", cseq=2, fields=(), body=b"")


class Caller:
    """Whoever sent a request: notes what comes of it."""

    def __init__(self, *trusted: Address) -> None:
        self.heard: list[tuple[float, int | str]] = []
        self.responses: list[Response] = []
        self._trusted = trusted

    @property
    def outcomes(self) -> list[int | str]:
        """Return what was heard, without the times."""
        return [what for _, what in self.heard]

    def trusts(self, remote: Address) -> bool:
        """Trust the given addresses."""
        return remote in self._trusted

    def on_response(self, transaction: ClientTransaction, response: Response, now: float) -> None:
        """Note a response."""
        self.heard.append((now, response.status))
        self.responses.append(response)

    def on_no_response(self, transaction: ClientTransaction, now: float) -> None:
        """Note a timeout."""
        self.heard.append((now, "timeout"))

    def on_unreachable(self, transaction: ClientTransaction, now: float) -> None:
        """Note an unreachable peer."""
        self.heard.append((now, "unreachable"))


class Answerer:
    """Whoever answers an INVITE: notes its CANCEL."""

    def __init__(self) -> None:
        self.cancels: list[Request] = []

    def on_cancel(self, request: Request, now: float) -> None:
        """Note a CANCEL."""
        self.cancels.append(request)


class Sent(NamedTuple):
    """A datagram of the endpoint's."""

    at: float
    data: bytes
    flow: Flow

    @property
    def what(self) -> str:
        """Return the method of a request, the status of a response."""
        first, second, _ = self.data.split(b" ", 2)
        return (second if first == b"SIP/2.0" else first).decode()


class Stand:
    """The endpoint and everything around it; `now` moves by `run` only."""

    def __init__(self, seed: str = "e", *, large_by_tcp: bool = False) -> None:
        self.now = 0.0
        self.sent: list[Sent] = []
        self.requests: list[Request] = []
        """What came to the transaction user."""
        self.malformed: list[MalformedRequest] = []
        self.timers = Timers()
        self.endpoint = Endpoint(
            timers=self.timers,
            ids=CountingIds(seed),
            send=lambda data, flow: self.sent.append(Sent(self.now, data, flow)),
            user=self,
            large_by_tcp=large_by_tcp,
        )

    @property
    def said(self) -> list[str]:
        """Return what was sent, in short."""
        return [it.what for it in self.sent]

    @property
    def is_empty(self) -> bool:
        """Tell whether no transaction and no timer is left."""
        return self.endpoint.pending() == 0 and self.timers.deadline() is None

    def on_request(self, request: Request, flow: Flow, now: float) -> None:
        """Note a request."""
        self.requests.append(request)

    def on_malformed(self, error: MalformedRequest, flow: Flow, now: float) -> None:
        """Note a malformed request."""
        self.malformed.append(error)

    def run(self, until: float) -> None:
        """Fire every timer up to a time."""
        while (deadline := self.timers.deadline()) is not None and deadline <= until:
            self.now = deadline
            self.timers.fire(deadline)
        self.now = until

    def take(self, data: bytes, flow: Flow = FLOW) -> None:
        """Receive a datagram."""
        self.endpoint.receive(data, flow, self.now)

    def request(
        self, request: OutgoingRequest, user: Caller, flow: Flow = FLOW
    ) -> ClientTransaction:
        """Send a request."""
        return self.endpoint.request(request, flow, user, self.now)

    def serve(self, data: bytes, flow: Flow = FLOW) -> ServerTransaction:
        """Receive a request and start its transaction."""
        self.take(data, flow)
        return self.endpoint.serve(self.requests[-1], flow)

    def respond(self, transaction: ServerTransaction, status: int) -> bytes:
        """Answer a request."""
        return self.endpoint.respond(transaction, status, f"Reason {status}", self.now)


def read_request(data: bytes) -> Request:
    """Return a request of ours as its receiver reads it."""
    request = parse_datagram(data)
    assert isinstance(request, Request)
    return request


def response_to(data: bytes, status: int, *, tag: str = "theirs", **changed: str) -> bytes:
    """Return a peer's response to a request of ours; `Via="x"` changes a header."""
    request = read_request(data)
    fields = {
        "Via": ", ".join(request.members("via")),
        "From": request.require("from"),
        "To": request.require("to") + ("" if request.to.tag else f";tag={tag}"),
        "Call-ID": request.call_id,
        "CSeq": request.require("cseq"),
        **changed,
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"SIP/2.0 {status} Any\r\n{lines}Content-Length: 0\r\n\r\n".encode()


def peer_request(
    method: str = "INVITE",
    *,
    branch: str = "z9hG4bKtheirs",
    sent_by: str = "192.0.2.7",
    uri: str = "sip:+12065550199@h",
    from_tag: str = "theirs",
    to_tag: str | None = None,
    call_id: str = "call-9",
    cseq: int = 1,
) -> bytes:
    """Return a request of a peer's; an empty branch leaves none."""
    tag = "" if to_tag is None else f";tag={to_tag}"
    parameter = f";branch={branch}" if branch else ""
    return request_bytes(
        method,
        uri,
        [
            ("Via", f"SIP/2.0/UDP {sent_by}{parameter}"),
            ("From", f"<sip:pbx@192.0.2.7>;tag={from_tag}"),
            ("To", f"<sip:+12065550199@h>{tag}"),
            ("Call-ID", call_id),
            ("CSeq", f"{cseq} {method}"),
            ("Contact", "<sip:pbx@192.0.2.7>"),
        ],
    )
