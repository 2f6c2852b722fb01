"""The nodes of a deployment, and what acts on them as it would on AWS.

The scaling decides how many nodes there should be, the service starts what is missing, edge_dns
keeps the records and says which nodes drain (A11). Nodes die on their own, or with their zone.
"""

from collections.abc import Callable
from functools import partial
from itertools import count
from math import ceil
from random import Random

from bench.scale.agenda import Agenda
from bench.scale.figures import Drain, Figures, Look
from bench.scale.load import share_of_peak
from bench.scale.nodes import Node, Records, State
from bench.scale.parameters import Parameters
from bench.scale.scaling import Scaling

DAY_S = 86_400.0
FAILING_ZONE = 0


class Fleet:
    """All nodes; `lost` hears how many calls ended with one that died."""

    def __init__(
        self,
        parameters: Parameters,
        *,
        agenda: Agenda,
        chance: Random,
        figures: Figures,
        lost: Callable[[int, float], None],
    ) -> None:
        self._parameters = parameters
        self._agenda = agenda
        self._chance = chance
        self._figures = figures
        self._lost = lost
        self._numbers = count()
        self._zones = list(range(parameters.zones))
        self.nodes: list[Node] = []
        """All that are not gone."""
        self.records = Records(
            most=parameters.most_records, in_answer=parameters.addresses_in_answer
        )
        first = ceil(share_of_peak(0.0) * parameters.concurrent / parameters.size.target)
        self.scaling = Scaling(parameters, max(first, parameters.least_nodes))
        self._begin()

    def call_ended(self, node: Node, now: float) -> None:
        """Take a call off a node that is not gone."""
        node.calls -= 1
        self._stop_if_done(node, now)

    def drain(self, node: Node, now: float) -> None:
        """Mark a node: it ends with its last call, or when that takes too long."""
        node.drain(now)
        self._agenda.at(now + self._parameters.farewell_s, partial(self._close, node))

    def kill(self, node: Node, now: float) -> None:
        """Let a node die, with its calls."""
        if node.state is State.GONE:
            return
        calls = node.end(now + self._parameters.lease_s)
        self.nodes.remove(node)
        self._figures.died += 1
        self._figures.lost += calls
        self._lost(calls, now)
        self._start_missing(now)

    def _begin(self) -> None:
        for _ in range(self.scaling.desired):
            self._serve(self._new_node(), 0.0)
        self.records.adjust(self.nodes, 0.0)
        self.records.served = self.records.asked
        chosen = self._parameters
        self._agenda.at(chosen.measured_every_s, self._measure)
        self._agenda.at(chosen.dns_every_s, self._adjust)
        for hour in chosen.deployments:
            self._agenda.at(hour * 3600.0, self._deploy)
        if chosen.zone_failure is not None:
            self._agenda.at(chosen.zone_failure * 3600.0, self._lose_zone)

    def _new_node(self) -> Node:
        number = next(self._numbers)
        node = Node(number, self._zones[number % len(self._zones)])
        self.nodes.append(node)
        self._figures.started += 1
        return node

    def _serve(self, node: Node, now: float) -> None:
        if node.state is State.STARTING:
            node.serve()
            life_s = self._chance.expovariate(1.0 / (self._parameters.node_days * DAY_S))
            self._agenda.at(now + life_s, partial(self.kill, node))

    def _start_missing(self, now: float) -> None:
        fresh = [it for it in self.nodes if not it.is_outdated and it.state is not State.DRAINING]
        for _ in range(self.scaling.desired - len(fresh)):
            wait_s = self._parameters.start_s * self._chance.uniform(0.75, 1.25)
            self._agenda.at(now + wait_s, partial(self._serve, self._new_node()))

    def _close(self, node: Node, now: float) -> None:
        node.is_open = False
        self._agenda.at(now + self._parameters.max_drain_s, partial(self._cut, node))
        self._stop_if_done(node, now)

    def _stop_if_done(self, node: Node, now: float) -> None:
        if node.calls == 0 and node.state is State.DRAINING and not node.is_open:
            self._stop_drained(node, now)

    def _stop_drained(self, node: Node, now: float) -> None:
        self._figures.drains.append(Drain(now - node.drains_since, node.drained_calls))
        # It takes its own row away.
        self._figures.cut += node.end(now)
        self.nodes.remove(node)

    def _cut(self, node: Node, now: float) -> None:
        if node.state is State.DRAINING:
            self._stop_drained(node, now)

    def _deploy(self, now: float) -> None:
        for node in self.nodes:
            node.is_outdated = True
        self._start_missing(now)

    def _lose_zone(self, now: float) -> None:
        self._zones.remove(FAILING_ZONE)
        for node in [it for it in self.nodes if it.zone == FAILING_ZONE]:
            self.kill(node, now)

    def _measure(self, now: float) -> None:
        serving = [it.calls for it in self.nodes if it.state is State.SERVING]
        draining = [it.calls for it in self.nodes if it.state is State.DRAINING]
        self._figures.looks.append(
            Look(
                at_s=now,
                serving=len(serving),
                draining=len(draining),
                calls=sum(serving) + sum(draining),
                served=sum(serving),
                busiest=max(serving, default=0),
            )
        )
        if serving:
            self.scaling.measure(sum(serving) / len(serving), now)
        self._start_missing(now)
        self._agenda.at(now + self._parameters.measured_every_s, self._measure)

    def _adjust(self, now: float) -> None:
        """Do the work of edge_dns."""
        self._drain_surplus(now)
        changes = self.records.adjust(self.nodes, now)
        self._figures.record_changes += changes
        self._figures.most_changes = max(self._figures.most_changes, changes)
        spread = partial(self._spread, self.records.asked)
        self._agenda.at(now + self._parameters.propagation_s, spread)
        self._agenda.at(now + self._parameters.dns_every_s, self._adjust)

    def _spread(self, asked: list[Node], now: float) -> None:
        self.records.served = asked

    def _drain_surplus(self, now: float) -> None:
        """Mark nodes that are too many, outdated ones first, never more than a third at once.

        Only those count that peers can know: who has no record yet replaces nobody.
        """
        known = [it for it in self.records.served if it.state is State.SERVING]
        known.sort(key=lambda it: (not it.is_outdated, it.calls, it.number))
        surplus = min(len(known) - self.scaling.desired, max(1, len(known) // 3))
        for node in known[: max(0, surplus)]:
            self.drain(node, now)
