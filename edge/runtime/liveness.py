"""Says to whoever asks on this host that the node takes calls and its loop turns.

Strangers are met with silence on all other sockets (EDGE S2), so this one is no network's: an
abstract Unix socket, of which no file is left behind. It is bound at the start, so that two nodes
cannot have one name, and listens as soon as calls are taken; a loop that stands still answers
nobody. edge/runtime/liveness_probe.py asks.
"""

import asyncio
import socket

ALIVE = b"alive\n"
_WAITING = 8
"""Askers at once; one comes every half minute."""


def bind(name: str) -> socket.socket:
    """Return a socket of that name, on which nobody can ask yet; raises OSError."""
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        bound.bind(f"\0{name}")
    except OSError:
        bound.close()
        raise
    return bound


class Liveness:
    """Answers every asker, from the moment it is made until it is closed."""

    def __init__(self, bound: socket.socket, loop: asyncio.AbstractEventLoop) -> None:
        self._socket = bound
        self._loop = loop
        bound.listen(_WAITING)
        loop.add_reader(bound, self._answer)

    def _answer(self) -> None:
        try:
            asker, _ = self._socket.accept()
            with asker:
                asker.send(ALIVE)
        except OSError:
            # It has gone again; whether the node lives, it asks anew.
            return

    def close(self) -> None:
        """Answer nobody any more."""
        self._loop.remove_reader(self._socket)
        self._socket.close()
