"""A chaos: calls through a few edges while everything around them goes wrong as a plan has it."""

import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from heapq import heappop, heappush
from itertools import count
from math import inf
from pathlib import Path
from typing import NamedTuple

from emulator import aws as embedded
from model.tables import CALLS, DEFAULT_PREFIX
from tests.chaos import faults
from tests.chaos.exchange import Request
from tests.chaos.fault_proxy import Door, Rule
from tests.chaos.faults import Fault
from tests.chaos.fleet import Life, Place, fleet
from tests.chaos.phones import Phones
from tests.chaos.plan import Deed, Plan, What, drawn
from tests.chaos.reaping import Reaper
from tests.chaos.verdict import Verdict, View, judged
from tests.chaos.world import World

PLACES = 2
ROWS_PATIENCE_S = 3.0
"""Of the edge's DynamoDB client (edge/runtime/row_writer.py)."""
SLOW_S = ROWS_PATIENCE_S - 1.0
UNHEARD_S = ROWS_PATIENCE_S + 0.5
MOMENT_WITHIN_S = 4.0
"""An edge that is to be killed at some moment is killed after this long in any case."""
CALLS_END_WITHIN_S = 45.0
SETTLED_WITHIN_S = 120.0
"""Retries pause for up to 20 s."""
STOPPED_WITHIN_S = 30.0
MOST_STOPS = 4
FORGET_EVERY_S = 5.0
REAP_EVERY_S = 4.0
"""By our clock; by its own a minute passes between two runs."""
RECOVERY_S = 6.0
"""After a fault: the table is tried again within 5 s (edge/runtime/row_writer.py)."""
AWAY_S = (0.6, 4.0)
"""From the end of an edge to its next start."""

ROW_WRITES = ("BatchWriteItem", "PutItem", "UpdateItem")

_CALLS = f'"{CALLS.physical_name(DEFAULT_PREFIX)}"'.encode()


class Moment(NamedTuple):
    """A request at which an edge is killed."""

    of_rows: bool
    """False: of objects."""
    after: bool
    """Whether AWS has done by then what was asked."""
    matches: Callable[[Request], bool]


def _writes(request: Request, member: bytes) -> bool:
    """Tell whether a row of a call that has a member is written."""
    is_write = request.operation in ROW_WRITES
    return is_write and _CALLS in request.body and member in request.body


def _is_row(request: Request) -> bool:
    return _writes(request, b'"live_node"') and b'"ended_at"' not in request.body


def _is_end(request: Request) -> bool:
    return _writes(request, b'"ended_at"')


def _is_object(request: Request) -> bool:
    return request.method == "PUT"


MOMENTS = {
    What.KILL_BEFORE_ROW: Moment(True, False, _is_row),
    What.KILL_AFTER_ROW: Moment(True, True, _is_row),
    What.KILL_BEFORE_END: Moment(True, False, _is_end),
    What.KILL_AFTER_END: Moment(True, True, _is_end),
    What.KILL_BEFORE_OBJECT: Moment(False, False, _is_object),
    What.KILL_AFTER_OBJECT: Moment(False, True, _is_object),
}


class Chaos(NamedTuple):
    """What came of it."""

    verdict: Verdict
    seed: int
    kills: int
    """Of edges; their AWS workers alone are not counted."""
    faults: int
    """Requests that went wrong."""
    retries: int
    """PUTs beyond one of each object, and writes of rows that went wrong."""

    def __str__(self) -> str:
        """Return the count in one line."""
        it = self.verdict
        return (
            f"chaos, seed {self.seed}: {it.made} calls made, {it.answered} answered, "
            f"{it.objects} objects, of these {it.lost_edges} Edge lost and {it.refused} of calls "
            f"that nobody answered; {self.kills} edges killed, {self.faults} requests went wrong, "
            f"{self.retries} retries"
        )


