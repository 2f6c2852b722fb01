"""PBXs that call the phone network through whatever node the DNS names (RFC 3263 §4.3).

Each keeps what the DNS says for its time to live and tries one address after the other: another
one after a 503, or when nothing is heard. To the ledger of tests/chaos each try is a call.
"""

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import dns.message
import dns.query

from edge.flow import Address
from edge.sip.message import Request
from edge.sip.uri import parse_uri
from tests.chaos.ledger import Entry, Fate
from tests.chaos.plan import CallPlan, Kind
from tests.chaos.world import World
from tests.e2e.sipp import free_address
from tests.e2e.wire import Wire
from tests.support.agent import Agent, CalleePlan, CallerPlan, Step

PSTN_NUMBER = "+12125550100"
FIRST_CALLER = 2_065_560_000
PBXS = 3
CALLS_PER_S = 5.0
TALKS_S = (0.5, 2.0, 4.0, 1.0, 3.0)
FOREVER_S = 3_600.0
TURN_S = 0.02
RINGS_S = 0.1
SILENT_FOR_S = 5.0
"""Without any response to an INVITE; many PBXs wait no longer, where RFC 3261 has 32 s."""
DNS_PATIENCE_S = 10.0
TRY_ANOTHER = 503
CALLEE = CalleePlan(steps=(Step(0.0, 180), Step(RINGS_S, 200)))


class Answer(NamedTuple):
    """What the DNS said."""

    hosts: tuple[str, ...]
    until: float
    """Monotonic seconds to which it may be kept."""


class Pbx:
    """One PBX, with a cache of what the DNS has said."""

    def __init__(self, agent: Agent, name: str, server: Address) -> None:
        self.agent = agent
        self._name = name
        self._server = server
        self._known = Answer((), 0.0)

    def hosts(self, now: float) -> tuple[str, ...]:
        """Return the addresses of the name in the order in which they are to be tried."""
        if now >= self._known.until:
            host, port = self._server
            query = dns.message.make_query(self._name, "A")
            answer = dns.query.udp(query, host, timeout=DNS_PATIENCE_S, port=port).answer
            found = tuple(it.address for rrset in answer for it in rrset)
            self._known = Answer(found, now + min((it.ttl for it in answer), default=0))
        return self._known.hosts


@dataclass(slots=True)
class Call:
    """What a person at a phone has of it: one call, whatever is tried to get it through."""

    plan: CallPlan
    pbx: Pbx
    untried: deque[str]
    attempts: list[Entry] = field(default_factory=list)
    asked_at: float = 0.0
    """Of the last attempt, in seconds that somebody has listened."""

    @property
    def last(self) -> Entry:
        """Return the attempt that counts."""
        return self.attempts[-1]

    @property
    def is_unheard(self) -> bool:
        """Tell whether its caller still waits for the first word of the last address."""
        placed = self.last.placed
        return not placed.provisionals and placed.final is None and not placed.no_response

    @property
    def is_over(self) -> bool:
        """Tell whether nothing more will come of it."""
        return self.last.is_over and not self.is_unheard

    def wants_another(self, listened_s: float) -> bool:
        """Tell whether the last attempt has failed in a way that another address may mend."""
        if self.is_unheard:
            return listened_s > self.asked_at + SILENT_FOR_S
        final = self.last.placed.final
        return self.last.placed.no_response if final is None else final.status == TRY_ANOTHER

    def complaint(self) -> str | None:
        """Return what its people would complain of; None when it went as they wished, or ended
        because its node was killed."""
        entry, was_killed = self.last, self.last.fate.killed_at is not None
        if entry.caller_answered_at is None:
            is_excused = was_killed and bool(entry.placed.provisionals)
            return None if is_excused else f"not connected: {self.story()}"
        is_excused = was_killed or (entry.ended_at is not None and not entry.ended_by_edge)
        return None if is_excused else f"cut off: {self.story()}"

    def story(self) -> str:
        """Return who was asked, and what they said."""
        told = []
        for it in self.attempts:
            final = it.placed.final
            said = "nothing" if final is None else f"{final.status} {final.reason}"
            told.append(f"at {it.made_at:.2f} node {it.fate.number} said {said}")
        return ", ".join(told)


