"""A stretch of bad network on loopback, between one SIP peer and the edge: loses, doubles, delays.

The edge knows the peer by the link's address, which is one of the peer's own host, so that allow
lists and carriers' source addresses hold. The peer sends to the link and hears from it alone:
where a message has the peer's `host:port` (Via, Contact), the link puts its own, and back again.
Unlike tests/support/link.py this is real UDP on the real clock, for peers that are processes.
"""

import heapq
import random
import selectors
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from edge.flow import Address
from tests.support.link import Conditions

LONGEST_DATAGRAM = 65_535
_LOOK_EVERY_S = 0.2
"""How long the end of a link may have to wait for its thread."""


class Fates(NamedTuple):
    """What became of the datagrams that a link took."""

    taken: int = 0
    lost: int = 0
    doubled: int = 0
    held_back: int = 0


class ImpairedLink:
    """One peer's way to the edge; the `with` block ends it."""

    def __init__(
        self, *, at: Address, peer: Address, edge: Address, seed: int, conditions: Conditions
    ) -> None:
        """Bind `at`, where the edge finds the peer and the peer finds the edge."""
        assert at[0] == peer[0], "the edge knows the peer by its host"
        assert len(str(at[1])) == len(str(peer[1])), "messages must keep their length"
        self.at = at
        self.seed = seed
        self.fates = Fates()
        self._peer, self._edge = peer, edge
        self._conditions = conditions
        self._chance = random.Random(seed)
        self._due: list[tuple[float, int, bytes, Address]] = []
        self._is_open = True
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self._socket.bind(at)
        self._socket.setblocking(False)
        self._thread = threading.Thread(target=self._carry, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Give the address back: whoever still sends there hears that nobody listens."""
        self._is_open = False
        self._thread.join()
        self._socket.close()

    def __enter__(self) -> "ImpairedLink":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _carry(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._socket, selectors.EVENT_READ)
            while self._is_open:
                wait_s = self._due[0][0] - time.monotonic() if self._due else _LOOK_EVERY_S
                if selector.select(min(max(0.0, wait_s), _LOOK_EVERY_S)):
                    self._take_all()
                while self._due and self._due[0][0] <= time.monotonic():
                    _, _, data, target = heapq.heappop(self._due)
                    self._send(data, target)

    def _take_all(self) -> None:
        while True:
            try:
                data, source = self._socket.recvfrom(LONGEST_DATAGRAM)
            except BlockingIOError:
                return
            except ConnectionRefusedError:  # an ICMP error of what was sent before
                continue
            if source == self._edge:
                self._decide(data.replace(_text(self.at), _text(self._peer)), self._peer)
            elif source == self._peer:
                self._decide(data.replace(_text(self._peer), _text(self.at)), self._edge)

    def _decide(self, data: bytes, target: Address) -> None:
        chance, conditions, fates = self._chance, self._conditions, self.fates
        is_lost = chance.random() < conditions.loss
        copies = 1 + (chance.random() < conditions.duplication)
        if is_lost:
            self.fates = fates._replace(taken=fates.taken + 1, lost=fates.lost + 1)
            return
        held_back = 0
        for _ in range(copies):
            delay_s = conditions.delay_s
            if chance.random() < conditions.reordering:
                held_back += 1
                delay_s = chance.uniform(delay_s, conditions.longest_delay_s)
            entry = (time.monotonic() + delay_s, chance.getrandbits(64), data, target)
            heapq.heappush(self._due, entry)
        self.fates = Fates(
            fates.taken + 1, fates.lost, fates.doubled + copies - 1, fates.held_back + held_back
        )

    def _send(self, data: bytes, target: Address) -> None:
        try:
            self._socket.sendto(data, target)
        except (BlockingIOError, ConnectionRefusedError):
            pass  # one more that is lost; ICMP speaks of an earlier one


@contextmanager
def noted(*links: ImpairedLink) -> Iterator[None]:
    """Say of a failure inside which links there were."""
    try:
        yield
    except BaseException as error:
        for link in links:
            error.add_note(f"link at {link.at[0]}:{link.at[1]}, seed {link.seed}: {link.fates}")
        raise


def _text(address: Address) -> bytes:
    return f"{address[0]}:{address[1]}".encode()
