"""A channel on an event loop: reads when something is there, writes once per turn of the loop.

Waking another process costs more than most messages do (some 50 us), so what can wait may linger
and travel with whatever comes after it.
"""

from asyncio import AbstractEventLoop, Handle
from collections.abc import Callable
from typing import Generic, TypeVar

from edge.runtime.channel import Channel
from edge.runtime.watch import Watch

Outgoing = TypeVar("Outgoing")
Incoming = TypeVar("Incoming")


class Pump(Generic[Outgoing, Incoming]):
    """Moves messages between a channel and callbacks; tells once when the channel has closed."""

    def __init__(
        self,
        channel: Channel[Outgoing, Incoming],
        *,
        loop: AbstractEventLoop,
        on_messages: Callable[[list[Incoming]], None],
        on_closed: Callable[[], None],
        on_congestion: Callable[[bool], None] | None = None,
    ) -> None:
        """Watch a channel; `on_congestion` hears when the other end falls behind or catches up."""
        self._channel = channel
        self._loop = loop
        self._on_messages = on_messages
        self._on_closed = on_closed
        self._on_congestion = on_congestion
        self._is_congested = False
        self._turn: Handle | None = None
        self._lingering: Handle | None = None
        self._watch: Watch | None = Watch(loop, channel.fileno(), self._on_ready)

    def send(self, message: Outgoing, *, linger_s: float = 0.0) -> None:
        """Queue a message; it goes out with this turn's others, or at most `linger_s` later.

        Order is kept: a message that may not linger takes those before it along.
        """
        self._channel.send(message)
        if linger_s:
            if self._lingering is None and self._turn is None:
                self._lingering = self._loop.call_later(linger_s, self._flush)
        elif self._turn is None:
            self._turn = self._loop.call_soon(self._flush)

    def close(self) -> None:
        """Send what the socket takes and close our end, without telling anybody here."""
        watch, self._watch = self._watch, None
        if watch is not None:
            watch.close()
        self._rest()
        self._channel.flush()
        self._channel.close()

    def _flush(self) -> None:
        self._rest()
        if self._watch is not None:
            done = self._channel.flush()
            if not self._closed_meanwhile():
                self._watch.want_to_write(not done)
                self._tell_congestion()

    def _tell_congestion(self) -> None:
        is_congested = self._channel.congested
        if is_congested != self._is_congested and self._on_congestion is not None:
            self._on_congestion(is_congested)
        self._is_congested = is_congested

    def _rest(self) -> None:
        """Call off what would flush later."""
        for handle in (self._turn, self._lingering):
            if handle is not None:
                handle.cancel()
        self._turn = self._lingering = None

    def _on_ready(self) -> None:
        messages = self._channel.receive()
        if messages:
            self._on_messages(messages)
        if self._channel.closed or self._channel.is_behind:
            self._flush()

    def _closed_meanwhile(self) -> bool:
        if not self._channel.closed:
            return False
        if self._watch is not None:
            self._watch.close()
            self._watch = None
            self._on_closed()
        return True