class Callers:
    """Makes calls at a steady rate, and sees what becomes of each at both ends."""

    def __init__(
        self, world: World, server: Address, port: int, fate_of: Callable[[str], Fate]
    ) -> None:
        """`server` is the name server, `port` that of all nodes; `fate_of` knows the node of an
        address."""
        self._port = port
        self._host = world.host
        self._fate_of = fate_of
        names = [f"pbx{number}" for number in range(PBXS)]
        agents = [Agent(it, free_address(world.pbx)) for it in names]
        self._pbxs = [Pbx(it, world.host, server) for it in agents]
        self._carrier = Agent("carrier", world.carrier, plan_of=lambda it: CALLEE)
        self._wire = Wire(*agents, self._carrier)
        self._looked_at = 0
        self.calls: list[Call] = []
        self.entries: dict[str, Entry] = {}
        """All attempts by the number of the caller, which no other has."""
        self._open: list[Call] = []
        self._next_at: float | None = None
        self.blind_s = 0.0
        """The longest time between two looks."""
        self._looked_last_at = time.monotonic()
        self._listened_s = 0.0
        """Without the time in which a busy machine has kept us from it."""

    def begin(self) -> None:
        """Call from now on."""
        self._next_at = time.monotonic()

    def pause(self) -> None:
        """Make no new calls."""
        self._next_at = None

    @property
    def open(self) -> int:
        """Return how many calls are not over."""
        return len(self._open)

    def up_at(self, node: int) -> list[Call]:
        """Return the calls that are up at a node."""
        calls = [it for it in self._open if it.last.fate.number == node]
        return [it for it in calls if it.last.caller_answered_at is not None and not it.is_over]

    def answered_by(self, node: int) -> int:
        """Return how many calls a node has let through."""
        calls = [it.last for it in self.calls if it.last.fate.number == node]
        return sum(it.caller_answered_at is not None for it in calls)

    def detours(self) -> list[str]:
        """Return which calls went to more than one node, and what the first ones said."""
        return [it.story() for it in self.calls if len(it.attempts) > 1]

    def complaints(self) -> list[str]:
        """Return what the people at the phones complain of."""
        over = [call.complaint() for call in self.calls if call.is_over]
        return [it for it in over if it is not None]

    def turn(self) -> None:
        """Make the calls that are due, carry messages for a moment, and note what they say."""
        now = time.monotonic()
        self.blind_s = max(self.blind_s, now - self._looked_last_at)
        self._listened_s += min(now - self._looked_last_at, 2 * TURN_S)
        self._looked_last_at = now
        if self._next_at is not None and now >= self._next_at:
            self._next_at = max(self._next_at + 1 / CALLS_PER_S, now - 1.0)
            talks_s = TALKS_S[len(self.calls) % len(TALKS_S)]
            self._call(now, self._pbx_of_next.hosts(now), talks_s)
        self._wire.turn(TURN_S)
        self._find_taken()
        now = time.monotonic()
        for call in self._open:
            self._follow(call, now)
        self._open = [it for it in self._open if not it.is_over]

    def close(self) -> None:
        """Close their sockets."""
        self._wire.close()

    def hold(self, host: str) -> Call:
        """Make a call through one node that goes on until somebody hangs up."""
        return self._call(time.monotonic(), (host,), FOREVER_S)

    def _call(self, now: float, hosts: Sequence[str], talks_s: float) -> Call:
        plan = CallPlan(0.0, Kind.OUTBOUND, RINGS_S, talks_s, caller_hangs_up=True, pick=0.0)
        call = Call(plan, self._pbx_of_next, deque(hosts))
        assert call.untried, "the DNS names no node"
        self._attempt(call, now)
        self.calls.append(call)
        self._open.append(call)
        return call

    @property
    def _pbx_of_next(self) -> Pbx:
        return self._pbxs[len(self.calls) % PBXS]

    def _attempt(self, call: Call, now: float) -> None:
        """Try the next address."""
        host = call.untried.popleft()
        caller = f"+1{FIRST_CALLER + len(self.entries)}"
        placed = call.pbx.agent.call(
            f"sip:{PSTN_NUMBER}@{self._host}",
            (host, self._port),
            CallerPlan(bye_after_s=call.plan.talks_s),
            now,
            caller=caller,
        )
        entry = Entry(caller, call.plan, self._fate_of(host), placed, made_at=now)
        self.entries[caller] = entry
        call.attempts.append(entry)
        call.asked_at = self._listened_s

    def _follow(self, call: Call, now: float) -> None:
        entry = call.last
        entry.observe(now)
        if call.wants_another(self._listened_s):
            entry.placed.abandon()
            if call.untried:
                self._attempt(call, now)

    def _find_taken(self) -> None:
        for taken in self._carrier.taken[self._looked_at :]:
            self.entries[_user(taken.request)].taken = taken
        self._looked_at = len(self._carrier.taken)


def _user(request: Request) -> str:
    return parse_uri(request.from_.uri).user_text
