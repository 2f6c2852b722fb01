"""A network between sans-I/O parties with a clock of its own: loses, doubles, delays, reorders."""

import heapq
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from math import inf
from typing import NamedTuple, Protocol

from edge.flow import Address, Flow, Transport

MOST_STEPS = 100_000
"""Far more than any test needs: a link that takes so many steps goes round in a circle."""


class Party(Protocol):
    """Whoever sends and receives datagrams without any I/O."""

    name: str
    """One letter or so, for ladders."""

    def take(self, data: bytes, flow: Flow, now: float) -> None:
        """Take a datagram."""

    def refused(self, remote: Address, now: float) -> None:
        """Hear that nobody listens at an address (ICMP port unreachable)."""

    def tick(self, now: float) -> None:
        """Do what is due."""

    def deadline(self) -> float | None:
        """Return when the next tick is due."""

    def outgoing(self) -> list[tuple[bytes, Flow]]:
        """Return what is to be sent, once."""


class Conditions(NamedTuple):
    """How bad a link is; shares from 0 to 1, times in seconds."""

    loss: float = 0.0
    duplication: float = 0.0
    reordering: float = 0.0
    """Share of datagrams that are held back for up to `longest_delay_s`."""
    delay_s: float = 0.01
    longest_delay_s: float = 0.3


class Carried(NamedTuple):
    """A datagram that was sent, whatever became of it."""

    at: float
    source: str
    destination: str
    data: bytes
    remote: Address
    lost: bool

    def __str__(self) -> str:
        fate = "  (lost)" if self.lost else ""
        return f"{self.at:9.3f} {self.source}>{self.destination} {label(self.data)}{fate}"


class LossyLink:
    """Joins parties; `run` moves the clock."""

    def __init__(self, seed: int, conditions: Conditions = Conditions()) -> None:  # noqa: B008 - immutable
        self.seed = seed
        self.now = 0.0
        self.carried: list[Carried] = []
        self.silent: set[Address] = set()
        """Addresses that swallow everything."""
        self.refusing: set[Address] = set()
        """Addresses where nobody listens: the sender hears so."""
        self._doomed: set[int] = set()
        self._numbers = count(1)
        self._connections: dict[frozenset[Address], int] = {}
        self._conditions = conditions
        self._chance = random.Random(seed)
        self._parties: dict[Address, Party] = {}
        self._due: list[tuple[float, int, Callable[[float], object]]] = []
        self._sequence = 0

    def join(self, party: Party, *addresses: Address) -> None:
        """Plug a party in at its addresses."""
        self._parties.update(dict.fromkeys(addresses, party))

    def at(self, moment: float, action: Callable[[float], object]) -> None:
        """Do something at a simulated time."""
        self._sequence += 1
        heapq.heappush(self._due, (moment, self._sequence, action))

    def lose(self, number: int) -> None:
        """Lose the datagram that is sent as this one, counted from 0."""
        self._doomed.add(number)

    def connection(self, flow: Flow) -> int:
        """Return the number of the only stream connection between two addresses; 0 for UDP."""
        if flow.transport is Transport.UDP:
            return 0
        ends = frozenset({flow.local, flow.remote})
        return self._connections.setdefault(ends, next(self._numbers))

    def forget_connections(self) -> None:
        """Let whoever sends over a stream next have a new connection."""
        self._connections.clear()

    def run(self, until: float = inf) -> None:
        """Let everything happen up to a simulated time; without one, until nothing is left."""
        parties = list(dict.fromkeys(self._parties.values()))
        for _ in range(MOST_STEPS):
            for party in parties:
                self._send_all(party)
            moment = self._next(parties)
            if moment is None or moment > until:
                self.now = self.now if until == inf else until
                return
            self.now = max(self.now, moment)
            self._step(parties)
        raise AssertionError(f"the parties are not quiet after {MOST_STEPS} steps")

    def ladder(self) -> list[str]:
        """Return what was sent, in the notation of EDGE 1.12: `A>E INVITE`, `E>A 200(BYE)`."""
        return [f"{it.source}>{it.destination} {label(it.data)}" for it in self.carried]

    def sent(self, source: str, destination: str, what: str) -> list[Carried]:
        """Return the datagrams of one kind, e.g. `sent("E", "A", "200")`."""
        return [
            it
            for it in self.carried
            if (it.source, it.destination, label(it.data)) == (source, destination, what)
        ]

    def _next(self, parties: list[Party]) -> float | None:
        moments = [at for party in parties if (at := party.deadline()) is not None]
        if self._due:
            moments.append(self._due[0][0])
        return min(moments, default=None)

    def _step(self, parties: list[Party]) -> None:
        while self._due and self._due[0][0] <= self.now:
            heapq.heappop(self._due)[2](self.now)
        for party in parties:
            deadline = party.deadline()
            if deadline is not None and deadline <= self.now:
                party.tick(self.now)

    def _send_all(self, party: Party) -> None:
        for data, flow in party.outgoing():
            chance, conditions = self._chance, self._conditions
            target = self._parties.get(flow.remote)
            lost = (
                (chance.random() < conditions.loss and flow.transport is Transport.UDP)
                or flow.remote in self.silent
                or len(self.carried) in self._doomed
            )
            name = "?" if target is None else target.name
            self.carried.append(Carried(self.now, party.name, name, data, flow.remote, lost))
            if flow.remote in self.refusing:
                self._refuse(party, flow.remote)
            elif target is not None and not lost:
                self._deliver(target, data, flow)
                doubled = chance.random() < conditions.duplication
                if doubled and flow.transport is Transport.UDP:
                    self._deliver(target, data, flow)

    def _deliver(self, target: Party, data: bytes, flow: Flow) -> None:
        conditions = self._conditions
        delay = conditions.delay_s
        if self._chance.random() < conditions.reordering:
            delay = self._chance.uniform(delay, conditions.longest_delay_s)
        arriving = Flow(flow.transport, flow.remote, flow.local, self.connection(flow))
        self.at(self.now + delay, lambda now: target.take(data, arriving, now))

    def _refuse(self, party: Party, remote: Address) -> None:
        delay = self._conditions.delay_s
        self.at(self.now + delay, lambda now: party.refused(remote, now))


@contextmanager
def lossy_link(seed: int, conditions: Conditions = Conditions()) -> Iterator[LossyLink]:  # noqa: B008 - immutable
    """Give a link; a failure inside shows its seed and what was on the wire."""
    link = LossyLink(seed, conditions)
    try:
        yield link
    except BaseException as error:
        error.add_note(f"link seed {seed}, {conditions}, at {link.now:.3f} s")
        error.add_note("\n".join(str(it) for it in link.carried[-200:]))
        raise


def label(data: bytes) -> str:
    """Return `INVITE` of a request, `180` of a response to INVITE, `200(BYE)` of any other."""
    first, *_ = data.split(b" ", 2)
    if first != b"SIP/2.0":
        return first.decode("utf-8", "replace")
    status = data[8:11].decode("utf-8", "replace")
    method = data.partition(b"\r\nCSeq: ")[2].partition(b"\r\n")[0].split()[-1:]
    return status if method == [b"INVITE"] else f"{status}({b''.join(method).decode()})"
