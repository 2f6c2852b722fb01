"""Rows that no crash may take: in the table in time, or on the disk, and told where they are.

EDGE C9, C10
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from edge.runtime.journal_lines import Entry
from edge.runtime.row_writer import RowWriter
from edge.runtime.safe_rows import SafeRows
from edge.seam import JournalPlace
from model.codec import Item
from tests.runtime.scripted import Lines, until
from tests.runtime.test_row_writer import MemoryTable, refusal

TABLE, DISK, NOWHERE = JournalPlace


def row(name: str, value: str) -> Item:
    return {"transaction_id": {"S": name}, "v": {"S": value}}


class CallTable(MemoryTable):
    """A table of calls."""

    def name(self, request: Any) -> str:
        (content,) = request.values()
        return str((content.get("Item") or content["Key"])["transaction_id"]["S"])


class MemoryDisk:
    """A disk whose moods are switches."""

    def __init__(self) -> None:
        self.rows: dict[str, Entry] = {}
        self.takes = True
        self.can_be_read = True
        self.writes = 0

    def keep(self, name: str, entry: Entry, kept: Callable[[bool], None]) -> None:
        self.writes += 1
        if self.takes:
            self.rows[name] = entry
        asyncio.get_running_loop().call_soon(kept, self.takes)

    def drop(self, name: str) -> None:
        self.rows.pop(name, None)

    async def read(self, names: list[str]) -> dict[str, Entry] | None:
        if not self.can_be_read:
            return None
        return {name: self.rows[name] for name in names if name in self.rows}

    def values(self) -> dict[str, str]:
        return {
            name: "gone" if entry.put is None else str(entry.put["v"]["S"])
            for name, entry in self.rows.items()
        }


class World:
    """Rows between a table and a disk."""

    def __init__(self, most_in_memory: int, longest_queue: int) -> None:
        self.table, self.disk, self.log = CallTable(), MemoryDisk(), Lines()
        self.told: list[tuple[str, JournalPlace]] = []
        self.rows = SafeRows(
            self.disk,
            safe=lambda name, place: self.told.append((name, place)),
            log=self.log,
            most_in_memory=most_in_memory,
            in_time_s=0.1,
        )
        self.rows.write_to(
            RowWriter(
                self.table.write,
                table="t",
                name_attribute="transaction_id",
                log=self.log,
                follower=self.rows,
                longest_queue=longest_queue,
                first_retry_s=0.01,
            )
        )

    def put(self, name: str, value: str = "live", *, is_urgent: bool = True) -> None:
        self.rows.put(row(name, value), is_urgent=is_urgent)

    async def fail(self) -> None:
        """Let the table refuse, and the writer know it."""
        self.table.error = refusal("InternalServerError")
        self.rows.spare(row("probe", "1"))
        self.rows.flush()
        await until(lambda: self.log.of("table-refuses"))

    async def written(self) -> None:
        await until(lambda: not self.rows.pending)


def in_world(
    test: Callable[[World], Coroutine[Any, Any, None]],
    most_in_memory: int = 1_000,
    longest_queue: int = 10_000,
) -> None:
    async def run() -> None:
        await test(World(most_in_memory, longest_queue))

    asyncio.run(run())


def test_a_row_that_the_table_takes_in_time_never_sees_the_disk() -> None:
    async def test(world: World) -> None:
        world.put("a")
        await world.written()
        await asyncio.sleep(0.2)
        assert world.told == [("a", TABLE)]
        assert world.disk.writes == 0

    in_world(test)


def test_a_row_that_is_late_is_safe_on_the_disk_and_leaves_it_for_the_table() -> None:
    async def test(world: World) -> None:
        world.table.gate.clear()
        world.put("a")
        assert world.told == []
        await until(lambda: world.told)
        assert (world.told, world.disk.values()) == ([("a", DISK)], {"a": "live"})
        world.table.gate.set()
        await world.written()
        assert (world.told, world.disk.values()) == ([("a", DISK), ("a", TABLE)], {})

    in_world(test)


def test_while_the_table_is_known_to_be_away_nobody_waits_for_it() -> None:
    async def test(world: World) -> None:
        await world.fail()
        world.put("a")
        await until(lambda: world.told, within_s=0.05)
        assert world.told == [("a", DISK)]
        world.table.error = None
        await world.written()
        assert world.table.rows["a"] == "live" and world.disk.values() == {}

    in_world(test)


def test_a_row_that_nobody_takes_stays_in_memory_and_is_tried_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("edge.runtime.safe_rows.AGAIN_AFTER_S", 0.05)

    async def test(world: World) -> None:
        await world.fail()
        world.disk.takes = False
        world.put("a")
        await until(lambda: ("a", NOWHERE) in world.told)
        assert world.rows.unsafe == 1
        world.disk.takes = True
        await until(lambda: ("a", DISK) in world.told)
        assert world.rows.unsafe == 0
        world.table.error = None
        await world.written()
        assert world.table.rows["a"] == "live"

    in_world(test)


def test_what_nobody_takes_is_not_kept_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    # EDGE C10
    monkeypatch.setattr("edge.runtime.safe_rows.MOST_UNSAFE", 5)

    async def test(world: World) -> None:
        await world.fail()
        world.disk.takes = False
        for number in range(8):
            world.put(f"r{number}")
        assert world.rows.unsafe == 5
        assert [line["total"] for line in world.log.of("row-lost")] == [1, 2]
        world.disk.takes = True
        world.table.error = None
        await world.written()
        assert {f"r{number}" for number in range(3, 8)} <= world.table.rows.keys()

    in_world(test)


def test_the_end_of_a_call_takes_the_place_of_its_answer_everywhere() -> None:
    async def test(world: World) -> None:
        await world.fail()
        world.put("a")
        await until(lambda: world.told)
        world.put("a", "due", is_urgent=False)
        world.put("b")
        world.rows.delete({"transaction_id": {"S": "b"}})
        await until(lambda: world.disk.values() == {"a": "due", "b": "gone"})
        world.table.error = None
        await world.written()
        assert world.table.rows == {"a": "due", "probe": "1"}
        assert world.disk.values() == {}

    in_world(test)


def test_news_of_a_row_go_along_with_it_and_never_to_the_disk() -> None:
    # EDGE X5
    async def test(world: World) -> None:
        world.rows.note(row("up", "measured"))
        await world.written()
        assert world.told == [], "nobody waits for news"
        await world.fail()
        world.put("a")
        await until(lambda: world.told)
        world.rows.note(row("a", "measured"))
        await asyncio.sleep(0.05)
        assert world.disk.values() == {"a": "live"}
        world.table.error = None
        await world.written()
        assert world.table.rows["a"] == "measured"
        assert world.told == [("a", DISK), ("a", TABLE)]

    in_world(test)


def test_more_rows_than_memory_holds_wait_on_the_disk_alone() -> None:
    # EDGE C10
    async def test(world: World) -> None:
        await world.fail()
        names = [f"r{number:03d}" for number in range(60)]
        for name in names:
            world.put(name, "due", is_urgent=False)
        await until(lambda: len(world.told) == 60)
        assert world.rows._writer.pending <= 12
        assert len(world.disk.rows) == 60
        world.disk.can_be_read = False
        world.table.error = None
        await until(lambda: "r000" in world.table.rows)
        await asyncio.sleep(0.2)
        assert len(world.disk.rows) > 40
        world.disk.can_be_read = True
        await world.written()
        assert sorted(world.table.rows) == ["probe", *names]
        assert world.disk.rows == {}

    in_world(test, most_in_memory=10)


def test_what_a_full_queue_lets_go_comes_back() -> None:
    async def test(world: World) -> None:
        await world.fail()
        names = [f"r{number}" for number in range(6)]
        for name in names:
            world.put(name)
        await until(lambda: len(world.disk.rows) == 6)
        assert world.log.of("rows-let-go")
        world.table.error = None
        await until(lambda: set(names) <= world.table.rows.keys())
        await world.written()

    in_world(test, longest_queue=3)


def test_a_row_that_the_disk_has_lost_is_told_of() -> None:
    async def test(world: World) -> None:
        await world.fail()
        for name in ("a", "b"):
            world.put(name)
        await until(lambda: len(world.told) == 2)
        world.disk.rows.clear()
        world.table.error = None
        await world.written()
        lost = [line["transaction_id"] for line in world.log.of("row-unreadable")]
        assert lost == ["b"], "a was in memory"

    in_world(test, most_in_memory=2)


def test_a_row_that_the_table_never_takes_is_told_of_and_stays_on_the_disk() -> None:
    async def test(world: World) -> None:
        await world.fail()
        world.put("bad")
        await until(lambda: world.told)
        world.table.poison = {"bad"}
        world.table.error = None
        await until(lambda: world.log.of("row-refused"))
        assert world.log.of("row-refused")[0]["transaction_id"] == "bad"
        assert world.disk.values() == {"bad": "live"}
        await world.written()

    in_world(test)


def test_at_the_end_everything_that_is_not_in_the_table_goes_to_the_disk() -> None:
    async def test(world: World) -> None:
        world.table.gate.clear()
        world.put("a")
        world.rows.keep_all()
        await until(lambda: world.told == [("a", DISK)], within_s=0.05)
        world.table.gate.set()

    in_world(test)
