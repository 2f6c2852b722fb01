"""Orders to record, as a node finds them, and recordings on their way into S3."""

import asyncio
import os
import signal
import threading
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
import uvloop

from edge.media.pcap import FILE_HEADER, record
from edge.runtime.aws_control import AwsControl
from edge.runtime.aws_messages import Begin, News, NodeIdentity
from edge.runtime.recording_orders import RecordingOrders, RecordingTable
from edge.runtime.recording_sink import TRIES, RecordingSink
from edge.seam import (
    EndRecording,
    RecordCall,
    RecordingBegun,
    RecordingGrew,
    RecordingOver,
    RecordingRefused,
)
from model.recording_items import Change, ending, ordering, recording_from, recording_key
from model.recordings import (
    Recording,
    RecordingEnd,
    RecordingOrder,
    RecordingSettings,
    RecordingState,
)
from model.settings import Settings
from model.tables import NODES
from tests.runtime.local_aws import REGION, Deployment
from tests.runtime.records import NODE
from tests.runtime.scripted import Lines, until, within

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SETTINGS = Settings(region=REGION, recording=RecordingSettings(allowed=True))
KEY = "Amazon-Chime-Voice-Connector-Recordings/pcap/vc/x.pcap"


def order(number: int = 1, at: datetime = NOW, node_id: str = NODE.node_id) -> RecordingOrder:
    return RecordingOrder(
        transaction_id=f"call-{number}",
        node_id=node_id,
        seconds=60,
        ordered_by="AKIA",
        ordered_at=at,
    )


class Orders:
    """The table of nodes, as whoever orders writes it, and one node that reads it."""

    def __init__(self, deployment: Deployment) -> None:
        self.now = NOW
        self._client: Any = deployment.aws.client("dynamodb")
        self._name = NODES.physical_name(deployment.prefix)
        session = boto3.Session("test", "test", region_name=REGION)
        self.table = RecordingTable.over(session, deployment.prefix, NODE.node_id)
        self.desk = RecordingOrders(self.table, lambda: self.now)

    def change(self, about: RecordingOrder, change: Change) -> None:
        self._client.update_item(
            TableName=self._name,
            Key=recording_key(about.node_id, about.transaction_id),
            UpdateExpression=change.expression,
            ConditionExpression=change.condition,
            ExpressionAttributeNames=dict(change.names),
            ExpressionAttributeValues=dict(change.values),
        )

    def place(self, wanted: RecordingOrder) -> None:
        self.change(wanted, ordering(wanted))

    def end(self, wanted: RecordingOrder) -> None:
        self.change(wanted, ending(wanted))

    def kept(self, about: RecordingOrder) -> Recording:
        wanted = recording_key(about.node_id, about.transaction_id)
        return recording_from(self._client.get_item(TableName=self._name, Key=wanted)["Item"])


@pytest.mark.sockets
def test_a_node_hears_of_each_order_once_and_of_its_end_once(deployment: Deployment) -> None:
    orders = Orders(deployment)
    assert orders.desk.news() == []
    orders.place(order(1))
    orders.place(order(2))
    found = orders.desk.news()
    assert sorted(it.order.transaction_id for it in found if isinstance(it, RecordCall)) == [
        *("call-1", "call-2"),
    ]
    assert orders.desk.news() == []
    orders.table.write(Recording(order=order(1), state=RecordingState.RUNNING))
    assert orders.desk.news() == []
    orders.end(order(1))
    assert orders.desk.news() == [EndRecording("call-1")]
    assert orders.desk.news() == []


@pytest.mark.sockets
def test_an_order_that_ends_before_it_was_seen_is_begun_and_ended(deployment: Deployment) -> None:
    orders = Orders(deployment)
    orders.place(order())
    orders.end(order())
    assert orders.desk.news() == [RecordCall(order()), EndRecording("call-1")]


@pytest.mark.sockets
def test_orders_of_other_nodes_and_old_ones_are_not_carried_out(deployment: Deployment) -> None:
    orders = Orders(deployment)
    orders.place(order(1, node_id="node10"))
    orders.place(order(2, at=NOW - timedelta(seconds=61)))
    assert orders.desk.news() == []


@pytest.mark.sockets
def test_a_second_order_of_a_call_is_another_order(deployment: Deployment) -> None:
    orders = Orders(deployment)
    orders.place(order())
    assert orders.desk.news() == [RecordCall(order())]
    orders.table.write(Recording(order=order(), state=RecordingState.STORED))
    later = order(at=NOW + timedelta(seconds=5))
    orders.place(later)
    orders.now += timedelta(seconds=5)
    assert orders.desk.news() == [RecordCall(later)]
    # What comes late about the first one says nothing about the second.
    orders.table.write(Recording(order=order(), state=RecordingState.FAILED, reason="late"))
    assert orders.kept(later).state is RecordingState.ORDERED


