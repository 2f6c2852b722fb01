"""One stream connection: bytes in, messages out, and the patience for its peer (EDGE W4)."""

import asyncio
from asyncio import AbstractEventLoop, TimerHandle
from typing import Protocol

from edge.flow import Flow
from edge.policy.stream_gate import StreamLimits
from edge.sip.framing import Frame, FrameKind, StreamFramer

READ_BYTES = 16_384
"""Taken before timers and other sockets get their turn: some 30 messages, 10 ms of work."""
LAST_WORDS_S = 5.0
"""How long a connection that is being closed may take to get its last octets out."""
_PONG = b"\r\n"


class StreamReceiver(Protocol):
    """Takes what stream connections hear."""

    def on_stream_message(self, data: bytes, flow: Flow, *, broken: bool) -> None:
        """Take one message, or what could be read of one that ends the reading."""

    def on_idle(self, flow: Flow) -> None:
        """Hear that nothing has come for long."""

    def on_turn_end(self) -> None:
        """Hear that a batch is over; what it caused is to be sent now."""


class ConnectionOwner(Protocol):
    """Whoever holds the connections."""

    def on_lost(self, connection: "Connection") -> None:
        """Hear that a connection is gone."""

    def on_impatience(self, connection: "Connection", why: str) -> None:
        """Hear that a connection was ended for a limit."""


class Connection(asyncio.BufferedProtocol):
    """A TCP or TLS connection, in either direction; TLS has been seen to below it."""

    def __init__(
        self,
        flow: Flow,
        *,
        is_ours: bool,
        loop: AbstractEventLoop,
        limits: StreamLimits,
        receiver: StreamReceiver,
        owner: ConnectionOwner,
        buffer: memoryview,
    ) -> None:
        """`is_ours` tells that we opened it; `buffer`, which is read into, may be shared."""
        self.flow = flow
        self.waiting: list[tuple[bytes, Flow]] = []
        """What is to be sent once the connection is up."""
        self.was_up = False
        self._loop = loop
        self._limits = limits
        self._receiver = receiver
        self._owner = owner
        self._buffer = buffer
        self._framer = StreamFramer()
        self._transport: asyncio.Transport | None = None
        self._timer: TimerHandle | None = None
        self._heard_at = 0.0
        self._message_since: float | None = None
        self._first_until: float | None = None
        self._is_theirs = not is_ours

    @property
    def is_ending(self) -> bool:
        """Tell whether nothing can be sent any more."""
        return self._transport is not None and self._transport.is_closing()

    def send(self, data: bytes, flow: Flow) -> None:
        """Send bytes, now or once the connection is up; `flow` is what they were meant for."""
        if self._transport is not None:
            self._transport.write(data)
        elif len(self.waiting) < self._limits.unsent_messages:
            self.waiting.append((data, flow))

    def close(self) -> None:
        """Close once everything has gone out."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.close()
            self._rearm(self._loop.call_later(LAST_WORDS_S, self.abort))

    def abort(self) -> None:
        """Close at once."""
        if self._transport is not None:
            self._transport.abort()

    # asyncio.BufferedProtocol

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # it is one, though uvloop's does not inherit from it
        """Begin; what waited goes out."""
        transport.set_write_buffer_limits(high=self._limits.unsent_bytes)
        self._transport, self.was_up = transport, True
        self._heard_at = self._loop.time()
        if self._is_theirs:
            self._first_until = self._heard_at + self._limits.first_message_s
        self._wait()
        waiting, self.waiting = self.waiting, []
        for data, _ in waiting:
            transport.write(data)

    def get_buffer(self, sizehint: int) -> memoryview:
        """Return where the next bytes go; they are taken before anybody else's are read."""
        return self._buffer

    def buffer_updated(self, count: int) -> None:
        """Take bytes."""
        now = self._heard_at = self._loop.time()
        frames = self._framer.feed(self._buffer[:count])
        for frame in frames:
            self._take(frame)
        if not self._framer.is_inside_message:
            self._message_since = None
        elif frames or self._message_since is None:
            self._message_since = now
            self._wait()
        if frames:
            self._receiver.on_turn_end()

    def pause_writing(self) -> None:
        """End a connection whose peer does not read."""
        self._end("does not read what is sent to it")

    def connection_lost(self, exc: Exception | None) -> None:
        """Hear that it is over, whoever ended it."""
        self._rearm(None)
        self._owner.on_lost(self)

    def _take(self, frame: Frame) -> None:
        if frame.kind is FrameKind.PING:
            if self._transport is not None and not self._transport.is_closing():
                self._transport.write(_PONG)
            return
        self._first_until = None
        broken = frame.kind is FrameKind.BROKEN
        self._receiver.on_stream_message(frame.data, self.flow, broken=broken)

    def _deadline(self) -> float:
        limits = self._limits
        due = self._heard_at + limits.idle_s
        if self._message_since is not None:
            due = min(due, self._message_since + limits.message_s)
        return due if self._first_until is None else min(due, self._first_until)

    def _wait(self) -> None:
        self._rearm(self._loop.call_at(self._deadline(), self._on_timer))

    def _on_timer(self) -> None:
        """Look whether the peer is late; the timer is not moved for every message."""
        now = self._loop.time()
        if now >= self._deadline():
            if self._first_until is not None and now >= self._first_until:
                self._end("sent no whole message in time")
                return
            if self._message_since is not None:
                self._end("did not finish a message in time")
                return
            self._heard_at = now
            self._receiver.on_idle(self.flow)
        if not self.is_ending:
            self._wait()

    def _end(self, why: str) -> None:
        self._owner.on_impatience(self, why)
        self.abort()

    def _rearm(self, timer: TimerHandle | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = timer
