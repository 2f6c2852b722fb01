"""Our own scripted agents on real sockets and the real clock, where SIPp cannot do what is needed.

The agents of tests/support/agent.py do no I/O; this carries their datagrams.
"""

import selectors
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack

from edge.flow import Flow, Transport
from tests.e2e.running import PATIENCE_S
from tests.support.agent import Agent

LONGEST_WAIT_S = 0.05
_LONGEST_DATAGRAM = 65_536


class Wire:
    """Agents with a UDP socket each; the `with` block closes them."""

    def __init__(self, *agents: Agent) -> None:
        """Bind each agent's address."""
        self._open = ExitStack()
        self._selector = self._open.enter_context(selectors.DefaultSelector())
        self._sockets: dict[str, socket.socket] = {}
        self._agents = agents
        for agent in agents:
            sock = self._open.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            sock.setblocking(False)
            sock.bind(agent.address)
            self._sockets[agent.name] = sock
            self._selector.register(sock, selectors.EVENT_READ, agent)

    def run_until(self, condition: Callable[[], object], what: str) -> None:
        """Carry messages until a condition holds."""
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < deadline, f"{what}: not within {PATIENCE_S:.0f} s"
            self.turn()
        self._send()

    def turn(self, wait_s: float = LONGEST_WAIT_S) -> None:
        """Send what waits, take what has come, at the latest after a while, fire what is due."""
        self._send()
        for key, _ in self._selector.select(wait_s):
            agent: Agent = key.data
            data, source = self._sockets[agent.name].recvfrom(_LONGEST_DATAGRAM)
            agent.take(data, Flow(Transport.UDP, agent.address, source), time.monotonic())
        for agent in self._agents:
            agent.tick(time.monotonic())

    def _send(self) -> None:
        for agent in self._agents:
            for data, flow in agent.outgoing():
                self._sockets[agent.name].sendto(data, flow.remote)

    def close(self) -> None:
        """Close the sockets."""
        self._open.close()

    def __enter__(self) -> "Wire":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