class Storm:
    """One run."""

    def __init__(
        self, plan: Plan, seed: int, world: World, places: list[Place], reaper: Reaper
    ) -> None:
        self._plan = plan
        self._reaper = reaper
        self._reaping = ThreadPoolExecutor(1, thread_name_prefix="reaper")
        self._chance = random.Random(seed)
        self._world = world
        self._places = places
        self._phones = Phones(world, places)
        self._epoch = time.time() - time.monotonic()
        self._began_at = time.monotonic()
        self._numbers = count()
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._away: set[int] = set()
        """Numbers of the places whose next life is due."""
        self._is_over = False
        self._complaints: list[str] = []

    def run(self) -> None:
        """Let everything of the plan happen, then let every call end and its record arrive."""
        for deed in self._plan.deeds:
            self._at(deed.at_s, partial(self._do, deed))
        for call in self._plan.calls:
            self._at(call.at_s, partial(self._phones.call, call))
        self._every(FORGET_EVERY_S, self._phones.forget_old)
        self._every(REAP_EVERY_S, lambda: self._reaping.submit(self._reaper.run))
        self._reaper.set_rules(
            Rule(faults.unavailable, share=0.02), Rule(faults.unheard(), share=0.02)
        )
        self._until(lambda: not self._due, "the plan is carried out", inf)
        for place in self._places:
            place.dynamodb.forget_once()
            place.s3.forget_once()
        self._until(lambda: not self._phones.open, "every call is over", CALLS_END_WITHIN_S)
        self._until(self._is_settled, "every edge has stored its records", SETTLED_WITHIN_S)
        self._stop()

    def _stop(self) -> None:
        """End the edges as a deployment does, and let the reaper have the rest."""
        self._is_over = True
        for _ in range(MOST_STOPS):
            for place in self._places:
                place.tell_to_stop()
            self._until(self._has_stopped, "every edge has stopped", STOPPED_WITHIN_S)
            if not any(place.has_old_journals() for place in self._places):
                break
            # What the table did not take meanwhile is on the disk, for the next start.
            for place in self._places:
                self._revive(place)
            self._until(self._is_settled, "every journal is replayed", SETTLED_WITHIN_S)
        self._reaping.shutdown()
        self._reaper.set_rules()
        self._reaper.close_all()

    def verdict(self) -> Verdict:
        """Compare what is stored with what the ends of the calls have seen."""
        entries = self._phones.entries.values()
        view = View(self._epoch, self._phones.blind_s)
        verdict = judged(entries, self._world.objects(), self._world.calls(), view)
        verdict.complaints += self._complaints
        return verdict

    def close(self) -> None:
        """Give the addresses of the phones back."""
        self._phones.close()

    def _turn(self) -> None:
        now_s = time.monotonic() - self._began_at
        while self._due and self._due[0][0] <= now_s:
            heappop(self._due)[2]()
        self._phones.turn()
        for place in self._places:
            if place.life.is_gone and place.number not in self._away and not self._is_over:
                self._away.add(place.number)
                self._after(self._chance.uniform(*AWAY_S), partial(self._revive, place))

    def _until(self, condition: Callable[[], bool], what: str, longest_s: float) -> None:
        deadline = time.monotonic() + longest_s
        while not condition():
            if time.monotonic() > deadline:
                self._complaints.append(f"{what}: not within {longest_s:.0f} s")
                return
            self._turn()

    def _every(self, pause_s: float, action: Callable[[], object]) -> None:
        """Do something again and again, as long as calls are made."""

        def again() -> None:
            action()
            if time.monotonic() - self._began_at < self._plan.seconds:
                self._after(pause_s, again)

        self._after(pause_s, again)

    def _at(self, at_s: float, action: Callable[[], None]) -> None:
        heappush(self._due, (at_s, next(self._numbers), action))

    def _after(self, wait_s: float, action: Callable[[], None]) -> None:
        self._at(time.monotonic() - self._began_at + wait_s, action)

    def _revive(self, place: Place) -> None:
        place.bury()
        place.begin()
        self._away.discard(place.number)

    def _do(self, deed: Deed) -> None:
        place = self._places[deed.place]
        ready = [it for it in self._places if it.life.is_ready]
        if not place.life.is_ready and ready:
            place = ready[0]
        if not ready:
            return
        match deed.what:
            case What.KILL:
                place.kill()
            case What.KILL_AWS_WORKER:
                place.kill_aws_worker()
            case What.STOP:
                place.tell_to_stop()
            case What.CLOCK:
                place.clock.step(deed.step_s)
            case What.AWS_REFUSES:
                self._note_trouble(place, deed.for_s)
                for door in (place.dynamodb, place.s3):
                    door.refuse()
                    self._after(deed.for_s, door.accept)
            case _ if deed.what in MOMENTS:
                self._kill_at(place, MOMENTS[deed.what])
            case _:
                self._let_fail(place, deed)

    def _kill_at(self, place: Place, moment: Moment) -> None:
        fault = faults.acting_after if moment.after else faults.acting_before
        door = place.dynamodb if moment.of_rows else place.s3
        door.once(Rule(fault(place.kill), matches=moment.matches))
        self._after(MOMENT_WITHIN_S, partial(self._kill_late, place, place.life))

    def _let_fail(self, place: Place, deed: Deed) -> None:
        door, fault = self._fault(place, deed.what)
        rule = Rule(fault, share=deed.share)
        if door is place.dynamodb:
            self._note_trouble(place, deed.for_s)
        door.set_rules(rule)
        self._after(deed.for_s, lambda: door.clear_rules(rule))

    def _note_trouble(self, place: Place, for_s: float) -> None:
        now = time.monotonic()
        place.troubles.append((now, now + for_s + RECOVERY_S))

    def _kill_late(self, place: Place, life: Life) -> None:
        """Kill an edge whose moment has not come, and let it come for no later one."""
        place.dynamodb.forget_once()
        place.s3.forget_once()
        if place.life is life:
            place.kill()

    def _fault(self, place: Place, what: What) -> tuple[Door, Fault]:
        rows, objects = place.dynamodb, place.s3
        match what:
            case What.ROWS_FAIL:
                return rows, faults.unavailable
            case What.ROWS_THROTTLED:
                return rows, faults.throttled
            case What.ROWS_SLOW:
                return rows, faults.slow(SLOW_S)
            case What.ROWS_UNHEARD:
                return rows, faults.unheard(UNHEARD_S)
            case What.ROWS_PARTIAL:
                return rows, faults.partial(self._chance, 0.5)
            case What.OBJECTS_FAIL:
                return objects, faults.unavailable
            case What.OBJECTS_THROTTLED:
                return objects, faults.throttled
            case What.OBJECTS_SLOW:
                return objects, faults.slow(SLOW_S)
            case What.OBJECTS_UNHEARD:
                return objects, faults.unheard()
        raise AssertionError(f"{what} is no fault of a service")

    def _is_settled(self) -> bool:
        """Tell whether every edge has stored its records, and those that its last life left."""
        lives = [place.life for place in self._places]
        if not all(life.is_ready for life in lives):
            return False
        for life in lives:
            life.ask_for_pending()
        return all(
            place.life.holds_nothing and not place.has_old_journals() for place in self._places
        )

    def _has_stopped(self) -> bool:
        return all(place.life.is_gone for place in self._places)


def chaos(seconds: float, seed: int, folder: Path) -> Chaos:
    """Run a chaos and judge it; `seconds` is how long calls are made."""
    with embedded.start(account_id="000000000000") as aws:
        world = World(aws)
        with fleet(PLACES, folder, world, seed=seed) as places, Reaper(world) as reaper:
            storm = Storm(drawn(seed, seconds, PLACES), seed, world, places, reaper)
            try:
                storm.run()
            finally:
                storm.close()
            verdict = storm.verdict()
            doors = [door for place in places for door in (place.dynamodb, place.s3)]
            puts = sum(door.requests["PUT"] for door in doors)
            again = sum(door.faults[name] for door in doors for name in ROW_WRITES)
            return Chaos(
                verdict,
                seed,
                kills=sum(life.fate.killed_at is not None for it in places for life in it.lives),
                faults=sum(door.faults.total() for door in doors),
                retries=max(0, puts - verdict.objects) + again,
            )
