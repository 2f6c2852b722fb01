"""A small chaos for scenarios: edges, phones and the reaper, with nothing going wrong by itself."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from emulator import aws as embedded
from model.codec import Item
from tests.chaos.fleet import Place, fleet
from tests.chaos.ledger import Entry
from tests.chaos.phones import Phones
from tests.chaos.plan import CallPlan, Kind
from tests.chaos.reaping import Reaper
from tests.chaos.verdict import Told, View, judged, told_by
from tests.chaos.world import World

PATIENCE_S = 90.0
FOREVER_S = 3_600.0


class Stage:
    """What a scenario has at hand."""

    def __init__(self, world: World, places: list[Place], reaper: Reaper) -> None:
        self.world = world
        self.places = places
        self.reaper = reaper
        self.phones = Phones(world, places)
        self._epoch = time.time() - time.monotonic()

    @property
    def place(self) -> Place:
        """Return the first edge's place."""
        return self.places[0]

    def call(
        self, talks_s: float = FOREVER_S, *, kind: Kind = Kind.OUTBOUND, place: Place | None = None
    ) -> Entry:
        """Make a call that rings for a moment and is hung up by its caller."""
        plan = CallPlan(0.0, kind, 0.1, talks_s, caller_hangs_up=True, pick=0.0)
        self.phones.call(plan, [place or self.place])
        return list(self.phones.entries.values())[-1]

    def answered_call(
        self, talks_s: float = FOREVER_S, *, kind: Kind = Kind.OUTBOUND, place: Place | None = None
    ) -> Entry:
        """Make a call and wait until its caller has the 200."""
        entry = self.call(talks_s, kind=kind, place=place)
        self.until(lambda: entry.caller_answered_at is not None, "the call is answered")
        return entry

    def hang_up(self, entry: Entry) -> None:
        """Let the caller hang up, and wait until both ends know."""
        entry.placed.hang_up(time.monotonic())
        self.until(lambda: entry.is_over, "the call is over")

    def until(self, condition: Callable[[], object], what: str) -> None:
        """Carry messages until a condition holds."""
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < deadline, f"{what}: not within {PATIENCE_S:.0f} s"
            self.phones.turn()

    def pass_time(self, seconds: float) -> None:
        """Carry messages for a while."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.phones.turn()

    def rows(self, member: str) -> list[Item]:
        """Return the rows of calls that have a member."""
        return [row for row in self.world.calls() if member in row]

    def kill(self, place: Place | None = None) -> None:
        """Kill an edge and wait for its end."""
        (place or self.place).kill()
        (place or self.place).bury()

    def revive(self, place: Place | None = None) -> None:
        """Start an edge anew and wait until it takes calls."""
        where = place or self.place
        life = where.begin()
        self.until(lambda: life.is_ready, "the edge is ready")

    def records(self) -> list[Told]:
        """Return all records."""
        return [told_by(it) for it in self.world.objects()]

    def await_records(self, number: int) -> list[Told]:
        """Wait for so many records; it is an error when there are more."""
        self.until(lambda: len(self.world.objects()) >= number, f"{number} records")
        found = self.records()
        assert len(found) == number, found
        return found

    def assert_right(self) -> None:
        """Compare everything that is stored with what the phones have seen."""
        entries = self.phones.entries.values()
        view = View(self._epoch)
        verdict = judged(entries, self.world.objects(), self.world.calls(), view)
        assert verdict.complaints == []


@contextmanager
def stage(folder: Path, *, edges: int = 1) -> Iterator[Stage]:
    """Run some edges until the block ends."""
    with embedded.start(account_id="000000000000") as aws:
        world = World(aws)
        with fleet(edges, folder, world) as places, Reaper(world) as reaper:
            made = Stage(world, places, reaper)
            try:
                yield made
            finally:
                made.phones.close()
