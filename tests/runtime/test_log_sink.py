"""Records of connectors' logs: batches, order, outages, bounds (EDGE X4)."""

import asyncio
import json
import threading
from collections.abc import Callable, Coroutine
from datetime import timedelta

import pytest

from edge.runtime import log_sink
from edge.runtime.log_sink import BadEntriesError, LogEntry, LogSink
from edge.seam import WriteLog
from model.connector_logs import ConnectorLog
from tests.runtime.records import STARTED_AT
from tests.runtime.scripted import Lines, until

STARTED_MS = 1_552_026_458_563
GROUP = "/aws/ChimeVoiceConnectorLogs/one"


def entry(number: int, connector_id: str = "one") -> WriteLog:
    at = STARTED_AT + timedelta(milliseconds=number)
    return WriteLog(ConnectorLog.MEDIA_METRICS, connector_id, at, {"n": number})


class Cloud:
    """A CloudWatch whose availability is a switch."""

    def __init__(self) -> None:
        self.batches: list[tuple[str, list[LogEntry]]] = []
        self.away = False
        self.bad: set[str] = set()
        self.attempts = 0
        self.turns_away = 0
        self.gate = threading.Event()
        self.gate.set()

    def write(self, group: str, entries: list[LogEntry]) -> int:
        self.gate.wait()
        self.attempts += 1
        if self.away:
            raise ConnectionError("no route to CloudWatch\nand more")
        if group in self.bad:
            raise BadEntriesError("no")
        self.batches.append((group, entries))
        return self.turns_away

    def numbers(self, group: str = GROUP) -> list[int]:
        batches = [entries for of, entries in self.batches if of == group]
        return [json.loads(it.message)["n"] for entries in batches for it in entries]


class World:
    """A sink over a cloud."""

    def __init__(self, longest_queue: int = 1_000, largest_queue_bytes: int = 1 << 20) -> None:
        self.cloud, self.log = Cloud(), Lines()
        self.sink = LogSink(
            self.cloud.write,
            log=self.log,
            longest_queue=longest_queue,
            largest_queue_bytes=largest_queue_bytes,
            window_s=0.01,
            first_retry_s=0.01,
        )

    async def is_idle(self) -> None:
        await until(lambda: not self.sink.pending)


def in_world(test: Callable[[World], Coroutine[None, None, None]], **bounds: int) -> None:
    async def run() -> None:
        await test(World(**bounds))

    asyncio.run(run())


def test_records_that_come_together_go_together_each_group_for_itself() -> None:
    async def test(world: World) -> None:
        for number in range(3):
            world.sink.take(entry(number))
        world.sink.take(entry(7, "two"))
        assert world.sink.pending == 4
        await world.is_idle()
        assert sorted(world.cloud.batches) == [
            (GROUP, [LogEntry(STARTED_MS + it, f'{{"n":{it}}}') for it in range(3)]),
            ("/aws/ChimeVoiceConnectorLogs/two", [LogEntry(STARTED_MS + 7, '{"n":7}')]),
        ]
        assert world.log.written == []

    in_world(test)


def test_a_group_stays_in_order_while_others_go_beside_it() -> None:
    async def test(world: World) -> None:
        world.cloud.gate.clear()
        world.sink.take(entry(0))
        await asyncio.sleep(0.03)
        for number in range(1, 40):
            world.sink.take(entry(number))
            world.sink.take(entry(number, f"c{number % 7}"))
        world.cloud.gate.set()
        await world.is_idle()
        assert world.cloud.numbers() == list(range(40))
        for rest in range(7):
            group = f"/aws/ChimeVoiceConnectorLogs/c{rest}"
            assert world.cloud.numbers(group) == [it for it in range(1, 40) if it % 7 == rest]

    in_world(test)


