"""UDP port pairs of a media worker: bound ahead of time, used once, rested (EDGE Q1)."""

import random
import socket
from collections import deque
from collections.abc import Iterable
from typing import NamedTuple


class PortPair(NamedTuple):
    """An even RTP port and the next odd one for RTCP, both bound."""

    port: int
    rtp: socket.socket
    rtcp: socket.socket

    def close(self) -> None:
        """Close both sockets."""
        self.rtp.close()
        self.rtcp.close()


class PortPool:
    """Every port of a range: free, bound and idle, in use, or resting.

    The order is shuffled once; a port comes back at the end of it. Ports that another process has
    are passed over and tried again a round later.
    """

    def __init__(self, address: str, first_port: int, last_port: int, rest_s: float) -> None:
        self._address = address
        self._rest_s = rest_s
        ports = list(range(first_port + first_port % 2, last_port, 2))
        random.SystemRandom().shuffle(ports)
        self._free = deque(ports)
        self._idle: dict[int, PortPair] = {}
        self._resting: deque[tuple[float, int]] = deque()

    @property
    def idle(self) -> int:
        """Return how many pairs are bound and not in use."""
        return len(self._idle)

    def rest(self, ports: Iterable[int], now: float) -> None:
        """Let free ports rest as if they had just been used."""
        resting = set(ports).intersection(self._free)
        self._free = deque(port for port in self._free if port not in resting)
        self._resting.extend((now + self._rest_s, port) for port in resting)

    def bind(self, count: int) -> tuple[int, ...]:
        """Bind up to `count` more pairs; return their RTP ports."""
        bound: list[int] = []
        for _ in range(len(self._free)):
            if len(bound) == count:
                break
            port = self._free.popleft()
            pair = self._try(port)
            if pair is None:
                self._free.append(port)
            else:
                self._idle[port] = pair
                bound.append(port)
        return tuple(bound)

    def take(self, port: int) -> PortPair | None:
        """Return a bound pair for use, None when this port is not an idle one."""
        return self._idle.pop(port, None)

    def give_back(self, pair: PortPair, now: float) -> None:
        """Close a used pair; its port rests before it is bound again."""
        pair.close()
        self._resting.append((now + self._rest_s, pair.port))

    def end_rests(self, now: float) -> None:
        """Free the ports that have rested long enough."""
        while self._resting and self._resting[0][0] <= now:
            self._free.append(self._resting.popleft()[1])

    def close(self) -> None:
        """Close every idle pair."""
        for pair in self._idle.values():
            pair.close()
        self._idle.clear()

    def _try(self, port: int) -> PortPair | None:
        """Return the bound pair; None when a port is taken or descriptors have run out."""
        opened: list[socket.socket] = []
        try:
            for number in (port, port + 1):
                opened.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
                opened[-1].setblocking(False)
                opened[-1].bind((self._address, number))
        except OSError:
            for each in opened:
                each.close()
            return None
        return PortPair(port, *opened)
