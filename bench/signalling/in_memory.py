"""The Core alone: complete calls without sockets, by a simulated clock.

This is what the decisions of a call cost. The event loop, the sockets and the commands to other
processes come on top; `bench.signalling` without `--in-memory` measures those too.
"""

import cProfile
import gc
import pstats
from contextlib import nullcontext
from datetime import UTC, datetime
from statistics import median
from time import thread_time

from bench.signalling.peers import Callee, Caller
from bench.signalling.world import settings_for, snapshot
from edge.__main__ import YOUNG_OBJECTS
from edge.clock import Clock
from edge.config_change import Existing, everything_in
from edge.core import Core
from edge.flow import Address, Flow, Transport
from edge.ids import SystemIds
from edge.media.session import (
    CloseSession,
    LegStatistics,
    OpenSession,
    PortsLeased,
    SessionClosed,
    SessionId,
)
from edge.seam import (
    CallJournalled,
    CommandMedia,
    ConfigChanged,
    ConfigLoaded,
    Input,
    JournalCall,
    JournalPlace,
    MediaReported,
    Output,
    Received,
    Send,
    Tick,
)

EDGE: Address = ("198.51.100.10", 5060)
PBX: Address = ("203.0.113.20", 5060)
CARRIER: Address = ("192.0.2.30", 5060)

CALLS_PER_SECOND = 50
"""Of simulated time: what a finished call leaves behind for 32 s is there 1,600 times."""
WARM_UP = 2_000


class Bench:
    """One Core, its peers, a stopwatch that runs only while the Core works."""

    def __init__(self) -> None:
        self._settings = settings_for(CARRIER, lab_mode=False)
        self._core = Core(
            settings=self._settings,
            ids=SystemIds(),
            clock=Clock(0.0, datetime(2026, 7, 1, tzinfo=UTC)),
            sip_address=EDGE,
            media_address=EDGE[0],
            nonce_secret=bytes(32),
            workers=1,
        )
        self._ports: dict[SessionId, tuple[int, int]] = {}
        self._callee = Callee(CARRIER)
        self._calls = 0
        self.busy_s = 0.0
        known = snapshot(self._settings, PBX[0])
        self._feed(ConfigChanged(everything_in(known)), 0.0)
        self._feed(ConfigLoaded(Existing.of(known)), 0.0)
        self._feed(MediaReported(0, PortsLeased(tuple(range(10_000, 12_000, 2)))), 0.0)

    def call(self) -> None:
        """Make one call from INVITE to the last 200."""
        self._calls += 1
        now = self._calls / CALLS_PER_SECOND
        self._feed(Tick(), now)
        caller = Caller(self._calls, PBX, self._settings)
        invite = self._sent(self._feed(self._from(PBX, caller.invite()), now), "INVITE")
        self._feed(self._from(CARRIER, self._callee.trying(invite)), now)
        self._feed(self._from(CARRIER, self._callee.ringing(invite)), now)
        outputs = self._feed(self._from(CARRIER, self._callee.answer(invite)), now)
        answer = self._sent(outputs, "SIP/2.0 200")
        self._feed(self._from(PBX, caller.ack(answer)), now)
        bye = self._sent(self._feed(self._from(PBX, caller.bye(answer)), now), "BYE")
        self._feed(self._from(CARRIER, self._callee.done(bye)), now)
        assert self._core.active_calls == 0, "the call is over"

    def _from(self, source: Address, data: bytes) -> Received:
        return Received(data, Flow(Transport.UDP, EDGE, source))

    def _sent(self, outputs: list[Output], start: str) -> str:
        for output in outputs:
            if isinstance(output, Send) and output.data.startswith(start.encode()):
                return output.data.decode()
        raise AssertionError(f"the edge did not send {start}: {outputs}")

    def _feed(self, happened: Input, now: float) -> list[Output]:
        core = self._core
        outputs: list[Output] = []
        began = thread_time()
        core.handle(happened, now)
        while (output := core.poll()) is not None:
            outputs.append(output)
        core.deadline()
        self.busy_s += thread_time() - began
        for output in outputs:
            if isinstance(output, CommandMedia):
                self._worker(output, now)
        for noted in [output for output in outputs if isinstance(output, JournalCall)]:
            safe = CallJournalled(noted.call.transaction_id, JournalPlace.NOWHERE)
            outputs += self._feed(safe, now)
        return outputs

    def _worker(self, output: CommandMedia, now: float) -> None:
        """Say what a closed session was like and lease its ports anew, as a media worker does."""
        match output.command:
            case OpenSession(session, a_port, b_port):
                self._ports[session] = (a_port, b_port)
            case CloseSession(session):
                last_word = SessionClosed(session, LegStatistics(), LegStatistics())
                for report in (last_word, PortsLeased(self._ports.pop(session))):
                    self._feed(MediaReported(output.worker, report), now)
            case _:
                pass


def run(calls: int, rounds: int, *, profiled: bool) -> None:
    """Measure and print; with `profiled` also where the time goes."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, 20, 100)
    bench = Bench()
    for _ in range(WARM_UP):
        bench.call()
    costs: list[float] = []
    profile = cProfile.Profile() if profiled else None
    for _ in range(rounds):
        bench.busy_s = 0.0
        with profile or nullcontext():
            for _ in range(calls):
                bench.call()
        costs.append(bench.busy_s / calls * 1e6)
    print(f"Core in memory: {median(costs):.0f} us per call (rounds: {_listed(costs)})")
    if profile is not None:
        print("the profiler itself is in these figures: compare them with each other only")
        pstats.Stats(profile).sort_stats("tottime").print_stats(45)


def _listed(costs: list[float]) -> str:
    return ", ".join(f"{cost:.0f}" for cost in costs)
