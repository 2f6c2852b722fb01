"""The rows that a node leaves in real tables."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from edge.runtime.aws_messages import EndKept, LeaseWritten
from edge.runtime.batch_writes import BatchWrites
from edge.runtime.journal import DueCall, Journal
from edge.runtime.journal_lines import Header
from edge.runtime.local_journal import LocalJournal
from edge.runtime.safe_rows import SafeRows
from edge.seam import CallJournalled, JournalPlace, NodeReport
from model.cdr import CallDetailRecord, CallStatus
from model.cdr_reader import read_record
from model.codec import moment_text
from model.node import CarrierState
from model.quality import optional_quality
from model.tables import CALLS, NODES
from tests.runtime.local_aws import Deployment
from tests.runtime.records import NODE, STARTED_AT, a_live_call, a_quality, a_record
from tests.runtime.scripted import Lines, until

pytestmark = pytest.mark.sockets

CARRIER = CarrierState(
    name="first",
    host="203.0.113.5",
    port=5060,
    priority=1,
    weight=1,
    out_until=datetime(2030, 1, 1, tzinfo=UTC),
)


class World:
    """A journal over real tables and a real directory, and what it reports."""

    def __init__(self, deployment: Deployment, log: Lines) -> None:
        writes = BatchWrites(deployment.aws.session())
        prefix = deployment.prefix
        self.reports: list[CallJournalled | EndKept | LeaseWritten] = []
        self.disk = LocalJournal(
            deployment.journals, Header(NODE.node_id, prefix), longest_bytes=1 << 20, log=log
        )
        self.journal = Journal(NODE, disk=self.disk, report=self.reports.append)
        rows = SafeRows.over(writes, prefix, self.disk, safe=self.journal.safe, log=log)
        rows._in_time_s = 30.0  # however slow the machine is
        self.journal.write_to(rows, writes, prefix, log)

    async def written(self) -> None:
        await until(lambda: not self.journal.pending)


def in_journal(deployment: Deployment, test: Callable[[World, Journal], Awaitable[None]]) -> None:
    async def run() -> None:
        log = Lines()
        world = World(deployment, log)
        await test(world, world.journal)
        world.disk.close()
        assert log.written == []
        assert list(deployment.journals.iterdir()) == [], "the table has everything"

    asyncio.run(run())


def due(record: CallDetailRecord) -> DueCall:
    return DueCall(record, "a-bucket")


def test_a_call_has_a_row_while_it_is_up_and_another_once_it_has_ended(
    deployment: Deployment,
) -> None:
    # EDGE C9
    async def test(world: World, journal: Journal) -> None:
        record = a_record()
        journal.answered(a_live_call(record.transaction_id))
        await world.written()
        (row,) = deployment.rows(CALLS)
        assert (row["live_node"], row["transaction_id"]) == ("node1", record.transaction_id)
        assert world.reports == [CallJournalled(record.transaction_id, JournalPlace.TABLE)]
        journal.ended(due(record))
        await world.written()
        (row,) = deployment.rows(CALLS)
        assert (row["live_node"], row["bucket"]) == ("node1", "a-bucket")
        assert (row["status"], row["object_key"]) == ("Completed", record.key())
        assert world.reports[1:] == [EndKept(record.transaction_id)]
        journal.stored(record)
        await world.written()
        (row,) = deployment.rows(CALLS)
        assert "live_node" not in row and "bucket" not in row
        assert (row["status"], row["object_key"]) == ("Completed", record.key())
        assert row["billable_duration"] == 30

    in_journal(deployment, test)


def test_a_call_that_is_forgotten_leaves_nothing(deployment: Deployment) -> None:
    # EDGE C11
    async def test(world: World, journal: Journal) -> None:
        call = a_live_call()
        journal.answered(call)
        await world.written()
        journal.forgotten(call.transaction_id)
        await world.written()
        assert deployment.rows(CALLS) == []
        assert world.reports[1:] == [EndKept(call.transaction_id)]

    in_journal(deployment, test)


def test_a_refused_call_has_a_row_at_its_end(deployment: Deployment) -> None:
    async def test(world: World, journal: Journal) -> None:
        journal.refused(a_record(status=CallStatus.RATE_LIMITED))
        await world.written()
        (row,) = deployment.rows(CALLS)
        assert (row["status"], row["billable_duration"]) == ("Rate_Limited", 0)

    in_journal(deployment, test)


def test_a_refused_call_whose_record_was_given_up_has_no_key(deployment: Deployment) -> None:
    # EDGE C10
    async def test(world: World, journal: Journal) -> None:
        record = a_record(status=CallStatus.REJECTED)
        journal.refused(record)
        await world.written()
        journal.refused(record, has_object=False)
        await world.written()
        assert "object_key" not in deployment.rows(CALLS)[0]

    in_journal(deployment, test)


def test_a_node_shows_itself_until_it_leaves(deployment: Deployment) -> None:
    async def test(world: World, journal: Journal) -> None:
        for calls in (1, 2):
            journal.renewed(NodeReport(STARTED_AT, calls, calls == 2, (CARRIER,)))
            await world.written()
        (row,) = deployment.rows(NODES)
        assert world.reports == [LeaseWritten()], "once"
        assert (row["sk"], row["sip_address"]) == (NODE.node_id, NODE.sip_address)
        assert (row["active_calls"], row["draining"]) == (2, True)
        # EDGE C9: the lease is the Core's, and no other clock has a say.
        assert (row["renewed_at"], row["task"]) == (moment_text(STARTED_AT), "process:host:1:2")
        assert row["carriers"] == [
            {
                "name": "first",
                "host": "203.0.113.5",
                "port": 5060,
                "priority": 1,
                "weight": 1,
                "out_until": "2030-01-01T00:00:00.000+00:00",
            }
        ]
        journal.leave()
        await world.written()
        assert deployment.rows(NODES) == []

    in_journal(deployment, test)


def test_a_row_takes_its_end_from_the_record_that_is_in_the_place_of_ours(
    deployment: Deployment,
) -> None:
    # EDGE C9
    async def test(world: World, journal: Journal) -> None:
        record = a_record()
        lost = replace(record, status_message="Edge lost", ended_at=record.started_at)
        journal.ended(DueCall(record, deployment.bucket))
        journal.replaced(record, read_record(lost.key(), lost.body()))
        journal.stored(record)
        await world.written()
        (row,) = deployment.rows(CALLS)
        assert (row["status_message"], row["billable_duration"]) == ("Edge lost", 0)
        assert row["ended_at"] == moment_text(record.started_at)
        assert (row["object_key"], "live_node" in row) == (record.key(), False)
        # What the media was like comes a moment later, and changes no end.
        journal.measured_to_the_end(record, a_quality())
        await world.written()
        (item,) = deployment.items(CALLS)
        assert optional_quality(item) == a_quality()
        assert item["status_message"] == {"S": "Edge lost"}

    in_journal(deployment, test)


def test_a_call_whose_object_cannot_be_stored_stays_due_and_is_not_tried_for_ever(
    deployment: Deployment,
) -> None:
    async def test(world: World, journal: Journal) -> None:
        due = DueCall(a_record(), deployment.bucket)
        journal.ended(due)
        journal.set_aside(due.record)
        await world.written()
        (row,) = deployment.rows(CALLS)
        assert (row["live_node"], row["bucket"]) == (NODE.node_id, deployment.bucket)
        assert not journal.found(due)

    in_journal(deployment, test)


def test_more_calls_than_fit_into_a_batch(deployment: Deployment) -> None:
    async def test(world: World, journal: Journal) -> None:
        records = [a_record() for _ in range(60)]
        for record in records:
            journal.answered(a_live_call(record.transaction_id))
        for record in records[::2]:
            journal.ended(due(record))
            journal.stored(record)
        await world.written()
        rows = deployment.rows(CALLS)
        assert len(rows) == 60
        assert sum("live_node" in row for row in rows) == 30

    in_journal(deployment, test)


def test_the_row_of_a_call_shows_its_quality_while_it_is_up_and_afterwards(
    deployment: Deployment,
) -> None:
    # EDGE X5
    async def test(world: World, journal: Journal) -> None:
        record = a_record()
        call = a_live_call(record.transaction_id)
        journal.answered(call)
        for packets in (1, 2):
            journal.measured(call, a_quality(packets))
            await world.written()
            (item,) = deployment.items(CALLS)
            assert optional_quality(item) == a_quality(packets)
            assert "live_node" in item
        journal.ended(due(record))
        journal.measured_to_the_end(record, a_quality(3))
        await world.written()
        (item,) = deployment.items(CALLS)
        assert optional_quality(item) == a_quality(3) and "live_node" in item
        journal.stored(record)
        journal.measured_to_the_end(record, a_quality(4))
        await world.written()
        (item,) = deployment.items(CALLS)
        assert optional_quality(item) == a_quality(4)
        assert item["object_key"] == {"S": record.key()}
        assert "live_node" not in item

    in_journal(deployment, test)
