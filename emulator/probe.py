"""Asking the edge whether it is there: one OPTIONS, as a PBX's health check sends it."""

import secrets
import socket

from edge.flow import Address

_LONGEST_DATAGRAM = 65_536


def options_request(connector_host: str, local: Address) -> bytes:
    """Return an OPTIONS to a connector (RFC 3261 §11)."""
    branch = secrets.token_hex(8)
    host, port = local
    return (
        f"OPTIONS sip:{connector_host} SIP/2.0\r\n"
        f"Via: SIP/2.0/UDP {host}:{port};branch=z9hG4bK{branch};rport\r\n"
        f"From: <sip:ovc@{host}>;tag={branch}\r\nTo: <sip:{connector_host}>\r\n"
        f"Call-ID: {branch}\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
    ).encode()


def ask(edge: Address, connector_host: str, patience_s: float) -> str:
    """Return the status line of the answer; raises OSError when there is none in time.

    The question comes from the edge's own address, which the demo connector's allow list holds.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
        phone.settimeout(patience_s)
        phone.bind((edge[0], 0))
        phone.sendto(options_request(connector_host, phone.getsockname()), edge)
        return phone.recv(_LONGEST_DATAGRAM).split(b"\r\n", 1)[0].decode("utf-8", "replace")


def admits(edge: Address, connector_host: str, patience_s: float) -> bool:
    """Tell whether the edge answers for a connector; silence for `patience_s` is a no."""
    try:
        return " 200 " in ask(edge, connector_host, patience_s)
    except OSError:
        return False
