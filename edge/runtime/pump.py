"""A channel on an event loop: reads when something is there, writes once per turn of the loop."""

from asyncio import AbstractEventLoop
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
    ) -> None:
        self._channel = channel
        self._loop = loop
        self._on_messages = on_messages
        self._on_closed = on_closed
        self._flush_is_due = False
        self._watch: Watch | None = Watch(loop, channel.fileno(), self._on_ready)

    def send(self, message: Outgoing) -> None:
        """Queue a message; all messages of one turn of the loop travel together."""
        self._channel.send(message)
        if not self._flush_is_due:
            self._flush_is_due = True
            self._loop.call_soon(self._flush)

    def close(self) -> None:
        """Send what the socket takes and close our end, without telling anybody here."""
        watch, self._watch = self._watch, None
        if watch is not None:
            watch.close()
        self._channel.flush()
        self._channel.close()

    def _flush(self) -> None:
        self._flush_is_due = False
        if self._watch is not None:
            done = self._channel.flush()
            if not self._closed_meanwhile():
                self._watch.want_to_write(not done)

    def _on_ready(self) -> None:
        messages = self._channel.receive()
        if messages:
            self._on_messages(messages)
        self._flush()

    def _closed_meanwhile(self) -> bool:
        if not self._channel.closed:
            return False
        if self._watch is not None:
            self._watch.close()
            self._watch = None
            self._on_closed()
        return True
