"""The AWS worker as a process: configuration and records, through outages, crashes and ends."""

import asyncio
import json
import os
import signal
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
import uvloop

from edge.config import Snapshot
from edge.config_change import PART_WEIGHT, ConfigChange
from edge.records import LogFields
from edge.runtime import aws_control
from edge.runtime.aws_control import AwsControl
from edge.runtime.aws_messages import Begin, News, RoutesNamed
from edge.runtime.journal_lines import Entry, Header, entry_line, header_line
from edge.runtime.log import utc_now
from edge.seam import (
    CallJournalled,
    ConfigChanged,
    ConfigLoaded,
    Count,
    Counted,
    ForgetCall,
    JournalCall,
    JournalPlace,
    NodeReport,
    NoteQuality,
    PeersSeen,
    WriteLog,
    WriteRecord,
)
from model.call_items import due_members
from model.codec import encode_item
from model.connector import Origination, Route
from model.connector_logs import ConnectorLog
from model.node import NodeState
from model.node_items import node_members
from model.number_items import number_members
from model.quality import optional_quality
from model.settings import Settings
from model.tables import CALLS, INVENTORY, LIMITS, NODES, NUMBERS
from tests.runtime.local_aws import Deployment, LocalAws, a_connector, a_number
from tests.runtime.processes import is_running
from tests.runtime.records import (
    NODE,
    a_live_call,
    a_quality,
    a_quality_record,
    a_record,
)
from tests.runtime.scripted import Lines, until, within

pytestmark = pytest.mark.sockets

ONE, TWO = "one0001one0001one00010", "two0002two0002two00020"


class World:
    """A running control, and what it has reported."""

    def __init__(self, deployment: Deployment) -> None:
        self.snapshot = Snapshot()
        self.loaded = self.changes = 0
        self.names: frozenset[str] = frozenset()
        self.counted: list[Counted] = []
        self.peers: list[PeersSeen] = []
        self.journalled: dict[str, JournalPlace] = {}
        self.log = Lines()
        self.control = AwsControl(
            Begin(Settings(), deployment.prefix, 0.1, NODE, deployment.plan),
            loop=asyncio.get_running_loop(),
            feed=self._feed,
            log=self.log,
        )

    def _feed(self, news: News) -> None:
        match news:
            case ConfigLoaded(existing):
                self._change(existing.without_others(self.snapshot))
                self.loaded += 1
            case ConfigChanged(change):
                self.changes += 1
                self._change(change)
            case RoutesNamed(names, _):
                self.names = names
            case Counted():
                self.counted.append(news)
            case PeersSeen():
                self.peers.append(news)
            case CallJournalled(transaction_id, place):
                self.journalled[transaction_id] = place

    def _change(self, change: ConfigChange) -> None:
        self.snapshot = change.made_to(self.snapshot, Settings().domain)

    def connectors(self) -> set[str]:
        return set(self.snapshot.connectors)


def in_world(deployment: Deployment, test: Callable[[World], Awaitable[None]]) -> None:
    async def run() -> None:
        world = World(deployment)
        try:
            await test(world)
        finally:
            world.control.close()

    uvloop.run(run())


def test_the_configuration_arrives_and_every_change_after_it(deployment: Deployment) -> None:
    async def test(world: World) -> None:
        await asyncio.wait_for(world.control.configured.wait(), 5.0)
        assert world.connectors() == set()
        deployment.put_connector(a_connector(ONE))
        with within(2.0):
            await until(lambda: world.connectors() == {ONE})
        named = replace(a_connector(TWO), origination=Origination(routes=(Route(host="a.test"),)))
        deployment.put_connector(named)
        with within(2.0):
            await until(lambda: world.names == {"a.test"})
        assert world.connectors() == {ONE, TWO}
        # The whole of it is told once (A9).
        assert world.loaded == 1

    in_world(deployment, test)


def test_a_record_is_stored_and_confirmed(deployment: Deployment) -> None:
    async def test(world: World) -> None:
        records = [a_record() for _ in range(20)]
        for record in records:
            world.control.write(WriteRecord(deployment.bucket, record))
        assert world.control.unsettled == 20
        await until(lambda: not world.control.unsettled)
        assert deployment.objects() == {record.key(): record.body() for record in records}
        stored = world.log.of("record-stored")
        assert {line["key"] for line in stored} == {record.key() for record in records}

    in_world(deployment, test)


