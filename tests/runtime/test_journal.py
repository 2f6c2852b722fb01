"""The rows that a node leaves in real tables."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import pytest

from edge.runtime.journal import Journal
from edge.seam import NodeReport
from model.cdr import CallStatus
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


def in_journal(deployment: Deployment, test: Callable[[Journal], Awaitable[None]]) -> None:
    async def run() -> None:
        log = Lines()
        journal = Journal.over(deployment.aws.session(), deployment.prefix, NODE, log)
        await test(journal)
        assert log.written == []

    asyncio.run(run())


async def written(journal: Journal) -> None:
    await until(lambda: not journal.pending)


def test_a_call_has_a_row_while_it_is_up_and_another_once_it_has_ended(
    deployment: Deployment,
) -> None:
    # EDGE C9
    async def test(journal: Journal) -> None:
        record = a_record()
        journal.answered(a_live_call(record.transaction_id))
        await written(journal)
        (row,) = deployment.rows(CALLS)
        assert (row["live_node"], row["transaction_id"]) == ("node1", record.transaction_id)
        journal.ended(record)
        await written(journal)
        (row,) = deployment.rows(CALLS)
        assert "live_node" not in row
        assert (row["status"], row["object_key"]) == ("Completed", record.key())
        assert row["billable_duration"] == 30

    in_journal(deployment, test)


def test_a_call_that_is_forgotten_leaves_nothing(deployment: Deployment) -> None:
    # EDGE C11
    async def test(journal: Journal) -> None:
        call = a_live_call()
        journal.answered(call)
        await written(journal)
        journal.forgotten(call.transaction_id)
        await written(journal)
        assert deployment.rows(CALLS) == []

    in_journal(deployment, test)


def test_a_refused_call_has_a_row_at_its_end(deployment: Deployment) -> None:
    async def test(journal: Journal) -> None:
        journal.ended(a_record(status=CallStatus.RATE_LIMITED))
        await written(journal)
        (row,) = deployment.rows(CALLS)
        assert (row["status"], row["billable_duration"]) == ("Rate_Limited", 0)

    in_journal(deployment, test)


def test_a_record_that_was_given_up_has_no_key(deployment: Deployment) -> None:
    # EDGE C10
    async def test(journal: Journal) -> None:
        record = a_record()
        journal.ended(record)
        await written(journal)
        journal.ended(record, has_object=False)
        await written(journal)
        assert "object_key" not in deployment.rows(CALLS)[0]

    in_journal(deployment, test)


def test_a_node_shows_itself_until_it_leaves(deployment: Deployment) -> None:
    async def test(journal: Journal) -> None:
        for calls in (1, 2):
            journal.renewed(NodeReport(STARTED_AT, calls, calls == 2, (CARRIER,)))
            await written(journal)
        (row,) = deployment.rows(NODES)
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
        journal.left()
        await written(journal)
        assert deployment.rows(NODES) == []

    in_journal(deployment, test)


def test_more_calls_than_fit_into_a_batch(deployment: Deployment) -> None:
    async def test(journal: Journal) -> None:
        records = [a_record() for _ in range(60)]
        for record in records:
            journal.answered(a_live_call(record.transaction_id))
        for record in records[::2]:
            journal.ended(record)
        await written(journal)
        rows = deployment.rows(CALLS)
        assert len(rows) == 60
        assert sum("live_node" in row for row in rows) == 30

    in_journal(deployment, test)


def test_the_row_of_a_call_shows_its_quality_while_it_is_up_and_afterwards(
    deployment: Deployment,
) -> None:
    # EDGE X5
    async def test(journal: Journal) -> None:
        record = a_record()
        call = a_live_call(record.transaction_id)
        journal.answered(call)
        for packets in (1, 2):
            journal.answered(call, a_quality(packets))
            await written(journal)
            (item,) = deployment.items(CALLS)
            assert optional_quality(item) == a_quality(packets)
            assert "live_node" in item
        journal.ended(record)
        journal.ended(record, a_quality(3))
        await written(journal)
        (item,) = deployment.items(CALLS)
        assert optional_quality(item) == a_quality(3)
        assert item["object_key"] == {"S": record.key()}
        assert "live_node" not in item

    in_journal(deployment, test)
