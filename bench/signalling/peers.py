"""Both ends of a call in memory: what SIPp would send, built from what the edge sent.

Reading is by `str.find`, since peers are not what is measured.
"""

from bench.signalling.world import CONNECTORS, NUMBERS_EACH, caller_of, host_of
from edge.flow import Address
from model.settings import Settings

DIALED = "+13125550100"
"""None of the connectors' own: calls to those need no carrier (EDGE O5)."""


def _sdp(host: str, port: int) -> str:
    return (
        f"v=0\r\no=user1 53655765 2353687637 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\n"
        f"m=audio {port} RTP/AVP 0 8 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n"
        "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n"
    )


def header(message: str, name: str) -> str:
    """Return the value of the first header line of a name."""
    start = message.index(f"\r\n{name}: ") + len(name) + 4
    return message[start : message.index("\r\n", start)]


class Caller:
    """The PBX side of one call."""

    def __init__(
        self,
        number: int,
        address: Address,
        settings: Settings,
        dialed: str = DIALED,
        name: str = "",
    ) -> None:
        """`name` tells calls of one number apart; without it there is one of each."""
        connector = number % CONNECTORS
        host, port = address
        name = name or str(number)
        self._via = f"Via: SIP/2.0/UDP {host}:{port};branch=z9hG4bK-{name}"
        self._uri = f"sip:{dialed}@{host_of(connector, settings)}"
        self._user = caller_of(connector, number % NUMBERS_EACH)
        self._from = f'From: "Alice" <sip:{self._user}@{host}:{port}>;tag=a{name}\r\n'
        self._contact = f"Contact: <sip:{self._user}@{host}:{port}>\r\n"
        self._call_id = f"Call-ID: {name}-2653@{host}\r\n"
        self._sdp = _sdp(host, 6000)

    def invite(self) -> bytes:
        """Return the INVITE."""
        return (
            f"INVITE {self._uri} SIP/2.0\r\n{self._via}-1;rport\r\n{self._from}"
            f"To: <{self._uri}>\r\n{self._call_id}CSeq: 1 INVITE\r\n{self._contact}"
            "Max-Forwards: 70\r\nAllow: INVITE, ACK, BYE, CANCEL, OPTIONS, UPDATE, PRACK\r\n"
            "User-Agent: perf-uac/1.0\r\nSupported: timer\r\nContent-Type: application/sdp\r\n"
            f"Content-Length: {len(self._sdp)}\r\n\r\n{self._sdp}"
        ).encode()

    def ack(self, answer: str) -> bytes:
        """Return the ACK of a 200."""
        return self._in_dialog("ACK", 1, answer)

    def ack_refusal(self, answer: str) -> bytes:
        """Return the ACK of a refusal: it belongs to the INVITE's transaction."""
        return (
            f"ACK {self._uri} SIP/2.0\r\n{self._via}-1;rport\r\n{self._from}"
            f"To: {header(answer, 'To')}\r\n{self._call_id}CSeq: 1 ACK\r\n"
            "Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
        ).encode()

    def bye(self, answer: str) -> bytes:
        """Return the BYE."""
        return self._in_dialog("BYE", 2, answer)

    def _in_dialog(self, method: str, cseq: int, answer: str) -> bytes:
        target = header(answer, "Contact").partition("<")[2].partition(">")[0]
        return (
            f"{method} {target} SIP/2.0\r\n{self._via}-{method};rport\r\n{self._from}"
            f"To: {header(answer, 'To')}\r\n{self._call_id}CSeq: {cseq} {method}\r\n"
            f"{self._contact}Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
        ).encode()


class Callee:
    """The carrier side of all calls."""

    def __init__(self, address: Address) -> None:
        host, port = address
        self._contact = f"Contact: <sip:{host}:{port}>\r\n"
        self._sdp = _sdp(host, 7000)

    def ringing(self, invite: str) -> bytes:
        """Return the 180."""
        return self._response(invite, "180 Ringing", self._contact)

    def trying(self, invite: str) -> bytes:
        """Return the 100."""
        return self._response(invite, "100 Trying", "")

    def answer(self, invite: str) -> bytes:
        """Return the 200 with SDP."""
        more = (
            f"{self._contact}Allow: INVITE, ACK, BYE, CANCEL, OPTIONS\r\n"
            "Content-Type: application/sdp\r\n"
        )
        return self._response(invite, "200 OK", more, self._sdp)

    def busy(self, invite: str) -> bytes:
        """Return the 486."""
        return self._response(invite, "486 Busy Here", "")

    def done(self, bye: str) -> bytes:
        """Return the 200 to a BYE."""
        return self._response(bye, "200 OK", self._contact)

    def _response(self, request: str, status: str, more: str, body: str = "") -> bytes:
        to = header(request, "To")
        if ";tag=" not in to and not status.startswith("100"):
            to += ";tag=b" + header(request, "Call-ID")[:8]
        return (
            f"SIP/2.0 {status}\r\nVia: {header(request, 'Via')}\r\n"
            f"From: {header(request, 'From')}\r\nTo: {to}\r\n"
            f"Call-ID: {header(request, 'Call-ID')}\r\nCSeq: {header(request, 'CSeq')}\r\n{more}"
            f"Content-Length: {len(body)}\r\n\r\n{body}"
        ).encode()
