"""SIP messages written (RFC 3261 §7): cheaply, and copied headers leave as they came."""

import re
from collections.abc import Iterable

from edge.flow import Flow, Transport
from edge.sip.grammar import SipParseError, split_list
from edge.sip.message import Request

_RPORT = re.compile(r";[ \t]*rport(?=[ \t]*(;|$))", re.I)


def header_lines(fields: Iterable[tuple[str, str]]) -> str:
    """Return header lines, each ended; values must hold no line break."""
    return "".join([f"{name}: {value}\r\n" for name, value in fields])


def via_with_source(request: Request, flow: Flow) -> str:
    """Return the topmost Via line's value with `received` and `rport` filled in (RFC 3581 §4).

    A malformed Via, which only a 400 copies, stays as it came.
    """
    value = request.headers["via"][0]
    try:
        via = request.via
    except SipParseError:
        return value
    host, port = flow.remote
    if "rport" not in via.parameters and via.host == host:
        return value
    top, comma, rest = value, "", ""
    if "," in value:
        members = split_list(value, element="Via")
        if len(members) > 1:
            top, comma, rest = members[0], ", ", ", ".join(members[1:])
    if "rport" in via.parameters and via.parameters["rport"] is None:
        top = _RPORT.sub(f";rport={port}", top, count=1)
    if "received" not in via.parameters:
        top = f"{top};received={host}"
    return top + comma + rest


def answer_flow(request: Request, flow: Flow) -> Flow:
    """Return where the answers to a request go (RFC 3261 §18.2.2, RFC 3581 §4, EDGE W5).

    Always to the host that it came from; to the very port only when the peer asks so by `rport`,
    for some send from one port and listen on another, the one in their Via. On a stream they go
    back on its connection, and to the port of the Via when that is gone.
    """
    try:
        via = request.via
    except SipParseError:
        return flow
    port = via.port or flow.transport.default_port
    if flow.transport is not Transport.UDP:
        return flow._replace(reconnect=(flow.remote[0], port))
    if "rport" in via.parameters or flow.remote[1] == port:
        return flow
    return flow._replace(remote=(flow.remote[0], port))


def _has_tag(request: Request) -> bool:
    try:
        return request.to.tag is not None
    except SipParseError:
        return False


def response_bytes(
    request: Request,
    flow: Flow,
    status: int,
    reason: str,
    *,
    to_tag: str | None = None,
    fields: Iterable[tuple[str, str]] = (),
    body: bytes = b"",
) -> bytes:
    """Return a response to a request: Via, From, To, Call-ID and CSeq are copied (§8.2.6).

    What makes a dialog copies Record-Route too: the proxies on the way stay on it (§12.1.1).
    """
    headers = request.headers
    vias = headers["via"]
    to = headers["to"][0]
    if to_tag is not None and not _has_tag(request):
        to = f"{to};tag={to_tag}"
    lines = [f"SIP/2.0 {status} {reason}\r\nVia: {via_with_source(request, flow)}\r\n"]
    if len(vias) > 1:
        lines.extend([f"Via: {value}\r\n" for value in vias[1:]])
    lines.append(
        f"From: {headers['from'][0]}\r\nTo: {to}\r\nCall-ID: {headers['call-id'][0]}\r\n"
        f"CSeq: {headers['cseq'][0]}\r\n"
    )
    if "record-route" in headers and 100 < status < 300 and request.method == "INVITE":
        lines.extend([f"Record-Route: {value}\r\n" for value in headers["record-route"]])
    lines.append(header_lines(fields))
    lines.append(f"Content-Length: {len(body)}\r\n\r\n")
    return "".join(lines).encode("utf-8", "surrogateescape") + body


def request_bytes(
    method: str, uri: str, fields: Iterable[tuple[str, str]], body: bytes = b""
) -> bytes:
    """Return a request with the given headers; Content-Length is added."""
    head = f"{method} {uri} SIP/2.0\r\n{header_lines(fields)}Content-Length: {len(body)}\r\n\r\n"
    return head.encode("utf-8", "surrogateescape") + body