@pytest.mark.sockets
def test_what_was_under_way_when_the_process_ended_is_not_begun_again(
    deployment: Deployment,
) -> None:
    orders = Orders(deployment)
    orders.place(order())
    orders.table.write(Recording(order=order(), state=RecordingState.RUNNING))
    assert orders.desk.news() == []
    orders.end(order())
    assert orders.desk.news() == [EndRecording("call-1")]


def packet(second: int) -> bytes:
    return record(second, ("192.0.2.1", 1), ("192.0.2.2", 2), b"message")


class Bucket:
    """A bucket that may refuse."""

    def __init__(self, error: Exception | None = None) -> None:
        self.objects: dict[str, tuple[bytes, str]] = {}
        self.error = error

    async def create(self, key: str, body: bytes, content_type: str) -> None:
        if self.error is not None:
            raise self.error
        self.objects[key] = (body, content_type)


class Sunk:
    """A sink with a bucket and a table that may refuse."""

    def __init__(self, bucket: Bucket, refusals: int = 0) -> None:
        self.bucket = bucket
        self.rows: list[Recording] = []
        self.settled: list[str] = []
        self.log = Lines()
        self._refusals = refusals
        self.sink = RecordingSink(
            open_bucket=lambda name: bucket,
            write=self._write,
            settled=self.settled.append,
            log=self.log,
            pause_s=0.0,
        )

    def _write(self, row: Recording) -> None:
        assert threading.current_thread() is not threading.main_thread()
        if self._refusals:
            self._refusals -= 1
            raise ConnectionError("the table is away")
        self.rows.append(row)

    async def quiet(self) -> None:
        await until(lambda: not self.sink.pending)


def in_loop(test: Callable[[], Awaitable[None]]) -> None:
    async def run() -> None:
        await test()

    asyncio.run(run())


def test_a_recording_becomes_one_object_and_its_row_says_so() -> None:
    async def test() -> None:
        sunk = Sunk(Bucket())
        sunk.sink.take(RecordingBegun(order(), "records", KEY))
        await sunk.quiet()
        assert sunk.rows[-1] == Recording(
            order=order(), state=RecordingState.RUNNING, bucket="records", object_key=KEY
        )
        sunk.sink.take(RecordingGrew("call-1", packet(3) + packet(1)))
        sunk.sink.take(RecordingGrew("call-2", packet(4)))
        sunk.sink.take(RecordingGrew("call-1", packet(2)))
        assert sunk.bucket.objects == {}, "nothing is there before it is whole"
        sunk.sink.take(RecordingOver(order(), RecordingEnd.CALL_ENDED))
        await sunk.quiet()
        body = FILE_HEADER + packet(1) + packet(2) + packet(3)
        assert sunk.bucket.objects == {KEY: (body, "application/vnd.tcpdump.pcap")}
        assert sunk.rows[-1] == Recording(
            order=order(),
            state=RecordingState.STORED,
            bucket="records",
            object_key=KEY,
            size=len(body),
            reason="the call has ended",
        )
        assert sunk.settled == ["call-1"]
        (line,) = sunk.log.of("recording-stored")
        assert (line["key"], line["bytes"], line["ordered_by"]) == (KEY, len(body), "AKIA")

    in_loop(test)


def test_what_cannot_be_stored_or_was_lost_has_failed_and_says_why() -> None:
    async def test() -> None:
        refusing = Sunk(Bucket(PermissionError("AccessDenied\nand a page of it")))
        refusing.sink.take(RecordingBegun(order(), "records", KEY))
        refusing.sink.take(RecordingOver(order(), RecordingEnd.TIME))
        forgetful = Sunk(Bucket())
        forgetful.sink.take(RecordingOver(order(), RecordingEnd.TIME))
        denied = Sunk(Bucket())
        denied.sink.take(RecordingRefused(order(), "the call is not up on this node"))
        for sunk, reason in (
            (refusing, "it could not be stored: AccessDenied"),
            (forgetful, "the process that kept it has died"),
            (denied, "the call is not up on this node"),
        ):
            await sunk.quiet()
            assert (sunk.rows[-1].state, sunk.rows[-1].reason) == (RecordingState.FAILED, reason)
            assert sunk.bucket.objects == {}
        assert [refusing.settled, forgetful.settled, denied.settled] == [["call-1"], ["call-1"], []]
        assert len(refusing.log.of("recording-lost")) == 1

    in_loop(test)


