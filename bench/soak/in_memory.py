"""Hours of mixed calls in minutes: the Core and its peers by a simulated clock, and what is held.

What a process holds after a minute and after hours can be compared here object by object, without
sockets, other processes or a clock that runs.
"""

import gc
import os
import random
from array import array
from collections import Counter, deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from enum import Enum
from heapq import heappop, heappush
from itertools import count

from bench.signalling.kernel import resident_kib
from bench.signalling.world import BUCKET
from bench.soak.kinds import KINDS
from bench.soak.peers import Callee, Caller
from bench.soak.rubbish import PER_SECOND, rubbish_in, torture
from bench.soak.world import Place, connectors, numbers, settings_for
from edge.__main__ import YOUNG_OBJECTS
from edge.clock import Clock
from edge.config import Snapshot
from edge.config_change import Existing, everything_in
from edge.core import Core
from edge.flow import Address, Flow, Transport
from edge.ids import SystemIds
from edge.media.session import (
    CloseSession,
    LegStatistics,
    MediaCommand,
    OpenSession,
    PortsLeased,
    SessionClosed,
    SessionId,
)
from edge.runtime.driver import TICK_EVERY_S
from edge.seam import (
    CommandMedia,
    ConfigChanged,
    ConfigLoaded,
    Input,
    MediaReported,
    Output,
    Received,
    Send,
    Tick,
    WriteRecord,
)
from model.cdr import CallDetailRecord

EDGE: Address = ("127.0.0.1", 5060)
STRANGER: Address = ("127.0.99.1", 5060)
CLOSING_S = 0.03
"""Until a media worker has had its last word on a session."""
_PORTS = tuple(range(10_000, 30_000, 2))
HEAP = "core._timers._heap"
"""Its place among the tables: entries of stopped timers stay for a while."""
_MORE_SHOWN = 12
_FEW = 16
LOOK_EVERY_MINUTES = 5
SETTLED_AFTER_MINUTES = 15


class World:
    """A Core, its peers, and the clock."""

    def __init__(self, rate: float, seed: int = 1) -> None:
        """Prepare for so many calls per second, all kinds together."""
        places = [_place(number) for number in range(len(KINDS))]
        settings = settings_for(places)
        self.core = Core(
            settings=settings,
            ids=SystemIds(),
            clock=Clock(0.0, datetime(2026, 7, 1, tzinfo=UTC)),
            sip_address=EDGE,
            media_address=EDGE[0],
            nonce_secret=bytes(32),
            workers=1,
        )
        self.now = 0.0
        self.records = 0
        self.began = 0
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        self._next_tick = 0.0
        self._ports: dict[SessionId, tuple[int, int]] = {}
        self._chance, self._torture = random.Random(seed), torture()
        self._callers = [Caller(place, self, settings, EDGE) for place in places]
        self._peers: dict[Address, Caller | Callee] = {it.at: it for it in self._callers}
        for place in places:
            for at, broken in ((place.callee, False), (place.broken, True)):
                self._peers[at] = Callee(place, self, at, is_broken=broken)
        known = Snapshot.build(settings, connectors(places, settings), numbers(places), BUCKET)
        for news in (
            ConfigChanged(everything_in(known)),
            ConfigLoaded(Existing.of(known)),
            MediaReported(0, PortsLeased(_PORTS)),
        ):
            self._feed(news)
        self._stops_at = float("inf")
        for caller in self._callers:
            self._repeat(1 / (rate * caller.kind.share), self._begin(caller))
        self._repeat(1 / PER_SECOND, self._send_rubbish)

    @property
    def calls(self) -> int:
        """Return how many calls are not over for their callers."""
        return sum(caller.calls for caller in self._callers)

    def run(self, seconds: float) -> None:
        """Let time pass."""
        until = self.now + seconds
        while True:
            deadline = self.core.deadline()
            tick = float("inf") if deadline is None else max(deadline, self._next_tick)
            due = self._due[0][0] if self._due else float("inf")
            if min(tick, due) > until:
                break
            self.now = max(self.now, min(tick, due))
            if tick <= due:
                self._next_tick = self.now + TICK_EVERY_S
                self._feed(Tick())
            else:
                heappop(self._due)[2]()
        self.now = until

    def stop_calling(self) -> None:
        """Begin no more calls and send no more rubbish."""
        self._stops_at = self.now

    # Network, for the peers

    def send(self, data: str, flow: Flow) -> None:
        """Take a message to the edge."""
        self._feed(Received(data.encode(), flow))

    def later(self, wait_s: float, do: Callable[[], None]) -> None:
        """Do something when time has passed."""
        heappush(self._due, (self.now + wait_s, next(self._order), do))

    def _begin(self, caller: Caller) -> Callable[[], None]:
        def begin() -> None:
            self.began += 1
            caller.call()

        return begin

    def _repeat(self, every_s: float, do: Callable[[], None]) -> None:
        def again() -> None:
            if self.now < self._stops_at:
                do()
                self.later(every_s, again)

        self.later(every_s, again)

    def _send_rubbish(self) -> None:
        source = self._chance.choice((self._callers[0].at, STRANGER))
        data = rubbish_in(self._chance, self._torture)
        self._feed(Received(data, Flow(Transport.UDP, EDGE, source)))

    def _feed(self, happened: Input) -> None:
        self.core.handle(happened, self.now)
        while (output := self.core.poll()) is not None:
            self._carry_out(output)

    def _carry_out(self, output: Output) -> None:
        match output:
            case Send(data, flow):
                peer = self._peers.get(flow.remote)
                if peer is not None:
                    message = data.decode(errors="replace")
                    self.later(0.0, lambda: peer.take(message, flow))
            case CommandMedia(_, command):
                self._command(command)
            case WriteRecord(_, record):
                self.records += isinstance(record, CallDetailRecord)
            case _:
                pass

    def _command(self, command: MediaCommand) -> None:
        match command:
            case OpenSession(session, a_port, b_port):
                self._ports[session] = (a_port, b_port)
            case CloseSession(session):
                self.later(CLOSING_S, lambda: self._closed(session))
            case _:
                pass

    def _closed(self, session: SessionId) -> None:
        self._feed(MediaReported(0, SessionClosed(session, LegStatistics(), LegStatistics())))
        self._feed(MediaReported(0, PortsLeased(self._ports.pop(session))))


