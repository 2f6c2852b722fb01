"""The nodes of a deployment, and what acts on them as it would on AWS.

The scaling decides how many nodes there should be, the service starts what is missing, edge_dns
keeps the records and says which nodes drain: its decisions are the Lambda's own (A11). Nodes die on
their own, or with their zone.
"""

from collections.abc import Callable, Iterator
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
from lambdas.edge_dns.drains import Candidate, to_drain
from lambdas.edge_dns.records import NodeSeen, Standing, change_of

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
        self._known: dict[str, Node] = {}
        """All that edge_dns has to do with: also those that are gone and have a record."""
        self.records = Records(parameters.addresses_in_answer)
        first = ceil(share_of_peak(0.0) * parameters.concurrent / parameters.size.target)
        self.scaling = Scaling(parameters, max(first, parameters.least_nodes))
        self._begin()

    @property
    def nodes(self) -> Iterator[Node]:
        """Yield the nodes that run."""
        return (it for it in self._known.values() if it.state is not State.GONE)

    def call_ended(self, node: Node, now: float) -> None:
        """Take a call off a node that is not gone."""
        node.calls -= 1
        self._stop_if_done(node, now)

    def drain(self, node: Node, now: float) -> None:
        """Tell a node to drain: it ends with its last call, or when that takes too long."""
        node.drain(now)
        if self._parameters.refuses_after_s is None:
            self._close(node, now)

    def kill(self, node: Node, now: float) -> None:
        """Let a node die, with its calls."""
        if node.state is State.GONE:
            return
        calls = node.end(now)
        self._figures.died += 1
        self._figures.lost += calls
        self._lost(calls, now)
        self._start_missing(now)

    def _begin(self) -> None:
        for _ in range(self.scaling.desired):
            self._serve(self._new_node(), 0.0)
        chosen = self._parameters
        self._change_records(0.0)
        self._spread(list(self.nodes), 0.0)
        self._agenda.at(chosen.measured_every_s, self._measure)
        self._agenda.at(chosen.dns_every_s, self._run_dns)
        for hour in chosen.deployments:
            self._agenda.at(hour * 3600.0, self._deploy)
        if chosen.zone_failure is not None:
            self._agenda.at(chosen.zone_failure * 3600.0, self._lose_zone)

    def _new_node(self) -> Node:
        number = next(self._numbers)
        node = Node(number, self._zones[number % len(self._zones)])
        self._known[node.node_id] = node
        self._figures.started += 1
        return node

    def _serve(self, node: Node, now: float) -> None:
        if node.state is State.STARTING:
            node.serve()
            life_s = self._chance.expovariate(1.0 / (self._parameters.node_days * DAY_S))
            self._agenda.at(now + life_s, partial(self.kill, node))

    def _start_missing(self, now: float) -> None:
        """Do the work of ECS, for which a task that drains is one that runs."""
        running = sum(not it.is_outdated for it in self.nodes)
        for _ in range(self.scaling.desired - running):
            wait_s = self._parameters.start_s * self._chance.uniform(0.75, 1.25)
            self._agenda.at(now + wait_s, partial(self._serve, self._new_node()))

    def _deploy(self, now: float) -> None:
        for node in self.nodes:
            node.is_outdated = True
        self._start_missing(now)

    def _lose_zone(self, now: float) -> None:
        self._zones.remove(FAILING_ZONE)
        for node in [it for it in self.nodes if it.zone == FAILING_ZONE]:
            self.kill(node, now)

    def _close(self, node: Node, now: float) -> None:
        """Let a draining node refuse new calls."""
        if node.state is State.DRAINING and node.is_open:
            node.is_open = False
            self._agenda.at(now + self._parameters.max_drain_s, partial(self._cut, node))
            self._stop_if_done(node, now)

    def _cut(self, node: Node, now: float) -> None:
        if node.state is State.DRAINING:
            self._stop_drained(node, now)

    def _stop_if_done(self, node: Node, now: float) -> None:
        if node.calls == 0 and node.state is State.DRAINING and not node.is_open:
            self._stop_drained(node, now)

    def _stop_drained(self, node: Node, now: float) -> None:
        assert node.drains_since is not None, "only a node that drains is stopped so"
        self._figures.drains.append(Drain(now - node.drains_since, node.drained_calls))
        self._figures.cut += node.end(now)

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
        average = sum(serving) / len(serving) if serving else None
        whole = (len(serving) + len(draining)) * self._parameters.size.whole
        cpu = (sum(serving) + sum(draining)) / whole if whole else 0.0
        is_deployed = not any(it.is_outdated for it in self.nodes)
        self.scaling.measure(average, cpu, now, may_shrink=is_deployed)
        self._start_missing(now)
        self._agenda.at(now + self._parameters.measured_every_s, self._measure)

    def _run_dns(self, now: float) -> None:
        """Do what one run of edge_dns does."""
        self._note_unlisted(now)
        for node_id in to_drain(list(self._candidates()), self.scaling.desired):
            self.drain(self._known[node_id], now)
        self._change_records(now)
        served = [self._known[node_id] for node_id in self.records.asked]
        self._agenda.at(now + self._parameters.propagation_s, partial(self._spread, served))
        self._agenda.at(now + self._parameters.dns_every_s, self._run_dns)

    def _candidates(self) -> Iterator[Candidate]:
        for node in self.nodes:
            if node.state is State.SERVING:
                yield Candidate(node.node_id, not node.is_outdated, node.calls)

    def _note_unlisted(self, now: float) -> None:
        """Let those close after a while that had no record before this run."""
        after_s = self._parameters.refuses_after_s
        for node in self.nodes:
            is_told = node.state is State.DRAINING and node.node_id not in self.records.asked
            if is_told and after_s is not None and node.closes_at is None:
                node.closes_at = now + after_s
                self._agenda.at(node.closes_at, partial(self._close, node))

    def _change_records(self, now: float) -> None:
        seen = {node_id: self._seen(node, now) for node_id, node in self._known.items()}
        # Runs are a minute apart: what the last one removed counts no more.
        changes = self.records.change(change_of(self.records.asked, seen, 0))
        self._figures.record_changes += changes
        self._figures.most_changes = max(self._figures.most_changes, changes)
        for node_id in [it for it, seen_as in seen.items() if seen_as.standing is Standing.DEAD]:
            if node_id not in self.records.asked:
                del self._known[node_id]

    def _seen(self, node: Node, now: float) -> NodeSeen:
        """Return what a node is to edge_dns, ECS telling nothing of those that died."""
        match node.state:
            case State.SERVING:
                return NodeSeen(Standing.SERVING, node.node_id)
            case State.DRAINING:
                return NodeSeen(Standing.LEAVING)
            case State.STARTING:
                return NodeSeen(Standing.UNSURE)
            case State.GONE:
                # One that has drained takes its row away.
                is_over = node.drains_since is not None
                is_silent = node.gone_at is None or now - node.gone_at >= self._parameters.silent_s
                return NodeSeen(Standing.DEAD if is_over or is_silent else Standing.UNSURE)

    def _spread(self, nodes: list[Node], now: float) -> None:
        self.records.served = nodes
