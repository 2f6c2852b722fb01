"""Typed messages between our own processes, over one end of an AF_UNIX stream socket pair.

A frame is four octets of length and a pickled list: all messages of one turn of the sender's loop
travel together. Pickle is safe here because both ends are processes that we started ourselves;
the socket has no name, so nobody else can connect to it. Nothing here blocks, and nothing here
knows an event loop: the owner watches `fileno()` and calls `receive` and `flush`.
"""

import pickle
import socket
from collections import deque
from typing import Generic, TypeVar

Outgoing = TypeVar("Outgoing")
Incoming = TypeVar("Incoming")

LENGTH_BYTES = 4
READ_BYTES = 64 * 1024
"""Of one `receive`, so that a busy peer cannot hold up the reader's other work."""
CONGESTED_BYTES = 1 << 20
"""Above this much unsent data the sender should stop taking on work: the peer is behind."""
LONGEST_BACKLOG_BYTES = 64 << 20
"""A peer that lets this much pile up is dead in all but name; 10,000 connectors are 5 MB."""


class Channel(Generic[Outgoing, Incoming]):
    """One end of a message stream: sends `Outgoing`, receives `Incoming`.

    Messages arrive whole, once and in order, or the channel is `closed`. It closes by itself when
    the other end is gone, sends what is no frame, or falls behind by LONGEST_BACKLOG_BYTES.
    """

    def __init__(
        self, sock: socket.socket, *, longest_backlog_bytes: int = LONGEST_BACKLOG_BYTES
    ) -> None:
        sock.setblocking(False)
        self._socket = sock
        self._longest_backlog_bytes = longest_backlog_bytes
        self._batch: list[Outgoing] = []
        self._unsent: deque[memoryview] = deque()
        self._unsent_bytes = 0
        # For every `receive`: a new one would be cut down to the few octets that came.
        self._buffer = memoryview(bytearray(READ_BYTES))
        self._received = bytearray()
        self._closed = False

    @property
    def closed(self) -> bool:
        """Tell whether the stream has ended; nothing more is sent or received."""
        return self._closed

    @property
    def congested(self) -> bool:
        """Tell whether the peer is so far behind that the owner should hold back (1 MiB)."""
        return self._unsent_bytes > CONGESTED_BYTES

    @property
    def is_behind(self) -> bool:
        """Tell whether the socket did not take everything at the last `flush`."""
        return bool(self._unsent)

    @property
    def wants_to_write(self) -> bool:
        """Tell whether `flush` should be called again when the socket is writable."""
        return bool(self._batch or self._unsent) and not self._closed

    def fileno(self) -> int:
        """Return the descriptor to watch, -1 once the channel is closed."""
        return self._socket.fileno()

    def send(self, message: Outgoing) -> None:
        """Queue one message for the next `flush`; on a closed channel it goes nowhere."""
        if not self._closed:
            self._batch.append(message)

    def flush(self) -> bool:
        """Write what the socket takes; return whether everything is out (or the channel closed)."""
        if self._closed:
            return True
        if self._batch:
            self._frame_batch()
        try:
            while self._unsent:
                self._write_some()
        except (BlockingIOError, InterruptedError):
            return self._closed
        except OSError:
            self.close()
        return True

    def _frame_batch(self) -> None:
        payload = pickle.dumps(self._batch, pickle.HIGHEST_PROTOCOL)
        self._batch = []
        frame = len(payload).to_bytes(LENGTH_BYTES, "big") + payload
        self._unsent.append(memoryview(frame))
        self._unsent_bytes += len(frame)
        if self._unsent_bytes > self._longest_backlog_bytes:
            self.close()

    def _write_some(self) -> None:
        head = self._unsent[0]
        written = self._socket.send(head)
        self._unsent_bytes -= written
        if written == len(head):
            self._unsent.popleft()
        else:
            self._unsent[0] = head[written:]

    def receive(self) -> list[Incoming]:
        """Return the messages that have arrived whole, however the stream was cut on its way.

        It reads once: what is left makes the descriptor readable again. When the peer has closed
        its end, and everything before that was returned, `closed` is set.
        """
        if self._closed:
            return []
        try:
            length = self._socket.recv_into(self._buffer)
        except (BlockingIOError, InterruptedError):
            return []
        except OSError:
            length = 0
        if not length:
            self.close()
            return []
        self._received += self._buffer[:length]
        return self._take_frames()

    def _take_frames(self) -> list[Incoming]:
        messages: list[Incoming] = []
        position, received = 0, self._received
        while len(received) - position >= LENGTH_BYTES:
            start = position + LENGTH_BYTES
            length = int.from_bytes(received[position:start], "big")
            if length > self._longest_backlog_bytes:
                self.close()
                break
            if len(received) < start + length:
                break
            messages += pickle.loads(received[start : start + length])
            position = start + length
        del received[:position]
        return messages

    def close(self) -> None:
        """Close our end; the peer reads what was sent and then the end of the stream."""
        self._closed = True
        self._batch = []
        self._unsent.clear()
        self._unsent_bytes = 0
        self._socket.close()
