"""What a dead process has left on the disk comes into the tables, unless they know better.

EDGE C9
"""

import asyncio
import fcntl
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from edge.runtime.journal_lines import (
    Entry,
    Header,
    entry_line,
    header_line,
    line_of,
    seen_line,
)
from edge.runtime.journal_replay import Replay
from edge.runtime.local_journal import LocalJournal
from model.call_items import call_key, due_members, ended_members, live_members, seen_at
from model.cdr import CallDetailRecord
from model.codec import Item, encode_item, moment
from model.node import NodeState
from model.node_items import node_members
from model.tables import CALLS, NODES
from tests.runtime.local_aws import Deployment
from tests.runtime.records import STARTED_AT, a_live_call, a_record
from tests.runtime.scripted import Lines

pytestmark = pytest.mark.sockets

DEAD = "deadnode"
SEEN_AT = STARTED_AT + timedelta(seconds=20)


class Flaky:
    """A client that does not get through at first."""

    def __init__(self, client: Any, failures: int) -> None:
        self._client, self.failures = client, failures

    def __getattr__(self, name: str) -> Any:
        if self.failures:
            self.failures -= 1
            raise EndpointConnectionError(endpoint_url="http://127.0.0.1:1")
        return getattr(self._client, name)


class World:
    """A directory with journals and the tables of a deployment."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment, self.directory = deployment, deployment.journals
        self.log = Lines()
        self.waits: list[float] = []
        self.header = Header(DEAD, deployment.prefix)

    def leave(self, name: str, *lines: bytes, header: bytes | None = None) -> Path:
        path = self.directory / f"{name}.journal"
        path.write_bytes((header or header_line(self.header)) + b"".join(lines))
        return path

    def replay(self, failures: int = 0) -> None:
        client = Flaky(self.deployment.aws.client("dynamodb"), failures)
        Replay(
            self.directory,
            client,
            prefix=self.deployment.prefix,
            log=self.log,
            sleep=self.waits.append,
        ).run()

    def rows(self) -> dict[str, Item]:
        return {str(it["transaction_id"]["S"]): it for it in self.deployment.items(CALLS)}

    @property
    def files(self) -> list[str]:
        return sorted(path.name for path in self.directory.iterdir())


@pytest.fixture
def world(deployment: Deployment) -> World:
    return World(deployment)


def live(record: CallDetailRecord) -> Item:
    return encode_item(live_members(a_live_call(record.transaction_id), DEAD))


def due(record: CallDetailRecord) -> Item:
    return encode_item(due_members(record, DEAD, "a-bucket", record.key()))


def done(record: CallDetailRecord) -> Item:
    return encode_item(ended_members(record, DEAD, record.key()))


def put(item: Item) -> bytes:
    return entry_line(str(item["transaction_id"]["S"]), Entry(put=item))


def test_rows_come_into_the_table_under_the_name_of_the_node_that_had_them(world: World) -> None:
    answered, ended, forgotten = a_record(), a_record(), a_record()
    world.deployment.put(CALLS, live_members(a_live_call(forgotten.transaction_id), DEAD))
    key = call_key(forgotten.transaction_id)
    world.leave(
        "one",
        put(live(answered)),
        put(live(ended)),
        put(due(ended)),
        entry_line(forgotten.transaction_id, Entry(delete=key)),
    )
    world.replay()
    rows = world.rows()
    assert rows == {answered.transaction_id: live(answered), ended.transaction_id: due(ended)}
    assert world.files == []
    (line,) = world.log.written
    assert line[0] == "journal-replayed"
    assert (line[1]["node"], line[1]["written"]) == (DEAD, 3)


def test_the_calls_of_a_node_were_up_as_long_as_it_was_seen(world: World) -> None:
    # Its lease is older: the table was away.
    answered = a_record()
    node = NodeState(
        node_id=DEAD, sip_address="192.0.2.1:5060", started_at=STARTED_AT, renewed_at=STARTED_AT,
        active_calls=1, draining=False, carriers=(),
    )  # fmt: skip
    world.deployment.put(NODES, node_members(node))
    world.leave("one", put(live(answered)), seen_line(STARTED_AT), seen_line(SEEN_AT))
    world.leave("two", seen_line(STARTED_AT))
    world.replay()
    assert seen_at(world.rows()[answered.transaction_id]) == SEEN_AT
    (row,) = world.deployment.items(NODES)
    assert moment(row["renewed_at"]) == SEEN_AT, "an older moment changes nothing"
    assert world.files == []


def test_without_a_row_of_the_node_its_calls_say_when_it_was_seen(world: World) -> None:
    answered = a_record()
    world.leave("one", put(live(answered)), seen_line(SEEN_AT))
    world.replay()
    assert seen_at(world.rows()[answered.transaction_id]) == SEEN_AT
    assert world.deployment.items(NODES) == [] and world.files == []


@pytest.mark.parametrize("in_table", [due, done], ids=["due", "done"])
def test_what_the_table_knows_of_a_calls_end_stays(world: World, in_table: Any) -> None:
    closed = a_record()
    world.deployment._dynamodb.put_item(
        TableName=CALLS.physical_name(world.deployment.prefix), Item=in_table(closed)
    )
    world.leave("one", put(live(closed)), seen_line(SEEN_AT))
    world.replay()
    assert world.rows() == {closed.transaction_id: in_table(closed)}
    assert world.log.of("journal-replayed")[0]["superseded"] == 1


def test_a_recorded_end_is_better_than_a_live_row_and_worse_than_a_stored_object(
    world: World,
) -> None:
    up, stored = a_record(), a_record()
    table = CALLS.physical_name(world.deployment.prefix)
    for item in (live(up), done(stored)):
        world.deployment._dynamodb.put_item(TableName=table, Item=item)
    world.leave("one", put(due(up)), put(due(stored)))
    world.replay()
    assert world.rows() == {up.transaction_id: due(up), stored.transaction_id: done(stored)}


def test_while_the_table_is_away_it_waits(world: World) -> None:
    records = [a_record() for _ in range(3)]
    world.leave("one", *(put(due(record)) for record in records))
    world.replay(failures=5)
    assert len(world.rows()) == 3
    assert world.waits == [0.5, 1.0, 2.0, 4.0, 8.0]
    assert world.log.events() == ["journal-waits", "journal-replayed"]


def test_a_half_written_journal_is_read_as_far_as_it_goes_and_kept_aside(world: World) -> None:
    whole, cut = a_record(), a_record()
    world.leave("one", b"rubbish\n", put(due(whole)), put(due(cut))[:-20])
    world.replay()
    assert set(world.rows()) == {whole.transaction_id}
    assert world.files == ["one.damaged"]
    (line,) = world.log.of("journal-damaged")
    assert (line["lines"], line["rows"]) == (2, 0)
    assert "Keep the file until the records of that time are complete" in str(line["hint"])
    world.replay()
    assert world.log.of("journals-kept-aside")[0]["files"] == 1


def test_a_row_that_the_table_refuses_is_kept_aside(world: World) -> None:
    good = a_record()
    bad: Item = {"transaction_id": {"S": ""}, "live_node": {"S": DEAD}}
    world.leave("one", entry_line("bad", Entry(put=bad)), put(due(good)))
    world.replay()
    assert set(world.rows()) == {good.transaction_id}
    assert world.files == ["one.damaged"]
    assert world.log.of("journal-damaged")[0]["rows"] == 1


@pytest.mark.parametrize(
    ("header", "hint"),
    [
        (line_of({"journal": "ovc-edge", "version": 7}), "start an edge of that version"),
        (b"#!/bin/sh\n", "keep other files elsewhere"),
        (header_line(Header(DEAD, "another")), "of the deployment 'another'"),
    ],
    ids=["another version", "something else", "another deployment"],
)
def test_a_file_that_is_not_ours_to_read_is_told_of_and_left_alone(
    world: World, header: bytes, hint: str
) -> None:
    path = world.leave("one", put(due(a_record())))
    path.write_bytes(header + put(due(a_record())))
    before = path.read_bytes()
    world.replay()
    assert world.rows() == {} and path.read_bytes() == before
    (line,) = world.log.of("journal-unreadable")
    assert hint in str(line["hint"]) and line["file"] == str(path)


def test_the_journal_of_a_process_that_lives_is_left_alone(world: World) -> None:
    async def run() -> None:
        journal = LocalJournal(world.directory, world.header, longest_bytes=1 << 20, log=world.log)
        item = live(a_record())
        told: list[bool] = []
        journal.keep("a", Entry(put=item), told.append)
        while not told:
            await asyncio.sleep(0.01)
        world.replay()
        assert world.rows() == {} and len(world.files) == 1
        journal.close()
        world.replay()
        assert len(world.rows()) == 1 and world.files == []

    asyncio.run(run())


def test_two_processes_never_take_the_same_journal(world: World) -> None:
    path = world.leave("one", put(due(a_record())))
    with path.open("rb+") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        world.replay()
        assert world.rows() == {} and world.files == ["one.journal"]
    world.replay()
    assert len(world.rows()) == 1


def test_an_empty_journal_goes_without_a_word(world: World) -> None:
    world.leave("one")
    world.leave("two").write_bytes(b"")
    world.replay()
    assert world.files == [] and world.log.written == []