def test_no_batch_is_larger_than_cloudwatch_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_sink, "RECORDS_AT_ONCE", 4)
    monkeypatch.setattr(log_sink, "BYTES_AT_ONCE", 3 * (len('{"n":0}') + log_sink.OVERHEAD_BYTES))

    async def test(world: World) -> None:
        for number in range(8):
            world.sink.take(entry(number))
        await world.is_idle()
        assert [len(entries) for _, entries in world.cloud.batches] == [3, 3, 2]
        assert world.cloud.numbers() == list(range(8))

    in_world(test)


def test_an_outage_is_two_log_lines_and_loses_nothing() -> None:
    async def test(world: World) -> None:
        world.cloud.away = True
        world.sink.take(entry(0))
        await until(lambda: world.cloud.attempts >= 3)
        for number in range(1, 30):
            world.sink.take(entry(number))
            world.sink.take(entry(number, "two"))
        world.sink.flush()
        world.cloud.away = False
        await world.is_idle()
        assert world.cloud.numbers() == list(range(30))
        assert world.log.events() == ["logs-refused", "logs-back"]
        assert world.log.written[0][1] == {"group": GROUP, "error": "no route to CloudWatch"}

    in_world(test)


def test_a_group_that_always_fails_holds_up_nobody() -> None:
    async def test(world: World) -> None:
        write = world.cloud.write

        def picky(group: str, entries: list[LogEntry]) -> int:
            if group == GROUP:
                raise PermissionError("not this one")
            return write(group, entries)

        world.sink = LogSink(picky, log=world.log, window_s=0.01, first_retry_s=0.01)
        world.sink.take(entry(0))
        await until(lambda: "logs-refused" in world.log.events())
        for connector_id in ("two", "three"):
            world.sink.take(entry(1, connector_id))
        await until(lambda: len(world.cloud.batches) == 2)
        assert world.sink.pending == 1

    in_world(test)


def test_a_full_queue_lets_go_what_comes_and_counts_it() -> None:
    async def test(world: World) -> None:
        world.cloud.away = True
        for number in range(20):
            world.sink.take(entry(number))
        assert world.sink.pending == 16
        totals = [it["total"] for it in world.log.of("log-records-dropped")]
        assert totals == [1, 2, 4]
        world.cloud.away = False
        await world.is_idle()
        assert world.cloud.numbers() == list(range(16))

    in_world(test, longest_queue=16)


def test_a_queue_is_full_by_its_size_too() -> None:  # EDGE X3
    def message(number: int, size: int) -> WriteLog:
        log, at = ConnectorLog.SIP_MESSAGES, STARTED_AT
        return WriteLog(log, "one", at, {"n": number, "sip_message": "x" * size})

    async def test(world: World) -> None:
        group = ConnectorLog.SIP_MESSAGES.group("one")
        world.cloud.away = True
        for number in range(10):
            world.sink.take(message(number, 1_000))
        # A small one finds room where a large one does not.
        world.sink.take(message(10, 1))
        assert world.sink.pending == 5
        assert world.log.of("log-records-dropped")[-1]["total"] == 4
        world.cloud.away = False
        await world.is_idle()
        assert world.cloud.numbers(group) == [0, 1, 2, 3, 10]
        world.sink.take(message(11, 4_000))
        await world.is_idle()
        assert world.cloud.numbers(group)[-1] == 11

    in_world(test, largest_queue_bytes=4_300)


def test_what_cloudwatch_never_takes_is_let_go_and_counted() -> None:
    async def test(world: World) -> None:
        world.cloud.bad = {GROUP}
        world.sink.take(entry(0))
        world.cloud.turns_away = 2
        for number in range(3):
            world.sink.take(entry(number, "two"))
        await world.is_idle()
        assert sum(it["total"] == 3 for it in world.log.of("log-records-dropped")) == 1
        assert set(world.log.events()) == {"log-records-dropped"}

    in_world(test)


def test_the_last_records_of_a_node_do_not_wait_for_company() -> None:
    async def test(world: World) -> None:
        sink = LogSink(world.cloud.write, log=world.log, window_s=3_600.0)
        sink.take(entry(0))
        sink.flush()
        await until(lambda: not sink.pending)
        assert world.cloud.numbers() == [0]

    in_world(test)
