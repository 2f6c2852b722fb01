"""The whole Core in calls that are going on, while what reaches it is damaged on the way."""

import random

from edge.flow import Address, Flow, Transport
from model.cdr import CallStatus
from tests.core.stand import (
    CARRIER,
    EDGE,
    INBOUND_URI,
    OUTBOUND_URI,
    PBX,
    SECOND_CARRIER,
    Node,
    Stage,
    connector,
)
from tests.fuzz.corpus import messages
from tests.fuzz.mutation import Mutator
from tests.support.agent import CalleePlan, CallerPlan, Step
from tests.support.link import LossyLink

USER = ("pbx", "secret")
STRANGER: Address = ("192.0.2.200", 40_000)
_DAMAGED = 0.3
"""Share of what the peers send."""
_BUSY = CalleePlan(steps=(Step(0.1, 486),))
_CALLEES = (
    CalleePlan(),
    CalleePlan(bye_after_s=4.0),
    CalleePlan(steps=(Step(0.0, 100), Step(0.2, 183, sdp=True), Step(1.0, 200))),
    _BUSY,
    CalleePlan(steps=(Step(0.1, 503),)),
    CalleePlan(steps=()),
)
_CALLERS = (
    CallerPlan(bye_after_s=5.0),
    CallerPlan(cancel_after_s=1.0),
    CallerPlan(bye_after_s=5.0, reinvite_after_s=1.0),
    CallerPlan(body=b"", bye_after_s=5.0),
    CallerPlan(bye_after_s=5.0, acknowledges=False),
)
_AFTERWARDS_S = 20_000.0
"""Longer than the longest call: whatever was begun is over."""


class DamagedNode(Node):
    """A node that hears badly."""

    def __init__(self, chance: random.Random, *, asks: bool) -> None:
        super().__init__(connector(user=USER if asks else None), seed=chance.randrange(1 << 30))
        self.heard = 0
        self.hears_badly = True
        self._chance = chance
        self._mutator = Mutator(chance, messages())

    def take(self, data: bytes, flow: Flow, now: float) -> None:
        """Take a datagram, damaged or not, sometimes with another one behind it."""
        chance = self._chance
        if self.hears_badly and chance.random() < _DAMAGED:
            remote = chance.choice((flow.remote, PBX, CARRIER, SECOND_CARRIER, STRANGER))
            self._take(self._mutator.damaged(data), flow._replace(remote=remote), now)
            if chance.random() < 0.5:
                return
        self._take(data, flow, now)

    def _take(self, data: bytes, flow: Flow, now: float) -> None:
        self.heard += 1
        super().take(data, flow, now)


def core(chance: random.Random) -> int:
    """Let two calls happen in noise: nothing is left of them, and a third one goes through."""
    asks = chance.random() < 0.2
    node = DamagedNode(chance, asks=asks)
    link = LossyLink(chance.randrange(1 << 30))
    callee = chance.choice(_CALLEES)
    stage = Stage(link, node=node, carrier=callee, pbx=chance.choice(_CALLEES))
    credentials = USER if asks else None
    outbound = chance.choice(_CALLERS)._replace(credentials=credentials)
    stage.pbx.call(OUTBOUND_URI, EDGE, outbound, 0.0)
    inbound = chance.choice(_CALLERS)
    link.at(0.5, lambda now: stage.carrier.call(INBOUND_URI, EDGE, inbound, now))
    noise = Mutator(chance, messages())
    for moment in (0.1, 1.5):
        flow = Flow(Transport.UDP, EDGE, chance.choice((PBX, CARRIER, STRANGER)))
        link.at(moment, lambda now, flow=flow: node.take(noise.message(), flow, now))  # type: ignore[misc]  # binds the loop's value
    link.run()
    node.hears_badly = False
    status = CallStatus.REJECTED if callee is _BUSY else CallStatus.COMPLETED
    assert_takes_a_call(link, stage, credentials, status)
    return node.heard


def assert_takes_a_call(
    link: LossyLink, stage: Stage, credentials: tuple[str, str] | None, status: CallStatus
) -> None:
    """Fail unless nothing is held, an ordinary call ends as it should, and leaves nothing."""
    assert stage.node.is_empty(), stage.node.core.pending
    before = len(stage.node.records)
    plan = CallerPlan(bye_after_s=1.0, credentials=credentials)
    link.at(link.now + _AFTERWARDS_S, lambda now: stage.pbx.call(OUTBOUND_URI, EDGE, plan, now))
    link.run()
    (record,) = stage.node.records[before:]
    assert record.status is status, record
    assert stage.node.is_empty(), stage.node.core.pending
    stage.node.assert_journal_is_even()
