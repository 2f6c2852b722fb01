"""Requests and responses to take apart, and to damage, in the tests of this package."""

from edge.flow import Flow, Transport
from edge.sip.message import Request, Response, parse_datagram

FLOW = Flow(Transport.UDP, ("198.51.100.10", 5060), ("192.0.2.7", 5062))

MANDATORY = {
    "Via": "SIP/2.0/UDP 192.0.2.7:5060;branch=z9hG4bK1",
    "Max-Forwards": "70",
    "From": "<sip:pbx@192.0.2.7>;tag=from-1",
    "To": "<sip:+12065550199@h>",
    "Call-ID": "call-1",
    "CSeq": "1 INVITE",
    "Contact": "<sip:pbx@192.0.2.7:5060>",
}


def head(start: str, *lines: str, **changed: str | None) -> bytes:
    """Return start line and headers; `Call_ID="x"` changes one of the usual, None takes it away."""
    changes = {name.replace("_", "-"): value for name, value in changed.items()}
    fields = {**MANDATORY, **changes}
    written = [f"{name}: {value}" for name, value in fields.items() if value is not None]
    return "\r\n".join([start, *written, *lines, "", ""]).encode()


def invite_bytes(*lines: str, **changed: str | None) -> bytes:
    """Return an INVITE with further header lines and without a body."""
    return head("INVITE sip:+12065550199@h SIP/2.0", *lines, **changed)


def request_of(data: bytes) -> Request:
    """Return the request that a datagram holds."""
    message = parse_datagram(data)
    assert isinstance(message, Request)
    return message


def response_of(data: bytes) -> Response:
    """Return the response that a datagram holds."""
    message = parse_datagram(data)
    assert isinstance(message, Response)
    return message
