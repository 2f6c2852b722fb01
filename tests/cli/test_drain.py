"""`ovc drain`: what is typed, what is said, and what nodes find in their table (A11)."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from time import sleep
from typing import Any

import boto3
import pytest
from moto import mock_aws

from cli.drain import Desk, run
from cli.errors import CommandError, ExitCode
from lambdas.edge_dns.repository import NodeTable
from lambdas.management.store import Store
from model.codec import encode_item
from model.drain import DrainMark, DrainReason, drain_from, drain_members
from model.node_items import node_members
from model.tables import DRAIN, NODE, NODES, key
from tests.management.calls import node

WHERE: dict[str, Any] = {"prefix": "lab", "region": "us-east-1", "api_port": None}


def _client(service: Any) -> Any:  # Any: it is given arguments as dictionaries
    return boto3.client(service, region_name="us-east-1")


class Cloud:
    """A deployment's nodes, each of which shows itself when told to."""

    def __init__(self) -> None:
        self.dynamodb = _client("dynamodb")
        self.dynamodb.create_table(**NODES.creation("lab"))
        self.table = NodeTable(Store(self.dynamodb, sleep), "lab")

    def show(self, name: str, **members: Any) -> None:
        self._put(node_members(node(name, datetime.now(UTC))) | members)

    def leave(self, name: str) -> None:
        self.dynamodb.delete_item(TableName=NODES.physical_name("lab"), Key=key(NODE, name))

    def mark(self, name: str, **members: Any) -> None:
        told = DrainMark(
            node_id=name,
            ordered_at=datetime(2026, 11, 26, 3, 4, 5, tzinfo=UTC),
            reason=DrainReason.OUTDATED,
        )
        self._put(drain_members(told) | members)

    def _put(self, members: Any) -> None:
        self.dynamodb.put_item(TableName=NODES.physical_name("lab"), Item=encode_item(members))


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    with mock_aws():
        yield Cloud()


def drained(name: str, *, undo: bool = False, wait: bool = False) -> None:
    run(name, undo=undo, wait=wait, **WHERE)


def test_the_order_is_written_and_says_how_many_calls_are_left(
    cloud: Cloud, capsys: pytest.CaptureFixture[str]
) -> None:  # A11
    cloud.show("one", active_calls=7)
    cloud.show("two")
    drained("one")
    (mark,) = cloud.table.marks().values()
    found = drain_from(mark)
    assert (found.node_id, found.reason, found.unlisted_at) == ("one", DrainReason.OPERATOR, None)
    told = capsys.readouterr()
    assert told.out == "one (198.51.100.10:5060) is told to drain; 7 calls are up\n"
    assert told.err == ""


def test_a_beginning_of_an_id_is_enough_if_it_is_one_nodes_alone(cloud: Cloud) -> None:
    for name in ("abc", "abd", "xyz"):
        cloud.show(name)
    drained("x")
    assert set(cloud.table.marks()) == {"xyz"}
    with pytest.raises(CommandError, match="'ab' begins several ids: abc, abd") as refused:
        drained("ab")
    assert refused.value.exit_code is ExitCode.USAGE


@pytest.mark.parametrize("name", ["three", ""])
def test_a_node_that_is_not_there_is_refused_with_those_that_are(cloud: Cloud, name: str) -> None:
    cloud.show("one")
    cloud.show("dead", shown_at="2026-01-01T00:00:00.000000Z")
    cloud.show("damaged", started_at="yesterday")
    with pytest.raises(CommandError, match=r"is no node that lives; there is one$") as refused:
        drained(name)
    assert refused.value.exit_code is ExitCode.USAGE
    assert cloud.table.marks() == {}


@pytest.mark.parametrize(
    ("damage", "since"),
    [
        ({}, r", since 2026-11-26 03:04:05 UTC \(outdated\); 1 call is up"),
        ({"reason": "whim"}, ", by an order that cannot be read; 1 call is up"),
    ],
)
def test_a_node_that_is_told_already_is_said_so(
    cloud: Cloud, damage: dict[str, str], since: str
) -> None:
    cloud.show("one", active_calls=1)
    cloud.mark("one", **damage)
    before = cloud.table.marks()
    with pytest.raises(CommandError, match=f"^one is told to drain already{since}"):
        drained("one")
    assert cloud.table.marks() == before


