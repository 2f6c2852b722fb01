"""A port for stream connections: its own accept loop puts the limits before any TLS (EDGE S9)."""

import errno
import socket
from asyncio import AbstractEventLoop
from collections.abc import Callable

from edge.flow import Address, Transport

BACKLOG = 256
ACCEPTS_PER_TURN = 16
REST_S = 0.5
"""After the process has run out of descriptors; connections wait in the kernel meanwhile."""

_OUT_OF_SOMETHING = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


def bind(listen: Address) -> socket.socket:
    """Return a bound socket that takes connections; raises OSError when it cannot be had."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(listen)
        sock.listen(BACKLOG)
    except OSError:
        sock.close()
        raise
    return sock


class StreamListener:
    """Hands every connection that comes to `accept`."""

    def __init__(
        self,
        sock: socket.socket,
        transport: Transport,
        *,
        loop: AbstractEventLoop,
        accept: Callable[[socket.socket, Address, Transport], None],
    ) -> None:
        self._socket = sock
        self._transport = transport
        self._loop = loop
        self._accept = accept
        self._loop.add_reader(sock.fileno(), self._on_ready)

    def close(self) -> None:
        """Take no more connections and give the port back."""
        if self._socket.fileno() >= 0:
            self._loop.remove_reader(self._socket.fileno())
            self._socket.close()

    def _on_ready(self) -> None:
        for _ in range(ACCEPTS_PER_TURN):
            try:
                sock, remote = self._socket.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in _OUT_OF_SOMETHING:
                    self._rest()
                    return
                continue  # this one is gone already (accept(2))
            sock.setblocking(False)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            self._accept(sock, (remote[0], remote[1]), self._transport)

    def _rest(self) -> None:
        self._loop.remove_reader(self._socket.fileno())
        self._loop.call_later(REST_S, self._go_on)

    def _go_on(self) -> None:
        if self._socket.fileno() >= 0:
            self._loop.add_reader(self._socket.fileno(), self._on_ready)