def test_a_table_that_is_away_for_a_while_gets_the_rows_in_their_order() -> None:
    async def test() -> None:
        sunk = Sunk(Bucket(), refusals=TRIES - 1)
        sunk.sink.take(RecordingBegun(order(), "records", KEY))
        sunk.sink.take(RecordingOver(order(), RecordingEnd.TIME))
        await sunk.quiet()
        states = [it.state for it in sunk.rows]
        assert states == [RecordingState.RUNNING, RecordingState.STORED]

    in_loop(test)


def test_a_row_that_is_never_taken_is_let_go_and_told() -> None:
    async def test() -> None:
        sunk = Sunk(Bucket(), refusals=TRIES)
        sunk.sink.take(RecordingBegun(order(), "records", KEY))
        await sunk.quiet()
        (line,) = sunk.log.of("recording-untold")
        assert (line["state"], line["error"]) == ("RUNNING", "the table is away")

    in_loop(test)


class World:
    """An AWS worker that looks for orders, and what it told."""

    def __init__(self, deployment: Deployment, settings: Settings = SETTINGS) -> None:
        self.news: list[News] = []
        self.log = Lines()
        identity = NodeIdentity(NODE.node_id, NODE.sip_address, NODE.started_at)
        self.control = AwsControl(
            Begin(settings, deployment.prefix, 0.1, identity, deployment.plan),
            loop=asyncio.get_running_loop(),
            feed=self.news.append,
            log=self.log,
        )

    def orders(self) -> list[News]:
        return [it for it in self.news if isinstance(it, RecordCall | EndRecording)]


def in_world(
    deployment: Deployment,
    test: Callable[[World], Awaitable[None]],
    settings: Settings = SETTINGS,
) -> None:
    async def run() -> None:
        world = World(deployment, settings)
        try:
            await asyncio.wait_for(world.control.configured.wait(), 10.0)
            await test(world)
        finally:
            world.control.close()

    uvloop.run(run())


def present(number: int = 1) -> RecordingOrder:
    now = datetime.now(UTC)
    return order(number, at=now.replace(microsecond=now.microsecond // 1000 * 1000))


@pytest.mark.sockets
def test_an_order_goes_all_the_way_to_an_object(deployment: Deployment) -> None:
    orders = Orders(deployment)

    async def test(world: World) -> None:
        wanted = present()
        orders.place(wanted)
        with within(2.0):
            await until(world.orders)
        assert world.orders() == [RecordCall(wanted)]
        for step in (
            RecordingBegun(wanted, deployment.bucket, KEY),
            RecordingGrew("call-1", packet(1)),
        ):
            world.control.record(step)
        await until(lambda: orders.kept(wanted).state is RecordingState.RUNNING)
        orders.end(wanted)
        await until(lambda: world.orders()[1:] == [EndRecording("call-1")])
        world.control.record(RecordingOver(wanted, RecordingEnd.ORDERED))
        assert world.control.recordings == 1
        await until(lambda: not world.control.recordings)
        assert deployment.objects() == {KEY: FILE_HEADER + packet(1)}
        found = orders.kept(wanted)
        assert (found.state, found.reason) == (RecordingState.STORED, "as ordered")

    in_world(deployment, test)


@pytest.mark.sockets
def test_a_recording_of_a_worker_that_dies_has_failed(deployment: Deployment) -> None:
    orders = Orders(deployment)

    async def test(world: World) -> None:
        wanted = present()
        orders.place(wanted)
        await until(world.orders)
        world.control.record(RecordingBegun(wanted, deployment.bucket, KEY))
        await until(lambda: orders.kept(wanted).state is RecordingState.RUNNING)
        os.kill(world.control.pid, signal.SIGKILL)
        world.control.record(RecordingGrew("call-1", b"records"))
        world.control.record(RecordingOver(wanted, RecordingEnd.TIME))
        await until(lambda: not world.control.recordings, 10.0)
        found = orders.kept(wanted)
        assert (found.state, found.reason) == (
            *(RecordingState.FAILED, "the process that kept it has died"),
        )
        assert deployment.objects() == {}

    in_world(deployment, test)


@pytest.mark.sockets
def test_a_node_that_may_not_record_does_not_even_look(deployment: Deployment) -> None:
    orders = Orders(deployment)
    settings = replace(SETTINGS, recording=RecordingSettings())

    async def test(world: World) -> None:
        orders.place(present())
        await asyncio.sleep(0.5)
        assert world.orders() == []

    in_world(deployment, test, settings)
