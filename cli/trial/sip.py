"""Single SIP questions from wherever this runs, as a PBX behind a NAT would ask them.

Each goes from a socket of its own and comes back to it by `rport` (RFC 3581). The answer's Via says
which address the edge has seen, which nobody behind a NAT can know otherwise.
"""

import secrets
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

from edge.flow import Address, Transport
from edge.media.local_sdp import LocalDescription
from edge.sip.framing import FrameKind, StreamFramer
from edge.sip.grammar import SipParseError
from edge.sip.message import Response, parse_message
from edge.sip.writing import request_bytes

PRODUCT = "Open Voice Connector smoke test"
_FIRST_REPEAT_S = 0.5
"""T1 of RFC 3261; a question over UDP is repeated, each time after twice as long."""
_LONGEST = 65_536
_DISCARD = 9
"""Port of an offer whose call is to be refused: nothing is ever sent there."""


class Answer(NamedTuple):
    """A final response, as far as a trial needs it."""

    status: int
    reason: str
    warning: str
    """Text of its Warning; empty without one."""
    seen_as: str
    """Address that the request came from, for the edge."""

    def __str__(self) -> str:
        """Return status, phrase and warning."""
        told = f"{self.status} {self.reason}"
        return f"{told} ({self.warning})" if self.warning else told


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A request outside of a dialog."""

    method: str
    domain: str
    """Host of the Request-URI: a connector's."""
    user: str = ""
    caller: str = "ovc"
    """User of From."""

    @property
    def uri(self) -> str:
        """Return the Request-URI."""
        return f"sip:{self.user}@{self.domain}" if self.user else f"sip:{self.domain}"

    def written(self, transport: Transport, local: Address, branch: str) -> bytes:
        """Return the request; it is longer than any refusal of it, which R7 asks of a stranger."""
        host, port = local
        fields = [
            ("Via", f"SIP/2.0/{transport} {host}:{port};branch=z9hG4bK{branch};rport"),
            ("Max-Forwards", "70"),
            ("From", f"<sip:{self.caller}@{host}>;tag={branch}"),
            ("To", f"<{self.uri}>"),
            ("Call-ID", branch),
            ("CSeq", f"1 {self.method}"),
            ("Contact", f"<sip:{self.caller}@{host}:{port};transport={transport.lower()}>"),
            ("User-Agent", PRODUCT),
            ("Allow", "INVITE, ACK, CANCEL, BYE, OPTIONS"),
            ("Accept", "application/sdp"),
        ]
        body = b""
        if self.method == "INVITE":
            fields.append(("Content-Type", "application/sdp"))
            body = LocalDescription(_DISCARD, host, _DISCARD).offer()
        return request_bytes(self.method, self.uri, fields, body)

    def acknowledged(self, local: Address, branch: str, response: Response) -> bytes:
        """Return the ACK of a refusal (RFC 3261 §17.1.1.3)."""
        host, port = local
        fields = [
            ("Via", f"SIP/2.0/UDP {host}:{port};branch=z9hG4bK{branch};rport"),
            ("Max-Forwards", "70"),
            ("From", f"<sip:{self.caller}@{host}>;tag={branch}"),
            ("To", response.require("to")),
            ("Call-ID", branch),
            ("CSeq", "1 ACK"),
        ]
        return request_bytes("ACK", self.uri, fields)


def ask_udp(question: Question, edge: Address, patience_s: float) -> Answer:
    """Return the final answer over UDP; raises OSError when there is none in time."""
    deadline, pause_s = time.monotonic() + patience_s, _FIRST_REPEAT_S
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
        phone.connect(edge)
        local, branch = phone.getsockname(), secrets.token_hex(8)
        data, response = question.written(Transport.UDP, local, branch), None
        while (left_s := deadline - time.monotonic()) > 0:
            if response is None:
                phone.send(data)
            response = _heard(phone, branch, min(pause_s, left_s)) or response
            if response is not None and response.status >= 200:
                if question.method == "INVITE":
                    phone.send(question.acknowledged(local, branch, response))
                return _answer(response)
            pause_s *= 2
    raise TimeoutError(f"no answer from {edge[0]}:{edge[1]} over UDP in {patience_s:.0f} s")


def ask_tcp(question: Question, edge: Address, patience_s: float) -> Answer:
    """Return the final answer over TCP; raises OSError."""
    with socket.create_connection(edge, patience_s) as connection:
        return ask_stream(question, connection, Transport.TCP, patience_s)


@contextmanager
def tls_connection(
    edge: Address, name: str, context: ssl.SSLContext, patience_s: float
) -> Iterator[ssl.SSLSocket]:
    """Give a connection whose certificate fits `name`; raises OSError."""
    with (
        socket.create_connection(edge, patience_s) as plain,
        context.wrap_socket(plain, server_hostname=name) as secure,
    ):
        yield secure


def ask_stream(
    question: Question, connection: socket.socket, transport: Transport, patience_s: float
) -> Answer:
    """Return the final answer over a connection; raises OSError."""
    connection.settimeout(patience_s)
    branch, framer = secrets.token_hex(8), StreamFramer()
    connection.sendall(question.written(transport, connection.getsockname(), branch))
    while data := connection.recv(_LONGEST):
        for frame in framer.feed(data):
            if frame.kind is FrameKind.MESSAGE:
                response = _own(frame.data, transport, branch)
                if response is not None and response.status >= 200:
                    return _answer(response)
    raise ConnectionError(f"the edge closed the {transport} connection without an answer")


def _heard(phone: socket.socket, branch: str, patience_s: float) -> Response | None:
    """Return the first response to a request, None when it is time to repeat the request."""
    deadline, latest = time.monotonic() + patience_s, None
    while (left_s := deadline - time.monotonic()) > 0:
        phone.settimeout(left_s)
        try:
            data = phone.recv(_LONGEST)
        except TimeoutError:
            break
        latest = _own(data, Transport.UDP, branch) or latest
        if latest is not None and latest.status >= 200:
            break
    return latest


def _own(data: bytes, transport: Transport, branch: str) -> Response | None:
    """Return what was received if it is a response to our request."""
    message = parse_message(data, transport)
    if not isinstance(message, Response) or message.via.branch != f"z9hG4bK{branch}":
        return None
    return message


def _answer(response: Response) -> Answer:
    via = response.via
    return Answer(
        status=response.status,
        reason=response.reason,
        warning=_text_of(response.get("warning") or ""),
        seen_as=via.parameters.get("received") or via.host,
    )


def _text_of(warning: str) -> str:
    """Return the text of a Warning: `399 host "text"`."""
    _, opened, rest = warning.partition('"')
    if warning and not opened:
        raise SipParseError("Warning", "it has no quoted text")
    return rest.rpartition('"')[0]
