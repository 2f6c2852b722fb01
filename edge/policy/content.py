"""Finds the session description in an INVITE's body (EDGE R20, R21)."""

from enum import Enum

from edge.sip.grammar import SipParseError, parameters
from edge.sip.message import Message, Request

SDP = "application/sdp"


class ContentFault(Enum):
    """Why a body cannot be taken; the value is the status to answer with."""

    MEDIA_TYPE = 415
    NOT_ACCEPTABLE = 406


def sdp_body(request: Request) -> bytes | ContentFault:
    """Return the SDP of a request, empty for none; raises SipParseError for unreadable headers."""
    if not _accepts_sdp(request):
        return ContentFault.NOT_ACCEPTABLE
    if not request.body:
        return b""
    kind = request.content_type or ""
    if kind == SDP:
        return request.body
    if kind.startswith("multipart/"):
        found = _sdp_part(request)
        if found is not None:
            return found
    return b"" if _is_optional(request) else ContentFault.MEDIA_TYPE


def sdp_in(message: Message) -> bytes:
    """Return the SDP of a response, an ACK or a re-INVITE: the body, or one part of it (R20).

    A body of another kind comes back as it is: nobody will take it for SDP.
    """
    if not message.body or message.content_type in (SDP, None):
        return message.body
    try:
        return _sdp_part(message) or message.body
    except SipParseError:
        return message.body


def has_unknown_encoding(request: Request) -> bool:
    """Tell whether the body is encoded in a way that is not read (RFC 3261 §8.2.3)."""
    encodings = request.members("content-encoding")
    return bool(request.body) and any(it.lower() != "identity" for it in encodings)


def _accepts_sdp(request: Request) -> bool:
    """An INVITE without Accept accepts SDP; with an empty one it accepts nothing (§20.1)."""
    if "accept" not in request.headers:
        return True
    ranges = [member.partition(";")[0].strip().lower() for member in request.members("accept")]
    return any(range_ in (SDP, "application/*", "*/*") for range_ in ranges)


def _is_optional(request: Request) -> bool:
    _, semicolon, trailer = (request.get("content-disposition") or "").partition(";")
    handling = parameters(semicolon + trailer, element="Content-Disposition").get("handling")
    return (handling or "").lower() == "optional"


def _sdp_part(message: Message) -> bytes | None:
    """Return the first SDP part of a multipart body (RFC 2046 §5.1.1); parts are not nested."""
    _, semicolon, trailer = message.require("content-type").partition(";")
    boundary = parameters(semicolon + trailer, element="Content-Type").get("boundary")
    if not boundary:
        return None
    mark = b"\r\n--" + boundary.encode("utf-8", "surrogateescape")
    for part in (b"\r\n" + message.body).split(mark)[1:]:
        head, blank, body = part.partition(b"\r\n\r\n")
        if blank and _part_type(head) == SDP.encode():
            return body
    return None


def _part_type(head: bytes) -> bytes:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.strip().lower() in (b"content-type", b"c"):
            return value.partition(b";")[0].strip().lower()
    return b""
