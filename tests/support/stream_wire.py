"""A scripted agent on one TCP or TLS connection to the edge, on real sockets and the real clock."""

import socket
import ssl
import time
from collections.abc import Callable

from edge.flow import Address, Flow
from edge.sip.framing import FrameKind, StreamFramer
from tests.support.agent import Agent

LONGEST_WAIT_S = 0.05
_READ_BYTES = 65_536


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
        self._framer = StreamFramer()
        self._flow = Flow(agent.transport, agent.address, edge, 1)
        plain = socket.create_connection(edge, 5.0, source_address=(agent.address[0], 0))
        self._socket = plain if tls is None else tls.wrap_socket(plain, server_hostname=name)
        # Not by select: TLS 1.3 sends tickets that are readable and bring no data.
        self._socket.settimeout(LONGEST_WAIT_S)

    def run_until(self, condition: Callable[[], object], what: str, within_s: float = 30.0) -> None:
        """Carry messages until a condition holds."""
        deadline = time.monotonic() + within_s
        while not condition():
            assert time.monotonic() < deadline, f"{what}: not within {within_s:.0f} s"
            self._turn()
        self._send()

    def _turn(self) -> None:
        self._send()
        try:
            data = self._socket.recv(_READ_BYTES)
        except TimeoutError:
            data = b""
        for frame in self._framer.feed(data):
            assert frame.kind is FrameKind.MESSAGE
            self._agent.take(frame.data, self._flow, time.monotonic())
        self._agent.tick(time.monotonic())

    def _send(self) -> None:
        for data, _ in self._agent.outgoing():
            self._socket.sendall(data)

    def __enter__(self) -> "StreamWire":
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()
