"""The two ends of every call: PBXs and a carrier, with the ledger of what they see."""

import time
from collections.abc import Iterable, Sequence

from edge.sip.message import Request
from edge.sip.uri import parse_uri
from tests.chaos.fleet import Place
from tests.chaos.ledger import Entry
from tests.chaos.plan import CallPlan, Kind
from tests.chaos.world import NUMBER, OTHER_NUMBER, World
from tests.e2e.wire import Wire
from tests.support.agent import Agent, CalleePlan, CallerPlan, Step

PSTN_NUMBER = "+12125550100"
FIRST_CALLER = 2_065_560_000
"""In Seattle; every call has a number of its own."""
BUSY = 486
KEPT_S = 40.0
"""After its end: requests are repeated for 32 s (RFC 3261 §17.1.2.2)."""


class Phones:
    """Makes calls through the edges and sees what becomes of them."""

    def __init__(self, world: World, places: Sequence[Place]) -> None:
        self._world = world
        self._places = places
        self._pbx = Agent("pbx", world.pbx_at, plan_of=self._plan_of)
        self._other_pbx = Agent("other", world.other_pbx_at, plan_of=self._plan_of)
        self._carrier = Agent("carrier", world.carrier, plan_of=self._plan_of)
        self._agents = (self._pbx, self._other_pbx, self._carrier)
        self._looked_at = dict.fromkeys(self._agents, 0)
        self.entries: dict[str, Entry] = {}
        """By the number of the caller."""
        self._open: dict[str, Entry] = {}
        self.blind_s = 0.0
        """The longest time between two looks."""
        self._looked_last_at = time.monotonic()
        self.wire = Wire(*self._agents)

    @property
    def open(self) -> int:
        """Return how many calls are not over."""
        return len(self._open)

    def call(self, plan: CallPlan, through: Iterable[Place] | None = None) -> None:
        """Make a call through one of the edges that take calls; without one there is none."""
        places = self._places if through is None else through
        ready = [place for place in places if place.life.is_ready]
        if not ready:
            return
        place = ready[int(plan.pick * len(ready))]
        caller = f"+1{FIRST_CALLER + len(self.entries)}"
        number = {Kind.INBOUND: NUMBER, Kind.ON_NET: OTHER_NUMBER}.get(plan.kind, PSTN_NUMBER)
        is_inbound = plan.kind is Kind.INBOUND
        agent = self._carrier if is_inbound else self._pbx
        host = place.address[0] if is_inbound else self._world.host
        talks_s = plan.talks_s if plan.caller_hangs_up else None
        now = time.monotonic()
        placed = agent.call(
            f"sip:{number}@{host}",
            place.address,
            CallerPlan(bye_after_s=talks_s),
            now,
            caller=caller,
        )
        entry = Entry(caller, plan, place.life.fate, placed, made_at=now)
        self.entries[caller] = self._open[caller] = entry

    def close(self) -> None:
        """Close their sockets."""
        self.wire.close()

    def turn(self) -> None:
        """Carry messages for a moment and note what they say."""
        now = time.monotonic()
        self.blind_s = max(self.blind_s, now - self._looked_last_at)
        self._looked_last_at = now
        self.wire.turn(0.01)
        for place in self._places:
            place.life.look()
        self._find_taken()
        now = time.monotonic()
        for entry in list(self._open.values()):
            if entry.fate.is_silent(now):
                # Else the INVITE, sent again, would be a call of the next life.
                entry.placed.abandon()
            entry.observe(now)
            if entry.is_over:
                del self._open[entry.caller]

    def forget_old(self) -> None:
        """Let calls go that are long over; an agent looks through all that it knows."""
        before = time.monotonic() - KEPT_S
        for agent in self._agents:
            agent.placed = [it for it in agent.placed if not self._is_old(it.caller, before)]
            agent.taken = [it for it in agent.taken if not self._is_old(user(it.request), before)]
            self._looked_at[agent] = len(agent.taken)

    def _is_old(self, caller: str, before: float) -> bool:
        entry = self.entries[caller]
        return entry.is_over and entry.made_at < before

    def _find_taken(self) -> None:
        for agent in self._agents:
            for taken in agent.taken[self._looked_at[agent] :]:
                self.entries[user(taken.request)].taken = taken
            self._looked_at[agent] = len(agent.taken)

    def _plan_of(self, request: Request) -> CalleePlan:
        plan = self.entries[user(request)].plan
        status = BUSY if plan.kind is Kind.BUSY else 200
        return CalleePlan(
            steps=(Step(0.0, 180), Step(plan.rings_s, status)),
            bye_after_s=None if plan.caller_hangs_up else plan.talks_s,
        )


def user(request: Request) -> str:
    """Return who calls."""
    return parse_uri(request.from_.uri).user_text
