"""Termination health as it is written into real tables (EDGE F11)."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from edge.runtime.health_writer import HealthWriter
from edge.runtime.snapshot_reader import SnapshotReader
from edge.seam import NoteHealth
from model.configurations import TerminationHealth
from model.health_items import health_from
from model.settings import Settings
from model.tables import HEALTH, NODES, PARTITION_KEY
from tests.runtime.local_aws import MADE_AT, Deployment, a_connector
from tests.runtime.scripted import Lines, until

pytestmark = pytest.mark.sockets

ONE = "one0001one0001one00010"
NEWER = MADE_AT + timedelta(milliseconds=1)


def ping(at: object = MADE_AT, source: str = "192.0.2.1", connector_id: str = ONE) -> NoteHealth:
    assert isinstance(at, type(MADE_AT))
    return NoteHealth(connector_id, source, at)


def write(deployment: Deployment, *pings: NoteHealth) -> None:
    """Write pings, one after the other."""

    async def run() -> None:
        log = Lines()
        writer = HealthWriter.over(deployment.aws.session(), deployment.prefix, log)
        for each in pings:
            writer.note(each)
            await until(lambda: not writer.pending)
        assert log.written == []

    asyncio.run(run())


def stored(deployment: Deployment) -> list[TerminationHealth]:
    items = deployment.items(NODES)
    return [health_from(item) for item in items if item[PARTITION_KEY]["S"] == HEALTH]


def test_the_newest_ping_wins(deployment: Deployment) -> None:
    # EDGE F11
    write(deployment, ping(NEWER, "192.0.2.2"), ping(MADE_AT, "192.0.2.1"))
    assert stored(deployment) == [TerminationHealth(at=NEWER, source="192.0.2.2")]
    later = NEWER + timedelta(seconds=10)
    write(deployment, ping(later, "192.0.2.3"))
    assert stored(deployment) == [TerminationHealth(at=later, source="192.0.2.3")]


def test_a_ping_is_no_change_of_the_configuration(deployment: Deployment) -> None:
    deployment.put_connector(a_connector(ONE))
    reader = SnapshotReader(
        deployment.aws.session(),
        settings=Settings(),
        table_prefix=deployment.prefix,
        log=Lines(),
    )
    assert reader.changed()
    write(deployment, ping())
    assert reader.changed() == []


def scripted(test: Callable[[HealthWriter, Lines, list[str]], Awaitable[None]]) -> Lines:
    log, written, fails = Lines(), list[str](), [True, True, False]

    def put(**arguments: object) -> None:
        item = arguments["Item"]
        assert isinstance(item, dict)
        if fails and fails.pop(0):
            raise OSError("no route")
        written.append(item["sk"]["S"])

    async def run() -> None:
        await test(HealthWriter(put, table="nodes", log=log), log, written)

    asyncio.run(run())
    return log


def test_what_dynamodb_refuses_is_written_later_and_told_once() -> None:
    async def test(writer: HealthWriter, log: Lines, written: list[str]) -> None:
        for name in ("a", "b", "a"):
            writer.note(ping(connector_id=name))
        await until(lambda: not writer.pending)
        assert sorted(written) == ["a", "b"]

    assert scripted(test).events() == ["health-refused"]