def test_a_node_that_stops_is_not_told_to_drain(cloud: Cloud) -> None:
    cloud.show("one", draining=True, active_calls=0)
    with pytest.raises(CommandError, match="one is stopping already; no call is up"):
        drained("one")


def test_the_last_node_that_takes_calls_is_warned_about(
    cloud: Cloud, capsys: pytest.CaptureFixture[str]
) -> None:
    cloud.show("one")
    cloud.show("two", draining=True)
    cloud.show("three")
    cloud.mark("three")
    drained("one")
    assert "no other node takes calls" in capsys.readouterr().err
    assert "one" in cloud.table.marks()


def test_an_order_is_taken_back(cloud: Cloud, capsys: pytest.CaptureFixture[str]) -> None:  # A11
    cloud.show("one", active_calls=2)
    cloud.mark("one")
    drained("one", undo=True)
    assert cloud.table.marks() == {}
    assert capsys.readouterr().out == "one serves again; 2 calls are up\n"
    with pytest.raises(CommandError, match="is no node that is told to drain; there is none"):
        drained("one", undo=True)


def test_what_cannot_be_known_is_said_when_it_is_taken_back(
    cloud: Cloud, capsys: pytest.CaptureFixture[str]
) -> None:
    cloud.show("one", draining=True, active_calls=0)
    cloud.mark("one")
    cloud.mark("gone")
    drained("one", undo=True)
    drained("gone", undo=True)
    first, second = capsys.readouterr().out.splitlines()
    assert "drain-is-final" in first
    assert "has not shown itself" in second


def desk(cloud: Cloud, *steps: Callable[[], None]) -> Desk:
    """Return a desk; each pause of it is one step of what nodes do."""
    left = list(steps)
    return Desk(cloud.table, rest=lambda seconds: left.pop(0)())


def test_waiting_tells_of_calls_until_the_last_has_ended(
    cloud: Cloud, capsys: pytest.CaptureFixture[str]
) -> None:
    cloud.show("one", active_calls=2)
    cloud.mark("one")
    desk(
        cloud,
        lambda: cloud.show("one", active_calls=2),
        lambda: cloud.show("one", active_calls=1, draining=True),
        lambda: cloud.show("one", active_calls=0, draining=True),
    ).await_end("one")
    assert capsys.readouterr().out.splitlines() == [
        "one still takes calls; 2 calls are up",
        "one refuses new calls; 1 call is up",
        "one has no call any more",
    ]


def test_waiting_ends_when_the_node_has_gone(
    cloud: Cloud, capsys: pytest.CaptureFixture[str]
) -> None:
    cloud.show("one", active_calls=2)
    cloud.mark("one")
    desk(cloud, lambda: cloud.leave("one")).await_end("one")
    assert "one has left" in capsys.readouterr().out


def test_waiting_fails_when_the_order_is_taken_back(cloud: Cloud) -> None:
    cloud.show("one", active_calls=2)
    cloud.mark("one")
    with pytest.raises(CommandError, match="one is not told to drain any more; 2 calls are up"):
        desk(cloud, lambda: cloud.table.withdraw("one")).await_end("one")


def test_waiting_is_for_a_node_that_is_told_already_too(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cloud.show("one", draining=True, active_calls=0)
    cloud.mark("one")
    drained("one", wait=True)
    assert capsys.readouterr().out == "one has no call any more\n"


def test_options_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(CommandError, match="nothing to --wait for") as refused:
        drained("one", undo=True, wait=True)
    assert refused.value.exit_code is ExitCode.USAGE


def test_a_table_that_is_not_there_is_said_so(cloud: Cloud) -> None:
    with pytest.raises(CommandError, match="the table of nodes cannot be used"):
        run("one", undo=False, wait=False, **(WHERE | {"prefix": "other"}))


def test_a_second_withdrawal_is_none(cloud: Cloud) -> None:
    cloud.mark("one")
    cloud.table.withdraw("one")
    cloud.table.withdraw("one")
    item = cloud.dynamodb.get_item(TableName=NODES.physical_name("lab"), Key=key(DRAIN, "one"))
    assert "Item" not in item
