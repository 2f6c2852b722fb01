"""What reaches a SIP port besides calls: RFC 4475's messages, broken ones, plain noise."""

import random
import socket
import threading
import time

from edge.flow import Address
from tests.e2e.sipp import free_host
from tests.support.torture import torture_messages

PER_SECOND = 20
_LONGEST_NOISE = 1_200


class Rubbish:
    """A thread that sends it, from a listed address and from a stranger's; the block ends it."""

    def __init__(self, edge: Address, listed: str, seed: int, longest_s: float) -> None:
        """Begin; it ends by itself as well, for what it starts has to be over some time."""
        self.sent = 0
        self._end_at = time.monotonic() + longest_s
        self._edge = edge
        self._chance = random.Random(seed)
        self._messages = torture()
        self._sockets = [_bound(listed), _bound(free_host())]
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def __enter__(self) -> "Rubbish":
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        for sock in self._sockets:
            sock.close()

    def _run(self) -> None:
        while not self._stop.wait(1 / PER_SECOND) and time.monotonic() < self._end_at:
            data = rubbish_in(self._chance, self._messages)
            try:
                self._chance.choice(self._sockets).sendto(data, self._edge)
            except ConnectionRefusedError:  # ICMP of an earlier one: the edge is just starting
                continue
            self.sent += 1


def torture() -> list[bytes]:
    """Return RFC 4475's messages."""
    return [it.data for it in torture_messages()]


def rubbish_in(chance: random.Random, messages: list[bytes]) -> bytes:
    """Return one of the messages, a few octets of it changed, or noise."""
    if chance.random() < 0.2:
        return chance.randbytes(chance.randrange(_LONGEST_NOISE))
    data = bytearray(chance.choice(messages))
    for _ in range(chance.randrange(4)):
        data[chance.randrange(len(data))] = chance.randrange(256)
    return bytes(data)


def _bound(host: str) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((host, 0))
    return sock
