"""Messages out of a stream of bytes (RFC 3261 §18.3, RFC 5626 §3.5.1, EDGE W2, W3).

Bytes come in pieces of any size; whole messages go out. What was looked at is never looked at
again, so that a peer that sends single bytes costs no more than one that sends all at once. What
cannot be cut ends the reading: the frame BROKEN then holds the head of the message at fault, which
is enough to refuse it, and everything behind it is ignored.
"""

import re
from enum import Enum
from typing import NamedTuple

from edge.sip.message import MAX_BODY_BYTES, MAX_HEAD_BYTES, MAX_HEADER_LINES, unfolded

_END_OF_HEAD = b"\r\n\r\n"
_LONGEST_HEAD = MAX_HEAD_BYTES + len(_END_OF_HEAD)
_PING_BYTES = 4
_EMPTY_LINES = re.compile(rb"(?:\r\n)+")
_LENGTH = re.compile(rb"\r\n(?:content-length|l)[ \t]*:([^\r]*)", re.IGNORECASE)
_LONGEST_LENGTH = 10
"""Digits of a Content-Length that are read; whatever has more is too large (EDGE S8)."""


class FrameKind(Enum):
    """What was found in a stream."""

    MESSAGE = "message"
    BROKEN = "broken"
    PING = "ping"
    """A double CRLF that wants a single one back."""


class Frame(NamedTuple):
    """One thing that was found, in the order of the stream."""

    kind: FrameKind
    data: bytes = b""


class StreamFramer:
    """Cuts one direction of one connection; holds at most one unfinished message."""

    __slots__ = ("_buffer", "_head_bytes", "_is_broken", "_scanned", "_wanted")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._scanned = 0
        """Octets of the buffer in which no end of the head begins."""
        self._head_bytes = 0
        """Size of a head that is complete; 0 while it is not."""
        self._wanted = 0
        """Size of the whole message, once its head is complete."""
        self._is_broken = False

    @property
    def is_inside_message(self) -> bool:
        """Tell whether a message has begun and not ended."""
        return not self._is_broken and bool(self._scanned or self._head_bytes)

    def feed(self, data: bytes | memoryview) -> list[Frame]:
        """Take the next bytes; return what they complete."""
        frames: list[Frame] = []
        if self._is_broken:
            return frames
        self._buffer += data
        while not self._is_broken:
            frame = self._next(frames)
            if frame is None:
                break
            frames.append(frame)
        return frames

    def _next(self, frames: list[Frame]) -> Frame | None:
        """Return the next message; pings before it go into `frames`."""
        if not self._head_bytes:
            if not self._scanned and not self._skip_empty_lines(frames):
                return None
            if not self._find_head():
                return self._broken() if len(self._buffer) >= _LONGEST_HEAD else None
            length = _content_length(bytes(self._buffer[: self._head_bytes]))
            if length is None or length > MAX_BODY_BYTES or self._head_bytes > _LONGEST_HEAD:
                return self._broken()
            self._wanted = self._head_bytes + length
        if len(self._buffer) < self._wanted:
            return None
        message = bytes(self._buffer[: self._wanted])
        self._drop(self._wanted)
        return Frame(FrameKind.MESSAGE, message)

    def _skip_empty_lines(self, frames: list[Frame]) -> bool:
        """Take CRLFs before a message off; tell whether one has begun.

        A pair that is not complete stays, for its second half may be on its way.
        """
        found = _EMPTY_LINES.match(self._buffer)
        lines = 0 if found is None else found.end()
        rest = len(self._buffer) - lines
        frames.extend([Frame(FrameKind.PING)] * (lines // _PING_BYTES))
        if rest >= 2 or (rest == 1 and self._buffer[lines] != 0x0D):
            del self._buffer[:lines]
            return True
        del self._buffer[: lines - lines % _PING_BYTES]
        return False

    def _find_head(self) -> bool:
        end = self._buffer.find(_END_OF_HEAD, self._scanned)
        if end < 0:
            self._scanned = max(1, len(self._buffer) - len(_END_OF_HEAD) + 1)
            return False
        self._head_bytes = end + len(_END_OF_HEAD)
        return True

    def _broken(self) -> Frame:
        head = min(self._head_bytes or _LONGEST_HEAD, _LONGEST_HEAD)
        data = bytes(self._buffer[:head])
        self._is_broken = True
        self._buffer.clear()
        return Frame(FrameKind.BROKEN, data)

    def _drop(self, count: int) -> None:
        del self._buffer[:count]
        self._scanned = self._head_bytes = self._wanted = 0


def _content_length(head: bytes) -> int | None:
    """Return the length that a head announces, None for none or for several that differ.

    Neither has a head one that is refused for its number of lines (EDGE R24).
    """
    head = unfolded(head)
    if head.count(b"\r\n") > MAX_HEADER_LINES + 2:  # with the start line and the end
        return None
    lengths = {value.strip() for value in _LENGTH.findall(head)}
    if len(lengths) != 1:
        return None
    text = lengths.pop()
    if not text.isdigit():
        return None
    return int(text) if len(text) <= _LONGEST_LENGTH else MAX_BODY_BYTES + 1


def is_keep_alive(data: bytes) -> bool:
    """Tell whether a datagram only keeps a way open: line ends, NULs, nothing, STUN (EDGE W3).

    A STUN message begins with two zero bits and its class, so with 0 or 1 (RFC 5389 §6).
    """
    return data[:1] in (b"\0", b"\1") or not data.strip(b"\r\n")
