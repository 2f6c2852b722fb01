"""Rows and objects of calls through outages of the table, of the bucket and of memory.

EDGE C9, C10, C11
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from uuid import uuid4

import boto3
import pytest

from edge.runtime import record_keeping
from edge.runtime.aws_messages import Backlog, Begin, EndKept, RecordOutcome, RecordSettled
from edge.runtime.journal_lines import content_of
from edge.runtime.record_keeping import RecordKeeping
from edge.seam import (
    CallJournalled,
    ForgetCall,
    JournalCall,
    JournalPlace,
    NodeReport,
    NoteQuality,
    WriteRecord,
)
from model.cdr import CallDetailRecord
from model.quality import optional_quality
from model.settings import Settings
from model.tables import CALLS, NODES
from tests.runtime.local_aws import REGION, Deployment, LocalAws
from tests.runtime.records import NODE, a_live_call, a_quality, a_record
from tests.runtime.scripted import Lines, until

pytestmark = pytest.mark.sockets

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class World:
    """The record keeping of one node."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment, self.log = deployment, Lines()
        self.told: list[object] = []
        self.begin = Begin(Settings(), deployment.prefix, 0.1, NODE, deployment.plan)
        self.session = boto3.Session(region_name=REGION)
        self.keeping = RecordKeeping(
            self.begin, self.session, lambda report, linger_s: self.told.append(report), self.log
        )

    def answer(self, record: CallDetailRecord) -> None:
        self.keeping.take(JournalCall(a_live_call(record.transaction_id)))

    def end(self, record: CallDetailRecord, bucket: str | None = None) -> None:
        bucket = bucket or self.deployment.bucket
        self.keeping.take(WriteRecord(bucket, record, is_journalled=True))

    async def is_told(self, report: object, within_s: float = 10.0) -> None:
        await until(lambda: report in self.told, within_s)

    async def quiet(self) -> None:
        await until(lambda: not self.keeping.pending, 20.0)

    def rows(self) -> dict[str, dict[str, object]]:
        return {str(row["transaction_id"]): dict(row) for row in self.deployment.rows(CALLS)}

    def kept(self) -> set[str]:
        """Return the names of the rows that are on the disk."""
        files = list(self.deployment.journals.glob("*.journal"))
        return {name for file in files for name in content_of(file.read_bytes()).entries}


def in_world(deployment: Deployment, test: Callable[[World], Awaitable[None]]) -> None:
    async def run() -> None:
        world = World(deployment)
        try:
            await test(world)
        finally:
            world.keeping.close()

    asyncio.run(run())


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[LocalAws, Deployment]]:
    """Return an AWS that may be stopped, for the keeping of this test alone."""
    aws = LocalAws()
    for name, value in aws.environment.items():
        monkeypatch.setenv(name, value)
    yield aws, Deployment(aws, f"t{uuid4().hex[:12]}")
    aws.stop()


def test_a_call_has_two_rows_and_one_object_and_its_quality(deployment: Deployment) -> None:
    async def test(world: World) -> None:
        record = a_record()
        world.keeping._rows._in_time_s = 30.0  # however slow the machine is
        world.answer(record)
        await world.is_told(CallJournalled(record.transaction_id, JournalPlace.TABLE))
        world.end(record)
        world.keeping.take(NoteQuality(record, a_quality()))
        await world.is_told(EndKept(record.transaction_id))
        key = record.key()
        await world.is_told(RecordSettled(deployment.bucket, key, RecordOutcome.STORED))
        await world.quiet()
        assert deployment.objects() == {key: record.body()}
        (row,) = deployment.items(CALLS)
        assert "live_node" not in row and optional_quality(row) == a_quality()
        assert world.kept() == set()

    in_world(deployment, test)


def test_a_database_that_is_away_costs_a_call_nothing_but_a_line_on_the_disk(
    own: tuple[LocalAws, Deployment],
) -> None:
    aws, deployment = own

    async def test(world: World) -> None:
        up, ended = a_record(), a_record()
        world.answer(up)
        await world.quiet()
        aws.stop()
        world.answer(ended)
        await world.is_told(CallJournalled(ended.transaction_id, JournalPlace.DISK))
        world.end(ended)
        await world.is_told(EndKept(ended.transaction_id))
        world.end(up)
        await world.is_told(EndKept(up.transaction_id))
        assert world.kept() == {up.transaction_id, ended.transaction_id}
        aws.start_again()
        await world.quiet()
        assert set(deployment.objects()) == {up.key(), ended.key()}
        assert all("live_node" not in row for row in world.rows().values())
        assert world.log.of("table-back")
        await until(lambda: world.kept() == set())

    in_world(deployment, test)


def test_a_node_that_cannot_renew_its_lease_says_on_the_disk_that_it_lives(
    own: tuple[LocalAws, Deployment],
) -> None:
    aws, deployment = own

    async def test(world: World) -> None:
        def renew(second: int) -> None:
            moment = NOW.replace(second=second)
            world.keeping.journal.renewed(NodeReport(moment, 0, False, ()))

        def seen() -> object:
            (file,) = deployment.journals.glob("*.journal")
            return content_of(file.read_bytes()).seen_at

        renew(0)
        await world.quiet()
        assert seen() is None
        aws.stop()
        renew(10)
        renew(20)
        await until(lambda: seen() == NOW.replace(second=20))
        aws.start_again()
        await until(lambda: not world.keeping.pending, 20.0)
        await until(lambda: seen() is None)
        assert deployment.rows(NODES)[0]["renewed_at"] == "2026-01-01T00:00:20.000+00:00"

    in_world(deployment, test)