def _place(number: int) -> Place:
    caller, callee, broken = [(f"127.0.{number}.{host}", 5060) for host in (11, 12, 13)]
    return Place(KINDS[number], caller, callee, broken)


def tables_of(root: object) -> dict[str, int]:
    """Return the sizes of all containers that the parts of a Core have, by the way to them."""
    found: dict[str, int] = {}
    seen: set[int] = set()
    waiting = deque[tuple[str, object]]([("core", root)])
    while waiting:
        path, it = waiting.popleft()
        if id(it) in seen:
            continue
        seen.add(id(it))
        if isinstance(it, dict | list | set | deque | array):
            found[path] = len(it)
            if isinstance(it, list) and len(it) <= _FEW:
                waiting += [(f"{path}[{n}]", member) for n, member in enumerate(it)]
        elif type(it).__module__.startswith("edge.") and not isinstance(it, Enum):
            waiting += [(f"{path}.{name}", member) for name, member in _attributes(it)]
    return found


def _attributes(it: object) -> list[tuple[str, object]]:
    names = [name for kind in type(it).__mro__ for name in getattr(kind, "__slots__", ())]
    names += getattr(it, "__dict__", {})
    return [(name, getattr(it, name)) for name in names if hasattr(it, name)]


def objects() -> Counter[str]:
    """Return how many objects of each type the collector knows."""
    return Counter(type(it).__qualname__ for it in gc.get_objects())


def report(hours: float, rate: float) -> None:
    """Let hours pass and print what is held, every few minutes."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, 20, 100)
    world = World(rate)
    settled: tuple[dict[str, int], Counter[str]] | None = None
    print("minute    calls  RSS KiB  objects  timers held")
    for minute in range(0, round(hours * 60) + 1, LOOK_EVERY_MINUTES):
        world.run(minute * 60.0 - world.now)
        known, tables = objects(), tables_of(world.core)
        entries = tables[HEAP]
        print(
            f"{minute:6} {world.began:8} {resident_kib(os.getpid()):8.0f} {known.total():8} "
            f"{entries:7}",
            flush=True,
        )
        if settled is None and minute >= SETTLED_AFTER_MINUTES:
            settled = tables, known
    if settled is not None:
        _print_more("tables", settled[0], tables)
        _print_more("objects", settled[1], known)
    world.stop_calling()
    world.run(7_200.0)
    print(f"at rest: {world.core.pending}, {world.calls} calls not over for their callers")


def _print_more(what: str, before: Mapping[str, int], after: Mapping[str, int]) -> None:
    more = Counter({name: size - before.get(name, 0) for name, size in after.items()})
    grown = (f"{name} +{number}" for name, number in more.most_common(_MORE_SHOWN) if number > 0)
    print(f"{what}, more than after {SETTLED_AFTER_MINUTES} minutes: {', '.join(grown)}")
