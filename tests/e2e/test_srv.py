"""Routes that leave the port to SRV records, from a name server to the calls (EDGE W11)."""

import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from math import sqrt

import pytest

from edge.flow import Address
from model.connector import Origination, Route
from model.numbers import InventoryNumber
from tests.e2e.cluster import MADE_AT, Cluster, cluster
from tests.e2e.running import PATIENCE_S
from tests.e2e.sipp import free_address, free_host
from tests.e2e.wire import Wire
from tests.support.agent import Agent, CalleePlan, CallerPlan, Step
from tests.support.name_server import NameServer, name_server

pytestmark = [pytest.mark.sockets, pytest.mark.xdist_group("srv")]

UNHURRIED = {"overload_lag_ms": 5_000, "drop_lag_ms": 10_000}
BUSY = 486
"""What every PBX says here, and whoever calls hears: nobody has to hang up."""
AT_ONCE = 5
_serial = count(1)


@pytest.fixture(scope="module")
def dns() -> Iterator[NameServer]:
    with name_server() as server:
        yield server


@pytest.fixture(scope="module")
def edges(dns: NameServer) -> Iterator[Cluster]:
    """Run one edge that asks this name server alone."""
    host, port = dns.address
    servers = {"OVC_DNS_SERVERS": f"{host}:{port}"}
    with cluster(1, cps_limit=100, variables=servers, admission=UNHURRIED) as running:
        yield running


class Pbx:
    """A connector whose only route is a name, with agents as the PBXs behind that name."""

    def __init__(self, edges: Cluster, dns: NameServer, size: int) -> None:
        """Make the connector, a number and the agents; the name stands for nobody yet."""
        serial = next(_serial)
        self._edges, self._dns = edges, dns
        self.name = f"pbx{serial}.example"
        self.number = f"+1212555{serial:04d}"
        self.agents = [
            Agent(f"pbx{serial}-{n}", free_address(free_host()), plan_of=_is_busy)
            for n in range(size)
        ]
        self.carrier = Agent(f"carrier{serial}", edges.shared.carrier)
        routes = (Route(host=self.name, port=0),)
        connector = replace(
            edges.shared.connector(100),
            connector_id=f"srv{serial:019d}",
            origination=Origination(routes=routes),
        )
        edges.shared.put(connector)
        edges.shared.put_number(
            InventoryNumber(
                e164=self.number,
                number_type="Local",
                product_type="VoiceConnector",
                country="US",
                created_at=MADE_AT,
                updated_at=MADE_AT,
                connector_id=connector.connector_id,
            )
        )

    def resolve(self, *shares: tuple[Agent, int, int], ttl: int = 60) -> None:
        """Let the name stand for agents, each with a priority and a weight."""
        records = []
        for agent, priority, weight in shares:
            host, port = agent.address
            target = f"{agent.name}.example"
            self._dns.set(target, "A", host, ttl=ttl)
            records.append(f"{priority} {weight} {port} {target}.")
        self._dns.set(f"_sip._udp.{self.name}", "SRV", *records, ttl=ttl)

    def call(self, wire: Wire, calls: int = 1) -> list[int]:
        """Call the number so often, some at once; return what the caller hears."""
        edge: Address = self._edges.addresses[0]
        heard: list[int] = []
        while len(heard) < calls:
            some = [
                self.carrier.call(f"sip:{self.number}@{edge[0]}", edge, CallerPlan(), at)
                for at in [time.monotonic()] * min(AT_ONCE, calls - len(heard))
            ]
            wire.run_until(lambda some=some: all(it.final for it in some), "answers")  # type: ignore[misc]  # a default binds the loop's value
            heard += [it.final.status for it in some if it.final is not None]
            pause(wire, 0.1)  # far below what a carrier may send in a second (EDGE S3)
        return heard

    def call_until(self, wire: Wire, agent: Agent) -> None:
        """Call until an agent gets it: what is configured takes effect by and by."""
        deadline, had = time.monotonic() + PATIENCE_S, len(agent.taken)
        while len(agent.taken) == had:
            assert time.monotonic() < deadline, f"no call reaches {agent.name}"
            self.call(wire)


def pause(wire: Wire, wait_s: float) -> None:
    """Let time pass, and messages."""
    until = time.monotonic() + wait_s
    wire.run_until(lambda: time.monotonic() > until, "a pause")


def _is_busy(request: object) -> CalleePlan:
    return CalleePlan(steps=(Step(0.0, BUSY),))


def test_the_second_priority_is_for_calls_that_the_first_fails(
    edges: Cluster, dns: NameServer
) -> None:  # EDGE W11, F1, F4, F9
    pbx = Pbx(edges, dns, 2)
    first, second = pbx.agents
    pbx.resolve((second, 2, 10), (first, 1, 10))
    with Wire(pbx.carrier, first, second) as wire:
        pbx.call_until(wire, first)
        assert pbx.call(wire, 20) == [BUSY] * 20
    assert second.taken == [] and len(first.taken) >= 21
    with Wire(pbx.carrier, second) as wire:  # where the first was nobody listens
        assert pbx.call(wire, 3) == [BUSY] * 3
    assert len(second.taken) == 3


def test_weights_share_the_calls_of_a_priority(edges: Cluster, dns: NameServer) -> None:
    # EDGE W11, F1, F2: within four sigma
    pbx = Pbx(edges, dns, 2)
    often, seldom = pbx.agents
    pbx.resolve((often, 1, 30), (seldom, 1, 10))
    calls, share = 60, 0.75
    with Wire(pbx.carrier, often, seldom) as wire:
        pbx.call_until(wire, often)
        before = len(often.taken), len(seldom.taken)
        assert pbx.call(wire, calls) == [BUSY] * calls
    counted = len(often.taken) - before[0], len(seldom.taken) - before[1]
    assert sum(counted) == calls
    assert abs(counted[0] - calls * share) <= 4 * sqrt(calls * share * (1 - share))


def test_records_are_asked_for_again_when_their_time_is_over(
    edges: Cluster, dns: NameServer
) -> None:  # EDGE W11: after 5 s at the earliest
    pbx = Pbx(edges, dns, 2)
    first, second = pbx.agents
    pbx.resolve((first, 1, 1), ttl=1)
    with Wire(pbx.carrier, first, second) as wire:
        pbx.call_until(wire, first)
        pbx.resolve((second, 1, 1), ttl=1)
        pbx.call_until(wire, second)
        had = len(first.taken)
        assert pbx.call(wire, 3) == [BUSY] * 3
    assert len(first.taken) == had