def test_a_bucket_that_is_away_leaves_ended_calls_to_their_rows(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    # More of them than memory has room for.
    monkeypatch.setattr(record_keeping, "LONGEST_QUEUE", 20)
    monkeypatch.setattr("edge.runtime.due_rows.EVERY_S", 0.1)
    monkeypatch.setattr(record_keeping, "TOLD_EVERY_S", 0.1)
    s3 = deployment.aws.client("s3")

    async def test(world: World) -> None:
        records = [a_record() for _ in range(60)]
        for record in records:
            world.answer(record)
            world.end(record, "not-there-yet-" + deployment.prefix)
            await asyncio.sleep(0.02)
        await until(lambda: len([it for it in world.told if isinstance(it, EndKept)]) == 60, 20.0)
        spare = a_record()
        world.answer(spare)
        world.end(spare, "not-there-yet-" + deployment.prefix)
        await until(lambda: world.log.of("records-left"))
        assert world.keeping._sink.pending <= 21
        await world.is_told(Backlog(61))
        rows = world.rows()
        assert all(row["bucket"] == f"not-there-yet-{deployment.prefix}" for row in rows.values())
        assert not world.log.of("record-given-up")
        s3.create_bucket(Bucket=f"not-there-yet-{deployment.prefix}")
        await until(lambda: all("bucket" not in row for row in world.rows().values()), 40.0)
        found = s3.list_objects_v2(Bucket=f"not-there-yet-{deployment.prefix}")["Contents"]
        assert {it["Key"] for it in found} == {it.key() for it in (*records, spare)}
        await world.is_told(Backlog(0))

    in_world(deployment, test)


def test_what_a_worker_had_in_memory_its_successor_finds_in_the_rows(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.runtime.due_rows.EVERY_S", 0.1)
    record = a_record()
    bucket = "later-" + deployment.prefix

    async def before(world: World) -> None:
        world.answer(record)
        world.end(record, bucket)
        world.keeping.take(NoteQuality(record, a_quality()))
        await world.is_told(EndKept(record.transaction_id))

    async def after(world: World) -> None:
        await until(lambda: "bucket" not in world.rows()[record.transaction_id], 20.0)
        (row,) = deployment.items(CALLS)
        assert optional_quality(row) == a_quality()

    in_world(deployment, before)
    deployment.aws.client("s3").create_bucket(Bucket=bucket)
    in_world(deployment, after)


def test_a_damaged_row_is_told_of_once_and_holds_up_nobody(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.runtime.due_rows.EVERY_S", 0.05)
    row = {"transaction_id": "damaged", "live_node": NODE.node_id, "bucket": "b"}
    deployment.put(CALLS, {**row, "started_at": "2026-01-01", "status": "Completed"})

    async def test(world: World) -> None:
        await until(lambda: world.log.of("row-damaged"))
        world.keeping._due.owe()
        await asyncio.sleep(0.3)
        (line,) = world.log.of("row-damaged")
        assert "damaged" in str(line["row"]) and "KeyError" in str(line["error"])

    in_world(deployment, test)


def test_records_of_calls_that_were_never_answered_have_no_row_to_be_left_to(
    deployment: Deployment,
) -> None:
    # EDGE C10
    async def test(world: World) -> None:
        record = replace(a_record(), answered=False)
        world.keeping.take(WriteRecord(deployment.bucket, record))
        await world.quiet()
        assert list(deployment.objects()) == [record.key()]
        (row,) = deployment.rows(CALLS)
        assert "live_node" not in row and row["object_key"] == record.key()

    in_world(deployment, test)


def test_a_call_that_nobody_wants_a_record_of_leaves_nothing(deployment: Deployment) -> None:
    # EDGE C11
    async def test(world: World) -> None:
        record = a_record()
        world.answer(record)
        world.keeping.take(ForgetCall(record.transaction_id))
        await world.is_told(EndKept(record.transaction_id))
        await world.quiet()
        assert deployment.rows(CALLS) == []

    in_world(deployment, test)


def test_the_backlog_is_told_when_it_changes(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    # EDGE X7, X9
    monkeypatch.setattr(record_keeping, "TOLD_EVERY_S", 0.05)

    async def test(world: World) -> None:
        await asyncio.sleep(0.2)
        assert world.told == [Backlog(0)], "an earlier worker may have told otherwise"
        world.told.clear()
        record = a_record()
        world.end(record, "later-" + deployment.prefix)
        await world.is_told(Backlog(1))
        deployment.aws.client("s3").create_bucket(Bucket="later-" + deployment.prefix)
        await world.is_told(Backlog(0), 30.0)

    in_world(deployment, test)


def test_the_last_words_of_a_worker_are_on_the_disk(own: tuple[LocalAws, Deployment]) -> None:
    aws, deployment = own

    async def test(world: World) -> None:
        aws.stop()
        record = a_record()
        world.answer(record)
        world.end(record)
        await world.keeping.last_words()
        assert world.kept() == {record.transaction_id}

    in_world(deployment, test)


def test_a_node_leaves_the_list_when_nothing_is_owed_for_its_calls(deployment: Deployment) -> None:
    async def test(world: World) -> None:
        world.keeping.journal.renewed(NodeReport(NOW, 0, False, ()))
        record = a_record()
        bucket = "later-" + deployment.prefix
        world.answer(record)
        world.end(record, bucket)
        leaving = asyncio.get_running_loop().create_task(world.keeping.leave())
        await world.is_told(EndKept(record.transaction_id))
        await until(lambda: len(deployment.rows(NODES)) == 1)
        await asyncio.sleep(0.3)
        assert len(deployment.rows(NODES)) == 1 and not leaving.done()
        deployment.aws.client("s3").create_bucket(Bucket=bucket)
        await asyncio.wait_for(leaving, 30.0)
        assert deployment.rows(NODES) == []
        assert "live_node" not in world.rows()[record.transaction_id]

    in_world(deployment, test)
