"""Rows: in batches, in order, again until they are written, and never too many."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError

from edge.runtime.row_writer import ROWS_AT_ONCE, Rank, Request, RowWriter
from model.codec import Item
from tests.runtime.scripted import Lines, until


def refusal(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "BatchWriteItem")


class MemoryTable:
    """A table whose moods are switches; called from other threads."""

    def __init__(self) -> None:
        self.rows: dict[str, str] = {}
        self.batches: list[list[str]] = []
        self.error: Exception | None = None
        self.takes = ROWS_AT_ONCE
        self.poison: set[str] = set()
        self.gate = threading.Event()
        self.gate.set()

    def write(self, requests: list[Request]) -> list[Request]:
        names = [self.name(request) for request in requests]
        assert len(set(names)) == len(names) <= ROWS_AT_ONCE, "DynamoDB refuses such a batch"
        self.batches.append(names)
        self.gate.wait(5.0)
        if self.error is not None:
            raise self.error
        if self.poison & set(names):
            raise refusal("ValidationException")
        for request, name in list(zip(requests, names, strict=True))[: self.takes]:
            if "PutRequest" in request:
                self.rows[name] = str(request["PutRequest"]["Item"]["v"]["S"])
            else:
                self.rows.pop(name, None)
        return requests[self.takes :]

    def name(self, request: Request) -> str:
        (content,) = request.values()
        return str((content.get("Item") or content["Key"])["id"]["S"])


def value_of(request: Request) -> str:
    return str(request["PutRequest"]["Item"]["v"]["S"]) if "PutRequest" in request else "gone"


class World:
    """A writer over a memory table."""

    def __init__(self, longest_queue: int = 1_000) -> None:
        self.table, self.log = MemoryTable(), Lines()
        self.now = 0.0
        self.told: list[tuple[str, str]] = []
        self.let: list[tuple[str, bool]] = []
        self.writer = RowWriter(
            self.table.write,
            table="t",
            name_attribute="id",
            log=self.log,
            follower=self,
            longest_queue=longest_queue,
            first_retry_s=0.01,
            monotonic=lambda: self.now,
            sure_after_s=0.2,
        )

    def put(self, *names: str, value: str = "1", rank: Rank = Rank.USUAL) -> None:
        for name in names:
            self.writer.put({"id": {"S": name}, "v": {"S": value}}, rank)

    async def all_written(self) -> None:
        await until(lambda: not self.writer.pending)

    def written(self, name: str, row: Request, /) -> None:
        self.told.append((name, value_of(row)))

    def let_go(self, name: str, row: Request, /, *, is_bad: bool) -> None:
        self.let.append((name, is_bad))


def in_world(
    test: Callable[[World], Coroutine[Any, Any, None]], longest_queue: int = 1_000
) -> None:
    async def run() -> None:
        await test(World(longest_queue))

    asyncio.run(run())


def names(count: int, prefix: str = "r") -> list[str]:
    return [f"{prefix}{number:03d}" for number in range(count)]


def key(name: str) -> Item:
    return {"id": {"S": name}}


def test_rows_travel_together() -> None:
    async def test(world: World) -> None:
        world.put(*names(60))
        assert world.writer.pending == 60
        await world.all_written()
        assert [len(batch) for batch in world.table.batches] == [25, 25, 10]
        assert sorted(world.table.rows) == names(60)
        assert world.log.written == []

    in_world(test)


def test_a_single_row_waits_no_longer_than_the_window() -> None:
    async def test(world: World) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        world.put("a")
        await asyncio.sleep(0.01)
        world.put("b")
        assert world.table.batches == []
        await world.all_written()
        assert world.table.batches == [["a", "b"]]
        assert loop.time() - began < 0.5

    in_world(test)


def test_what_is_in_a_hurry_waits_for_nobody() -> None:
    async def test(world: World) -> None:
        world.put("a")
        world.writer.flush()
        await until(lambda: world.table.batches, within_s=0.04)

    in_world(test)


def test_of_rows_with_one_name_the_newest_is_written_last() -> None:
    # EDGE C9: a row of a live call never replaces that of its end
    async def test(world: World) -> None:
        world.table.gate.clear()
        world.put("a", value="live")
        world.writer.flush()
        await until(lambda: world.table.batches)
        world.put("a", value="ended")
        world.put("a", value="ended again")
        world.table.gate.set()
        await world.all_written()
        assert world.table.batches == [["a"], ["a"]]
        assert world.table.rows == {"a": "ended again"}

    in_world(test)


def test_a_newer_row_takes_the_place_of_one_that_failed() -> None:
    async def test(world: World) -> None:
        world.table.gate.clear()
        world.table.error = refusal("ThrottlingException")
        world.put("a", value="live")
        world.writer.flush()
        await until(lambda: world.table.batches)
        world.put("a", value="ended")
        world.table.gate.set()
        await until(lambda: world.log.events())
        assert world.writer.pending == 1
        world.table.error = None
        await world.all_written()
        assert world.table.rows == {"a": "ended"}

    in_world(test)


def test_a_row_is_deleted() -> None:
    # EDGE C11
    async def test(world: World) -> None:
        world.put("a", "b")
        world.writer.delete(key("b"))
        await world.all_written()
        assert world.table.rows == {"a": "1"}
        world.writer.delete(key("a"))
        await world.all_written()
        assert world.table.rows == {}

    in_world(test)


def test_what_was_not_processed_is_sent_again() -> None:
    async def test(world: World) -> None:
        world.table.takes = 10
        world.put(*names(25))
        await world.all_written()
        assert [len(batch) for batch in world.table.batches] == [25, 15, 5]
        assert sorted(world.table.rows) == names(25)

    in_world(test)


@pytest.mark.parametrize(
    "error",
    [
        refusal("ProvisionedThroughputExceededException"),
        refusal("AccessDeniedException"),
        refusal("ResourceNotFoundException"),
        EndpointConnectionError(endpoint_url="http://127.0.0.1:1"),
        RuntimeError("a bug of ours"),
    ],
    ids=["throttled", "no right", "no table", "no network", "a bug"],
)
def test_an_outage_is_two_log_lines_and_no_lost_row(error: Exception) -> None:
    async def test(world: World) -> None:
        world.table.error = error
        world.put(*names(30))
        await until(lambda: len(world.table.batches) >= 4)
        assert [len(batch) for batch in world.table.batches[1:]] == [1] * (
            len(world.table.batches) - 1
        ), "while it refuses, one row at a time probes"
        assert world.writer.pending == 30
        world.now = 7.0
        world.table.error = None
        await world.all_written()
        assert sorted(world.table.rows) == names(30)
        assert world.log.events() == ["table-refuses", "table-back"]
        assert world.log.written[1][1] == {"table": "t", "away_s": 7.0}

    in_world(test)


def test_a_row_that_the_table_never_takes_holds_up_nobody() -> None:
    async def test(world: World) -> None:
        world.table.poison = {"r013"}
        world.put(*names(40))
        await world.all_written()
        assert sorted(world.table.rows) == sorted(set(names(40)) - {"r013"})
        (line,) = world.log.written
        assert line[0] == "rows-let-go" and line[1]["total"] == 1
        assert world.let == [("r013", True)]
        assert "ValidationException" in str(line[1]["reason"])
        world.put(*names(25, "s"))
        await world.all_written()
        assert len(world.table.batches[-1]) == 25

    in_world(test)


def test_a_full_queue_lets_rows_of_refused_calls_go_first() -> None:
    async def test(world: World) -> None:
        world.table.gate.clear()
        world.put("f")
        world.writer.flush()
        world.put("s1", "s2", rank=Rank.SPARE)
        world.put("a", "b")
        assert world.writer.pending == 1 + 4
        world.put("c", "d", "e")
        world.table.gate.set()
        await world.all_written()
        assert sorted(world.table.rows) == ["b", "c", "d", "e", "f"]
        totals = [line["total"] for line in world.log.of("rows-let-go")]
        assert totals == [1, 2], "the third is told together with the fourth"
        assert world.let == [("s1", False), ("s2", False), ("a", False)]

    in_world(test, longest_queue=4)


def test_rows_of_refused_calls_go_last() -> None:
    async def test(world: World) -> None:
        world.table.gate.clear()
        world.put("first")
        world.writer.flush()
        world.put(*names(20, "s"), rank=Rank.SPARE)
        world.put(*names(20, "a"))
        world.table.gate.set()
        await world.all_written()
        assert world.table.batches[1] == names(20, "a") + names(5, "s")

    in_world(test)


def test_what_a_caller_waits_for_goes_first_and_waits_less_than_the_rest() -> None:
    # EDGE C9
    async def test(world: World) -> None:
        world.table.gate.clear()
        world.put("first")
        world.writer.flush()
        await until(lambda: world.table.batches)
        world.put(*names(30))
        world.put("u1", "u2", rank=Rank.URGENT)
        world.table.gate.set()
        await until(lambda: len(world.table.batches) == 2)
        assert world.table.batches[1] == ["u1", "u2"], "those that wait for company do so"
        await world.all_written()
        assert [len(batch) for batch in world.table.batches[2:]] == [25, 5]

    in_world(test)


def test_a_newer_row_of_a_name_is_as_urgent_as_the_older_one() -> None:
    async def test(world: World) -> None:
        world.put("a", value="live", rank=Rank.URGENT)
        world.put("a", value="ended")
        await until(lambda: world.table.batches, within_s=0.08)
        await world.all_written()
        assert world.table.rows == {"a": "ended"}
        assert world.told == [("a", "ended")]

    in_world(test)


def test_rows_are_told_when_they_are_written_and_no_sooner() -> None:
    # EDGE C9
    async def test(world: World) -> None:
        world.table.takes = 2
        world.table.gate.clear()
        world.put("a", "b", "c", rank=Rank.URGENT)
        await until(lambda: world.table.batches)
        assert world.told == []
        world.table.gate.set()
        await until(lambda: world.told)
        assert world.told == [("a", "1"), ("b", "1")], "c was not processed"
        world.writer.delete(key("a"))
        await world.all_written()
        assert world.told[2:] == [("c", "1"), ("a", "gone")]

    in_world(test)


@pytest.mark.parametrize(
    ("error", "doubtful"),
    [
        (ReadTimeoutError(endpoint_url="http://127.0.0.1:1"), True),
        (refusal("504"), True),
        (refusal("ThrottlingException"), False),
        (EndpointConnectionError(endpoint_url="http://127.0.0.1:1"), False),
    ],
    ids=["no answer", "a gateway's answer", "a refusal", "no connection"],
)
def test_what_may_still_arrive_late_is_overwritten_once_more(
    error: Exception, doubtful: bool
) -> None:
    # EDGE C9: a row of a live call never replaces that of its end
    async def test(world: World) -> None:
        world.table.error = error
        world.put("a", value="live")
        await until(lambda: world.table.batches)
        world.put("a", value="ended")
        world.put("b")
        world.table.error = None
        await until(lambda: world.table.rows.get("a") == "ended")
        await until(lambda: ("b", "1") in world.told)
        assert (("a", "ended") in world.told) is not doubtful
        if doubtful:
            world.table.rows["a"] = "live"  # the one that got no answer
        await until(lambda: ("a", "ended") in world.told)
        await world.all_written()
        assert world.table.rows["a"] == "ended"

    in_world(test)