def test_a_database_that_goes_and_comes_back_is_two_log_lines(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # A9
    aws = LocalAws()
    for name, value in aws.environment.items():
        monkeypatch.setenv(name, value)
    deployment = Deployment(aws, f"t{uuid4().hex[:12]}")

    async def test(world: World) -> None:
        await until(lambda: world.loaded > 0)
        aws.stop()
        await until(lambda: world.log.of("database-away"))
        record = a_record()
        world.control.write(WriteRecord(deployment.bucket, record))
        await until(lambda: world.log.of("bucket-refuses"))
        assert world.control.unsettled == 1
        aws.start_again()
        deployment.put_connector(a_connector(ONE))
        await until(lambda: world.connectors() == {ONE}, 10.0)
        await until(lambda: not world.control.unsettled, 10.0)
        assert deployment.objects() == {record.key(): record.body()}
        assert len(world.log.of("database-away")) == len(world.log.of("database-back")) == 1

    try:
        in_world(deployment, test)
    finally:
        aws.stop()


def test_a_worker_that_dies_is_replaced_and_its_records_are_stored(deployment: Deployment) -> None:
    # EDGE C9
    async def test(world: World) -> None:
        await until(lambda: world.loaded > 0)
        os.kill(world.control.pid, signal.SIGKILL)
        record = a_record()
        world.control.write(WriteRecord(deployment.bucket, record))
        await until(lambda: not world.control.unsettled, 10.0)
        assert deployment.objects() == {record.key(): record.body()}
        assert len(world.log.of("aws-worker-lost")) == 1
        deployment.put_connector(a_connector(TWO))
        await until(lambda: world.connectors() == {TWO})

    in_world(deployment, test)


def test_a_worker_that_dies_leaves_answers_and_ends_to_its_successor(
    deployment: Deployment,
) -> None:
    # EDGE C9: whatever was not told to be safe comes once more
    async def test(world: World) -> None:
        control, up, ended, forgotten = world.control, a_live_call(), a_record(), a_live_call()
        await until(lambda: world.loaded > 0)
        control.journal(JournalCall(a_live_call(ended.transaction_id)))
        control.journal(JournalCall(forgotten))
        await until(lambda: len(world.journalled) == 2)
        os.kill(control.pid, signal.SIGSTOP)
        control.journal(JournalCall(up))
        control.write(WriteRecord(deployment.bucket, ended, is_journalled=True))
        control.journal(ForgetCall(forgotten.transaction_id))
        assert control.unsettled == 2
        os.kill(control.pid, signal.SIGKILL)
        await until(lambda: up.transaction_id in world.journalled, 15.0)
        assert world.journalled[up.transaction_id] is not JournalPlace.NOWHERE
        await until(lambda: not control.unsettled, 10.0)
        await until(lambda: list(deployment.objects()) == [ended.key()], 10.0)
        await until(lambda: len(deployment.rows(CALLS)) == 2)
        rows = {row["transaction_id"]: row for row in deployment.rows(CALLS)}
        assert rows.keys() == {up.transaction_id, ended.transaction_id}
        assert "live_node" in rows[up.transaction_id]
        await until(lambda: not control.backlog)

    in_world(deployment, test)


def test_what_is_in_care_for_a_worker_that_never_comes_has_a_bound(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    # EDGE C10
    monkeypatch.setattr(aws_control, "LONGEST_CARE", 3)

    async def test(world: World) -> None:
        os.kill(world.control.pid, signal.SIGSTOP)
        records = [a_record() for _ in range(4)]
        for record in records:
            world.control.write(WriteRecord(deployment.bucket, record, is_journalled=True))
            world.control.write(WriteRecord(deployment.bucket, a_quality_record(record)))
        assert world.control.unsettled == 6
        given_up = [line["record"] for line in world.log.of("record-given-up")]
        assert given_up == [records[0].transaction_id, a_quality_record(records[0]).key()]

    in_world(deployment, test)


def test_what_a_dead_worker_left_on_the_disk_comes_into_the_table(deployment: Deployment) -> None:
    # EDGE C9
    record = a_record()
    item = encode_item(due_members(record, NODE.node_id, deployment.bucket, record.key()))
    lines = header_line(Header(NODE.node_id, deployment.prefix)), entry_line("x", Entry(put=item))
    (deployment.journals / "left.journal").write_bytes(b"".join(lines))

    async def test(world: World) -> None:
        await until(lambda: world.log.of("journal-replayed"), 15.0)
        # It is this node's, so that it is this worker that stores the object.
        await until(lambda: list(deployment.objects()) == [record.key()], 15.0)
        await until(lambda: "live_node" not in deployment.rows(CALLS)[0], 10.0)

    in_world(deployment, test)


def test_a_new_worker_tells_everything_in_parts_and_what_is_gone(deployment: Deployment) -> None:
    # A9: between two parts the node has time for its calls.
    numbers = [a_number(f"+1510555{n:04d}", ONE) for n in range(2 * PART_WEIGHT)]
    deployment.put_connector(a_connector(ONE))
    for number in numbers:
        deployment.put(NUMBERS, number_members(number))

    async def test(world: World) -> None:
        await until(lambda: world.loaded == 1)
        assert set(world.snapshot.numbers) == {it.e164 for it in numbers}
        assert world.changes == 3
        os.kill(world.control.pid, signal.SIGKILL)
        gone = numbers.pop()
        # Nobody is told, as when the worker is away for longer than the feed goes back.
        deployment.take_out(NUMBERS, INVENTORY, gone.e164)
        await until(lambda: world.loaded == 2, 10.0)
        assert set(world.snapshot.numbers) == {it.e164 for it in numbers}
        assert world.connectors() == {ONE}

    in_world(deployment, test)


def test_a_worker_that_is_cut_off_still_stores_what_it_has(deployment: Deployment) -> None:
    async def test(world: World) -> None:
        await until(lambda: world.loaded > 0)
        os.kill(world.control.pid, signal.SIGSTOP)
        record = a_record()
        world.control.write(WriteRecord(deployment.bucket, record))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        world.control._pump.close()
        os.kill(world.control.pid, signal.SIGCONT)
        await until(deployment.objects)
        assert deployment.objects() == {record.key(): record.body()}
        with within(2.5):
            await until(lambda: not is_running(world.control.pid))

    in_world(deployment, test)


def test_calls_and_the_node_have_their_rows(deployment: Deployment) -> None:
    # EDGE C9, C11
    async def test(world: World) -> None:
        control, recorded, forgotten = world.control, a_record(), a_live_call()
        control.renew(NodeReport(utc_now(), 2, False, ()))
        for call in (a_live_call(recorded.transaction_id), forgotten):
            control.journal(JournalCall(call))
        await until(lambda: len(deployment.rows(CALLS)) == 2)
        await until(lambda: len(deployment.rows(NODES)) == 1)
        assert all("live_node" in row for row in deployment.rows(CALLS))
        control.write(WriteRecord(deployment.bucket, recorded, is_journalled=True))
        control.journal(ForgetCall(forgotten.transaction_id))
        control.leave()
        await asyncio.wait_for(control.left.wait(), 5.0)
        (row,) = deployment.rows(CALLS)
        assert (row["transaction_id"], row["status"]) == (recorded.transaction_id, "Completed")
        assert deployment.rows(NODES) == []
        await until(lambda: not control.unsettled)
        assert list(deployment.objects()) == [row["object_key"]]

    in_world(deployment, test)


def test_the_lease_is_known_to_be_written(deployment: Deployment) -> None:  # EDGE C9
    async def test(world: World) -> None:
        await until(lambda: world.loaded > 0)
        assert not world.control.leased.is_set()
        world.control.renew(NodeReport(utc_now(), 0, False, ()))
        await asyncio.wait_for(world.control.leased.wait(), 5.0)
        assert len(deployment.rows(NODES)) == 1

    in_world(deployment, test)


def test_a_node_that_leaves_something_undone_stays_on_the_list(deployment: Deployment) -> None:
    # EDGE C9, C10: the reaper finds by its row that an object is due.
    late = f"{deployment.prefix}-late"

    async def test(world: World) -> None:
        control, record = world.control, a_record()
        control.renew(NodeReport(utc_now(), 0, True, ()))
        control.journal(JournalCall(a_live_call(record.transaction_id)))
        control.write(WriteRecord(late, record, is_journalled=True))
        await until(lambda: deployment.rows(CALLS) and "bucket" in deployment.rows(CALLS)[0])
        control.leave()
        await asyncio.sleep(1.0)
        assert not control.left.is_set()
        assert [row["draining"] for row in deployment.rows(NODES)] == [True]
        # It comes to be there after all: then there is nothing to stay for.
        deployment.aws.client("s3").create_bucket(Bucket=late)
        await asyncio.wait_for(control.left.wait(), 10.0)
        assert deployment.rows(NODES) == []

    in_world(deployment, test)


def test_quality_has_its_object_and_its_place_in_the_row(deployment: Deployment) -> None:
    # EDGE X5, X10
    async def test(world: World) -> None:
        control, record = world.control, a_record()
        of_quality = a_quality_record(record)
        live = a_live_call(record.transaction_id)
        control.journal(NoteQuality(live, a_quality(1)))
        await until(lambda: [optional_quality(it) for it in deployment.items(CALLS)])
        assert optional_quality(deployment.items(CALLS)[0]) == a_quality(1)
        control.write(WriteRecord(deployment.bucket, record, is_journalled=True))
        control.write(WriteRecord(deployment.bucket, of_quality))
        assert control.unsettled == 2
        control.journal(NoteQuality(record, a_quality(2)))
        await until(lambda: not control.unsettled)
        assert deployment.objects() == {it.key(): it.body() for it in (record, of_quality)}
        await until(lambda: optional_quality(deployment.items(CALLS)[0]) == a_quality(2))

    in_world(deployment, test)


def test_the_logs_of_a_connector_are_written_before_the_node_leaves(
    deployment: Deployment,
) -> None:
    # EDGE X4
    async def test(world: World) -> None:
        for number in range(3):
            record: LogFields = {"voice_connector_id": deployment.prefix, "n": number}
            log = ConnectorLog.MEDIA_METRICS
            world.control.write_log(WriteLog(log, deployment.prefix, utc_now(), record))
        world.control.leave()
        await asyncio.wait_for(world.control.left.wait(), 5.0)
        found = deployment.aws.client("logs").get_log_events(
            logGroupName=f"/aws/ChimeVoiceConnectorLogs/{deployment.prefix}",
            logStreamName=NODE.node_id,
            startFromHead=True,
        )
        assert [json.loads(it["message"])["n"] for it in found["events"]] == [0, 1, 2]

    in_world(deployment, test)


def test_without_tables_for_rows_records_are_stored_all_the_same(deployment: Deployment) -> None:
    # S3 goes its own way
    async def test(world: World) -> None:
        dynamodb = deployment.aws.client("dynamodb")
        dynamodb.delete_table(TableName=CALLS.physical_name(deployment.prefix))
        record = a_record()
        world.control.journal(JournalCall(a_live_call(record.transaction_id)))
        world.control.write(WriteRecord(deployment.bucket, record))
        await until(lambda: not world.control.unsettled)
        assert deployment.objects() == {record.key(): record.body()}
        await until(lambda: world.log.of("table-refuses"))
        world.control.renew(NodeReport(utc_now(), 0, False, ()))
        await until(lambda: deployment.rows(NODES))
        assert len(world.log.of("table-refuses")) == 1

    in_world(deployment, test)


def test_closing_ends_the_process_at_once(deployment: Deployment) -> None:
    async def test(world: World) -> None:
        await until(lambda: world.loaded > 0)
        with within(1.0):
            world.control.close()
        assert not is_running(world.control.pid)

    in_world(deployment, test)


def test_calls_are_counted_and_a_failure_is_told_at_once(deployment: Deployment) -> None:  # A10
    async def test(world: World) -> None:
        async def ask(at: float) -> Counted:
            world.counted.clear()
            world.control.count(Count(ONE, 2, 1, at, at))
            await until(lambda: bool(world.counted))
            return world.counted[0]

        now = time.monotonic()
        # At first the worker may be busy with its start.
        while (await ask(now)).granted is None:
            await asyncio.sleep(0.05)
        second = await ask(now)
        assert second.granted == 1
        assert second.closed_until == pytest.approx(now + 1.0, abs=0.01)
        deployment.drop(LIMITS)
        assert (await ask(now + 2.0)).granted is None

    in_world(deployment, test)


def test_other_nodes_are_seen_while_they_live(deployment: Deployment) -> None:  # A10, EDGE R16
    now = utc_now()
    other = NodeState(
        node_id="other",
        sip_address="192.0.2.1:5060",
        started_at=now,
        renewed_at=now,
        active_calls=3,
        draining=False,
        carriers=(),
        connector_calls={ONE: 3},
    )
    old = replace(other, node_id="old", renewed_at=now - timedelta(seconds=31))
    leaving = replace(other, node_id="leaving", draining=True)
    own = replace(other, node_id=NODE.node_id)
    for node in (other, old, leaving, own):
        deployment.put(NODES, node_members(node))

    async def test(world: World) -> None:
        await until(lambda: bool(world.peers))
        assert world.peers == [PeersSeen(1, {ONE: 6})]

    in_world(deployment, test)
