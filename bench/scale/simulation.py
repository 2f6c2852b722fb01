"""A day of a fleet, second by second: calls that peers offer, nodes that come, drain and die.

Pure: no clock, no I/O, one source of chance, so that a seed is a run. In a second calls end first,
then happens what is due, then new calls begin.
"""

from bisect import bisect_left
from collections import Counter, defaultdict
from itertools import accumulate
from math import ceil
from random import Random

from bench.scale.agenda import Agenda
from bench.scale.figures import Figures, Met
from bench.scale.fleet import Fleet
from bench.scale.load import Lengths, rate_at, weights
from bench.scale.nodes import Node, State
from bench.scale.parameters import Parameters
from bench.scale.peers import Manner, Peer

RATE_EVERY_S = 60
"""How often the rate of calls follows the curve of the day."""


class Simulation:
    """One run; `figures` grow while it goes."""

    def __init__(self, parameters: Parameters) -> None:
        self._parameters = parameters
        self._chance = Random(parameters.seed)
        self._lengths = Lengths(parameters, self._chance)
        self._limit = parameters.size.limit
        self._agenda = Agenda()
        self._ends: defaultdict[int, list[Node]] = defaultdict(list)
        """Where calls are that end in a second."""
        self._redials: Counter[int] = Counter()
        self.figures = Figures()
        self.fleet = Fleet(
            parameters,
            agenda=self._agenda,
            chance=self._chance,
            figures=self.figures,
            lost=self._calls_lost,
        )
        shares = weights(parameters, self._chance)
        self._cumulative = list(accumulate(shares))
        # Sums of shares end a little beside 1.
        self._cumulative[-1] = 1.0
        self._peers = [self._peer(number) for number in range(len(shares))]

    def run(self) -> Figures:
        """Let the time pass; return the figures."""
        for second in range(round(self._parameters.hours * 3600)):
            self.step(second)
        return self.figures

    def step(self, second: int) -> None:
        """Let one second pass; they are to come in their order."""
        now = float(second)
        for node in self._ends.pop(second, ()):
            # The calls of a node that is gone were counted when it went.
            if node.state is not State.GONE:
                self.figures.completed += 1
                self.fleet.call_ended(node, now)
        self._agenda.run(now)
        self._offer_calls(second, now)

    def _offer_calls(self, second: int, now: float) -> None:
        for _ in range(self._redials.pop(second, 0)):
            self.figures.redialled += 1
            self._call(now)
        rate = rate_at(self._parameters, float(second - second % RATE_EVERY_S))
        gap = self._chance.expovariate
        at = gap(rate)
        while at < 1.0:
            self._call(now)
            at += gap(rate)

    def _call(self, now: float) -> None:
        self.figures.offered += 1
        peer = self._peers[bisect_left(self._cumulative, self._chance.random())]
        node = peer.first(now)
        if node is not None and node.is_open and node.calls < self._limit:
            self._take(node, now)
        else:
            self._try_others(peer, node, now)

    def _try_others(self, peer: Peer, failed: Node | None, now: float) -> None:
        self.figures.met[_why(failed)] += 1
        for node in peer.others(failed, now)[: self._parameters.attempts - 1]:
            if node.is_open and node.calls < self._limit:
                peer.worked(node)
                self.figures.failed_over += 1
                self._take(node, now)
                return
        self.figures.refused += 1

    def _take(self, node: Node, now: float) -> None:
        node.calls += 1
        if node.calls > self.figures.most_calls:
            self.figures.most_calls = node.calls
        self._ends[int(now) + ceil(self._lengths.draw())].append(node)

    def _calls_lost(self, calls: int, now: float) -> None:
        chosen, chance = self._parameters, self._chance
        for _ in range(calls):
            if chance.random() < chosen.redial_share:
                self._redials[int(now + chance.uniform(1.0, chosen.redial_within_s))] += 1

    def _peer(self, number: int) -> Peer:
        chosen = self._parameters
        manner = Manner.ROTATING
        if number >= chosen.carriers:
            shares = (chosen.shares.rotating, chosen.shares.first, chosen.shares.holding)
            manner = self._chance.choices(tuple(Manner), shares)[0]
        return Peer(manner, self.fleet.records, chosen.ttl_s, self._chance)


def _why(node: Node | None) -> Met:
    if node is None:
        return Met.NO_NAME
    if node.is_open:
        return Met.FULL
    return Met.DRAINING if node.state is State.DRAINING else Met.DEAD
