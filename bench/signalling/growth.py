"""How the cost of a call grows with what the edge holds: calls, connectors, allow-list entries.

Lookups are meant to stay flat, so every row is compared with the first of its kind.
"""

import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median, quantiles
from typing import NamedTuple

from bench.signalling.kernel import free_address
from bench.signalling.load import (
    HELD_RATE,
    SETTLE_S,
    WARM_UP_CALLS,
    callee,
    caller,
    cpu_of,
    run,
    write_users,
)
from bench.signalling.middles import LOAD_CORE, Places, running_edge
from bench.signalling.probe import Probe, listening
from bench.signalling.sink import Sink
from bench.signalling.tls_tunnel import SecureEdge
from bench.signalling.world import Shape, connectors, growth_settings, numbers
from edge.flow import Transport

_ENDLESS_S = 3_600.0
_OVER_TCP = ("-t", "t1", "-bind_local")
"""SIPp's own words; all calls share a connection, as those of a PBX do."""


class Case(NamedTuple):
    """One row."""

    name: str
    shape: Shape
    held: int = 0
    transport: Transport = Transport.UDP


class Cost(NamedTuple):
    """What was measured of one case."""

    signalling_ms: float
    whole_ms: float
    answer_ms: float
    """p99 from INVITE to 200."""
    invite_ms: float
    """p99 from INVITE in to INVITE out."""
    failed: int


def cases(held: Sequence[int], many: Sequence[int], entries: Sequence[int]) -> list[Case]:
    """Return all rows; `many` are numbers of connectors, `entries` of allow-list entries."""
    usual = Shape()
    return [
        *(Case(f"{number} calls held", usual, held=number) for number in held),
        *(Case(f"{number} connectors", Shape(number, numbers_each=1)) for number in many),
        *(Case(f"{number} allow-list entries", _listing(number)) for number in entries),
        *(Case(f"over {transport}", usual, transport=transport) for transport in Transport),
    ]


def report(found: Sequence[Case], *, calls: int, rate: int, rounds: int) -> None:
    """Measure and print a table."""
    print(f"Growth: {calls} calls at {rate} per second beside what is held, median of {rounds};")
    print("INVITE to INVITE by a probe of 20 calls per second over UDP; TLS for SIPp, which has")
    print("none, by a tunnel on the load's core, whose time is part of the wait for the 200\n")
    print("| case | CPU ms/call | with helpers | INVITE to INVITE, p99 ms | to 200 | failed |")
    print("|---|---|---|---|---|---|")
    for case in found:
        costs = [_measure(case, calls=calls, rate=rate) for _ in range(rounds)]
        columns = [median(column) for column in list(zip(*costs, strict=True))[:4]]
        cpu, whole, answer, invite = columns
        failed = sum(cost.failed for cost in costs)
        print(f"| {case.name} | {cpu:.2f} | {whole:.2f} | {invite:.1f} | {answer:.1f} | {failed} |")


def _listing(entries: int) -> Shape:
    """Return a configuration whose allow lists hold so many entries together."""
    many = min(Shape().connectors, entries)
    return Shape(many, entries_each=entries // many)


def _measure(case: Case, *, calls: int, rate: int) -> Cost:
    places = Places(*[free_address(f"127.0.0.{host}") for host in (1, 2, 3)])
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        users = write_users(directory, places, case.shape.connectors)
        answering = stack.enter_context(listening("127.0.0.4"))
        settings = growth_settings(places.callee, answering.getsockname())
        sink = Sink(connectors(places.caller[0], case.shape), numbers(case.shape))
        stack.callback(sink.close)
        secure = SecureEdge.of(directory, places.middle[0])
        middle = stack.enter_context(
            running_edge(
                settings,
                places.middle,
                sink.url,
                directory / "edge.log",
                variables=secure.variables,
            )
        )
        stack.enter_context(callee(places, directory))
        stack.enter_context(_holding(case.held, places, users, directory))
        probe = Probe(places.caller[0], answering, places.middle)
        options = () if case.transport is Transport.UDP else _OVER_TCP
        if case.transport is Transport.TLS:
            tunnel = secure.tunnel_at(places.caller[0], core=LOAD_CORE)
            stack.callback(tunnel.close)
            places = replace(places, middle=tunnel.address)
        run(places, users, directory, calls=min(WARM_UP_CALLS, calls), rate=rate, options=options)
        before = cpu_of(middle)
        failed, waits_ms = run(places, users, directory, calls=calls, rate=rate, options=options)
        time.sleep(SETTLE_S)
        after = cpu_of(middle)
        probe.start(settings, min(case.shape.connectors, Shape().connectors))
        run(places, users, directory, calls=calls, rate=rate, options=options)
        return _cost(calls, before, after, failed, waits_ms, probe.stop())


def _cost(
    calls: int,
    before: tuple[float, float],
    after: tuple[float, float],
    failed: int,
    waits_ms: list[float],
    invites_ms: list[float],
) -> Cost:
    return Cost(
        (after[0] - before[0]) / calls * 1e3,
        (sum(after) - sum(before)) / calls * 1e3,
        quantiles(waits_ms, n=100)[98],
        quantiles(invites_ms, n=100)[98],
        failed,
    )


@contextmanager
def _holding(held: int, places: Places, users: Path, directory: Path) -> Iterator[None]:
    """Hold calls until the block ends, and the edge with it."""
    if not held:
        yield
        return
    elsewhere = replace(places, caller=free_address(places.caller[0]))
    command = caller(elsewhere, users, calls=held, rate=HELD_RATE, hold_s=_ENDLESS_S)
    with (directory / "held.log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=directory)
    try:
        time.sleep(held / HELD_RATE + SETTLE_S)
        yield
    finally:
        process.kill()
        process.wait()
