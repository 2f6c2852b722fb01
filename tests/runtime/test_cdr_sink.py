"""Records are settled, every one: stored once, retried, and given up only for a reason."""

import asyncio
from dataclasses import replace

import pytest
from obstore.exceptions import AlreadyExistsError, PermissionDeniedError

from edge.runtime.aws_messages import RecordOutcome
from edge.runtime.cdr_sink import PUTS_IN_FLIGHT, CdrSink
from edge.seam import Record, WriteRecord
from model.cdr import CallDetailRecord, CallStatus
from model.cdr_reader import ReadRecord
from tests.runtime.records import a_quality_record, a_record
from tests.runtime.scripted import Lines, until

STORED, ALREADY_THERE, REPLACED, KEY_TAKEN, GIVEN_UP, LEFT = RecordOutcome


class MemoryBucket:
    """A bucket whose availability is a switch."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.order: list[str] = []
        self.away = False
        self.error: Exception | None = None
        self.poisoned = ""
        self.unreadable: Exception | None = None
        self.is_write_only = False
        self.attempts = 0
        self.in_flight = 0
        self.most_in_flight = 0
        self.gate = asyncio.Event()
        self.gate.set()

    async def read(self, key: str) -> bytes | None:
        if self.unreadable is not None:
            raise self.unreadable
        return None if self.is_write_only else self.objects[key]

    async def create(self, key: str, body: bytes) -> None:
        self.attempts += 1
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            await self.gate.wait()
            if self.away or (self.poisoned and self.poisoned in key):
                raise ConnectionError("no route to S3\n\nDebug source: pages of it")
            if self.error is not None:
                raise self.error
            if key in self.objects:
                raise AlreadyExistsError("exists")
            self.objects[key] = body
            self.order.append(key)
        finally:
            self.in_flight -= 1


class World:
    """A sink over memory buckets, and what it has settled."""

    def __init__(self, longest_queue: int = 1_000) -> None:
        self.buckets: dict[str, MemoryBucket] = {}
        self.settled: list[tuple[Record, RecordOutcome]] = []
        self.replaced: list[tuple[CallDetailRecord, ReadRecord]] = []
        self.log = Lines()
        self.now = 0.0
        self.sink = CdrSink(
            open_bucket=self.bucket,
            settled=lambda _, record, outcome: self.settled.append((record, outcome)),
            replaced=lambda record, there: self.replaced.append((record, there)),
            log=self.log,
            longest_queue=longest_queue,
            first_retry_s=0.01,
            monotonic=lambda: self.now,
        )

    def bucket(self, name: str) -> MemoryBucket:
        return self.buckets.setdefault(name, MemoryBucket())

    def outcomes(self) -> dict[str, RecordOutcome]:
        return {record.transaction_id: outcome for record, outcome in self.settled}


def test_an_object_is_the_record_byte_for_byte() -> None:
    async def run() -> None:
        world, record = World(), a_record()
        world.sink.take(WriteRecord("b", record))
        await until(lambda: world.settled)
        assert world.settled == [(record, STORED)] and world.sink.pending == 0
        assert world.buckets["b"].objects == {record.key(): record.body()}

    asyncio.run(run())


def test_an_object_that_exists_counts_as_stored() -> None:
    # EDGE C9: at-least-once writing, exactly one object.
    async def run() -> None:
        world, record = World(), a_record()
        for _ in range(2):
            world.sink.take(WriteRecord("b", record))
        await until(lambda: len(world.settled) == 2)
        assert [outcome for _, outcome in world.settled] == [STORED, ALREADY_THERE]
        assert len(world.buckets["b"].objects) == 1

    asyncio.run(run())


def test_the_record_of_the_reaper_is_taken_over_and_ours_discarded() -> None:  # EDGE C9
    async def run() -> None:
        world, record = World(), a_record()
        lost = replace(record, status_message="Edge lost", ended_at=record.started_at)
        world.bucket("b").objects[record.key()] = lost.body()
        world.sink.take(WriteRecord("b", record))
        await until(lambda: world.settled)
        assert world.settled == [(record, REPLACED)] and world.sink.pending == 0
        assert world.buckets["b"].objects == {record.key(): lost.body()}
        ((of, there),) = world.replaced
        assert (of, there.status_message, there.ended_at) == (record, "Edge lost", lost.ended_at)
        (told,) = world.log.of("record-replaced")
        assert (told["transaction_id"], told["by"]) == (record.transaction_id, "Edge lost")

    asyncio.run(run())


def test_what_may_not_be_read_counts_as_ours() -> None:
    async def run() -> None:
        world, record = World(), a_record()
        world.bucket("b").is_write_only = True
        world.bucket("b").objects[record.key()] = b"?"
        world.sink.take(WriteRecord("b", record))
        await until(lambda: world.settled)
        assert world.settled == [(record, ALREADY_THERE)]

    asyncio.run(run())


def test_what_cannot_be_read_at_the_moment_is_asked_for_again() -> None:
    async def run() -> None:
        world, record = World(), a_record()
        bucket = world.bucket("b")
        bucket.objects[record.key()] = record.body()
        bucket.unreadable = ConnectionError("no route to S3")
        world.sink.take(WriteRecord("b", record))
        await until(lambda: world.log.of("bucket-refuses"))
        assert world.settled == [] and world.sink.pending == 1
        bucket.unreadable = None
        await until(lambda: world.settled)
        assert world.settled == [(record, ALREADY_THERE)]

    asyncio.run(run())


def test_an_object_that_is_no_record_is_told_and_stays() -> None:
    async def run() -> None:
        world, record = World(), a_record()
        world.bucket("b").objects[record.key()] = b"holiday.jpg"
        world.sink.take(WriteRecord("b", record))
        await until(lambda: world.settled)
        assert world.settled == [(record, KEY_TAKEN)]
        assert world.buckets["b"].objects == {record.key(): b"holiday.jpg"}
        assert world.log.of("record-key-taken")[0]["key"] == record.key()

    asyncio.run(run())


def test_many_are_in_flight_and_not_too_many() -> None:
    async def run() -> None:
        world = World()
        bucket = world.bucket("b")
        bucket.gate.clear()
        for _ in range(PUTS_IN_FLIGHT + 20):
            world.sink.take(WriteRecord("b", a_record()))
        await until(lambda: bucket.in_flight == PUTS_IN_FLIGHT)
        bucket.gate.set()
        await until(lambda: len(world.settled) == PUTS_IN_FLIGHT + 20)
        assert bucket.most_in_flight == PUTS_IN_FLIGHT

    asyncio.run(run())


def test_an_outage_is_two_log_lines_and_no_lost_record() -> None:
    # EDGE C10
    async def run() -> None:
        world = World()
        bucket = world.bucket("b")
        bucket.away = True
        world.sink.take(WriteRecord("b", a_record()))
        await until(lambda: bucket.attempts >= 3)
        for _ in range(30):
            world.sink.take(WriteRecord("b", a_record()))
        bucket.most_in_flight = 0
        before = bucket.attempts
        await until(lambda: bucket.attempts > before)
        assert bucket.most_in_flight == 1, "while it refuses, one record at a time probes"
        assert world.settled == [] and world.sink.pending == 31
        bucket.away = False
        await until(lambda: len(world.settled) == 31)
        assert len(bucket.objects) == 31
        assert world.log.events() == ["bucket-refuses", "bucket-back"]
        assert world.log.written[0][1]["error"] == "no route to S3"

    asyncio.run(run())


def test_a_record_that_always_fails_holds_up_nobody() -> None:
    async def run() -> None:
        world = World()
        bad, good = a_record(), [a_record() for _ in range(5)]
        world.bucket("b").poisoned = bad.transaction_id
        for record in (bad, *good):
            world.sink.take(WriteRecord("b", record))
        await until(lambda: len(world.settled) == 5)
        assert set(world.outcomes()) == {record.transaction_id for record in good}
        assert world.sink.pending == 1

    asyncio.run(run())


def test_one_bucket_that_refuses_leaves_the_others_alone() -> None:
    async def run() -> None:
        world = World()
        world.bucket("gone").away = True
        world.sink.take(WriteRecord("gone", a_record()))
        record = a_record()
        world.sink.take(WriteRecord("there", record))
        await until(lambda: world.settled)
        assert world.outcomes() == {record.transaction_id: STORED}

    asyncio.run(run())


@pytest.mark.parametrize(
    ("statuses", "kept"),
    [
        ("ccc", "ccc"),
        ("rccc", "ccc"),
        ("crrc", "crc"),
        ("ccrr", "ccr"),
        ("cccr", "ccc"),
        ("cccc", "ccc"),
    ],
    ids=["at the limit", "a refused call goes", "the oldest refused goes", "of two refused",
         "the new one is the only refused", "only answered ones: the oldest"],
)  # fmt: skip
def test_a_full_queue_gives_up_refused_calls_first(statuses: str, kept: str) -> None:
    # EDGE C10: records of unanswered calls may be lost, answered ones come first.
    async def run() -> None:
        world = World(longest_queue=3)
        bucket = world.bucket("b")
        bucket.gate.clear()
        flying = [a_record() for _ in range(PUTS_IN_FLIGHT)]
        for record in flying:
            world.sink.take(WriteRecord("b", record))
        named = {"c": CallStatus.COMPLETED, "r": CallStatus.REJECTED}
        records = [a_record(status=named[letter]) for letter in statuses]
        for record in records:
            world.sink.take(WriteRecord("b", record))
        lost = [record for record, outcome in world.settled if outcome is GIVEN_UP]
        assert len(lost) == len(statuses) - len(kept)
        rest = [letter for letter, it in zip(statuses, records, strict=True) if it not in lost]
        assert "".join(rest) == kept
        assert [line["given_up"] for line in world.log.of("record-given-up")] == [1] * len(lost)
        bucket.gate.set()
        await until(lambda: world.sink.pending == 0)
        answered_first = [it.key() for it in records if it not in lost and it.answered]
        assert bucket.order[PUTS_IN_FLIGHT:][: len(answered_first)] == answered_first

    asyncio.run(run())


@pytest.mark.parametrize(("hours", "ends"), [(23.9, False), (24.1, True)])
def test_care_ends_after_a_day(hours: float, ends: bool) -> None:
    # EDGE C10
    async def run() -> None:
        world = World()
        bucket = world.bucket("b")
        bucket.away = True
        world.sink.take(WriteRecord("b", a_record()))
        await until(lambda: world.log.of("bucket-refuses"))
        world.now += hours * 3_600
        await until(lambda: bucket.attempts == (2 if ends else 3))
        await until(lambda: world.sink.pending == (0 if ends else 1))
        assert [outcome for _, outcome in world.settled] == ([GIVEN_UP] if ends else [])
        reasons = [line["reason"] for line in world.log.of("record-given-up")]
        assert reasons == (["24 h have passed"] if ends else [])

    asyncio.run(run())


def test_quality_lies_beside_the_record_and_gives_way_to_it() -> None:
    # EDGE X10, C10
    async def run() -> None:
        world = World(longest_queue=2)
        bucket = world.bucket("b")
        bucket.gate.clear()
        for _ in range(PUTS_IN_FLIGHT):
            world.sink.take(WriteRecord("b", a_record()))
        records = [a_record() for _ in range(2)]
        qualities = [a_quality_record(record) for record in records]
        world.sink.take(WriteRecord("b", qualities[0]))
        for record in records:
            world.sink.take(WriteRecord("b", record))
        assert world.settled == [(qualities[0], GIVEN_UP)]
        bucket.gate.set()
        await until(lambda: world.sink.pending == 0)
        world.sink.take(WriteRecord("b", qualities[1]))
        await until(lambda: world.sink.pending == 0)
        assert world.settled[-1] == (qualities[1], STORED)
        assert bucket.objects[qualities[1].key()] == qualities[1].body()
        assert all(record.key() in bucket.objects for record in records)

    asyncio.run(run())


def test_what_has_a_row_is_left_to_it_and_never_given_up() -> None:
    # EDGE C10
    async def run() -> None:
        world = World(longest_queue=2)
        world.sink = CdrSink(
            open_bucket=world.bucket,
            settled=lambda _, record, outcome: world.settled.append((record, outcome)),
            may_leave=lambda record: record.status is CallStatus.COMPLETED,
            log=world.log,
            longest_queue=2,
            first_retry_s=0.01,
            monotonic=lambda: world.now,
        )
        bucket = world.bucket("b")
        bucket.away = True
        records = [a_record() for _ in range(5)]
        for record in records:
            world.sink.take(WriteRecord("b", record))
        # Those under way are in no queue; they come back into it.
        await until(lambda: len(world.settled) == 3 and bucket.attempts >= 6)
        world.now += 24.1 * 3_600
        await until(lambda: len(world.settled) == 5)
        assert {outcome for _, outcome in world.settled} == {LEFT}
        assert not world.log.of("record-given-up")
        reasons = {line["reason"] for line in world.log.of("records-left")}
        assert reasons == {"the queue is full", "24 h have passed"}

    asyncio.run(run())


def test_a_bucket_that_gives_no_right_is_told_of_with_what_to_do() -> None:
    # EDGE C10: a customer's own bucket, whose policy is wrong
    async def run() -> None:
        world = World()
        bucket = world.bucket("b")
        bucket.error = PermissionDeniedError("403 Forbidden: AccessDenied")
        world.sink.take(WriteRecord("b", a_record()))
        await until(lambda: bucket.attempts >= 3)
        (line,) = world.log.of("bucket-denied")
        assert "`ovc cdr check-bucket`" in str(line["hint"])
        bucket.error = None
        await until(lambda: world.settled)
        assert world.log.events() == ["bucket-denied", "bucket-back"]

    asyncio.run(run())


def test_an_outage_that_turns_out_to_be_a_matter_of_rights_is_told_of_as_such() -> None:
    async def run() -> None:
        world = World()
        bucket = world.bucket("b")
        bucket.error = ConnectionError("no route to S3")
        world.sink.take(WriteRecord("b", a_record()))
        await until(lambda: bucket.attempts >= 2)
        bucket.error = PermissionDeniedError("403")
        await until(lambda: world.log.of("bucket-denied"))
        bucket.error = ConnectionError("no route to S3")
        before = bucket.attempts
        await until(lambda: bucket.attempts >= before + 2)
        assert world.log.events() == ["bucket-refuses", "bucket-denied"]

    asyncio.run(run())
