"""Scripted agents on TCP or TLS connections with the edge, on real sockets and the real clock."""

import select
import socket
import ssl
import time
from collections.abc import Callable
from typing import Protocol

from edge.flow import Address, Flow
from edge.sip.framing import FrameKind, StreamFramer
from tests.support.agent import Agent

LONGEST_WAIT_S = 0.05
PATIENCE_S = 30.0
_READ_BYTES = 65_536


class Turning(Protocol):
    """What carries the messages of agents, a little at a time."""

    def turn(self) -> None:
        """Send what waits, take what has come, fire what is due."""


def run_together(*wires: Turning, until: Callable[[], object], what: str) -> None:
    """Carry the messages of several wires until a condition holds."""
    deadline = time.monotonic() + PATIENCE_S
    while not until():
        assert time.monotonic() < deadline, f"{what}: not within {PATIENCE_S:.0f} s"
        for wire in wires:
            wire.turn()


class _Connection:
    """One connection of an agent's, for whole messages."""

    def __init__(self, agent: Agent, sock: socket.socket, remote: Address, number: int) -> None:
        self._agent = agent
        self._framer = StreamFramer()
        self._socket = sock
        self.flow = Flow(agent.transport, agent.address, remote, number)
        # Not by select: TLS 1.3 sends tickets that are readable and bring no data.
        self._socket.settimeout(LONGEST_WAIT_S)

    def take(self) -> None:
        """Read once, with patience."""
        try:
            data = self._socket.recv(_READ_BYTES)
        except TimeoutError:
            data = b""
        for frame in self._framer.feed(data):
            assert frame.kind is FrameKind.MESSAGE
            self._agent.take(frame.data, self.flow, time.monotonic())

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def close(self) -> None:
        self._socket.close()


class StreamWire:
    """Carries the messages of an agent; the `with` block closes the connection."""

    def __init__(
        self,
        agent: Agent,
        edge: Address,
        *,
        tls: ssl.SSLContext | None = None,
        name: str | None = None,
    ) -> None:
        """Connect from the agent's host; with `tls` to the host `name`."""
        self._agent = agent
        plain = socket.create_connection(edge, 5.0, source_address=(agent.address[0], 0))
        sock = plain if tls is None else tls.wrap_socket(plain, server_hostname=name)
        self._connection = _Connection(agent, sock, edge, 1)

    def run_until(self, condition: Callable[[], object], what: str) -> None:
        """Carry messages until a condition holds."""
        run_together(self, until=condition, what=what)

    def turn(self) -> None:
        """Send what waits, take what has come, fire what is due."""
        self._send()
        self._connection.take()
        self._agent.tick(time.monotonic())
        self._send()

    def _send(self) -> None:
        for data, _ in self._agent.outgoing():
            self._connection.send(data)

    def __enter__(self) -> "StreamWire":
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()


class ListeningWire:
    """Takes connections for an agent that is called; the `with` block closes them."""

    def __init__(self, agent: Agent, *, tls: ssl.SSLContext | None = None) -> None:
        """Listen at the agent's address; `tls` is a server's context."""
        self._agent = agent
        self._tls = tls
        self._listener = socket.create_server(agent.address)
        self._connections: dict[int, _Connection] = {}

    def turn(self) -> None:
        """Send what waits, take what has come, fire what is due."""
        self._send()
        wait_s = 0.0 if self._connections else LONGEST_WAIT_S
        if select.select([self._listener], [], [], wait_s)[0]:
            self._accept()
        for connection in self._connections.values():
            connection.take()
        self._agent.tick(time.monotonic())
        self._send()

    def _accept(self) -> None:
        plain, remote = self._listener.accept()
        plain.settimeout(PATIENCE_S)
        sock = plain if self._tls is None else self._tls.wrap_socket(plain, server_side=True)
        made = _Connection(self._agent, sock, remote, len(self._connections) + 1)
        self._connections[made.flow.connection] = made

    def _send(self) -> None:
        for data, flow in self._agent.outgoing():
            self._connections[flow.connection].send(data)

    def __enter__(self) -> "ListeningWire":
        return self

    def __exit__(self, *_: object) -> None:
        for connection in self._connections.values():
            connection.close()
        self._listener.close()
