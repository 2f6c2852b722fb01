"""Reading the configuration: only when it changed, whole, and past any damaged item."""

from dataclasses import replace

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from edge.runtime.snapshot_reader import FULL_LOAD_EVERY_S, SnapshotReader
from model import tables
from model.codec import Plain
from model.configurations import TerminationHealth
from model.connector_group import ConnectorGroup, Distribution, GroupMember
from model.connector_items import connector_members
from model.group_items import group_members
from model.settings import Settings
from model.tables import CONNECTORS, NUMBERS
from tests.runtime.local_aws import MADE_AT, Deployment, LocalAws, a_connector, a_number
from tests.runtime.scripted import Lines

pytestmark = pytest.mark.sockets

ONE, TWO = "one0001one0001one00010", "two0002two0002two00020"


class Clock:
    """A clock that a test moves."""

    now = 1_000.0

    def __call__(self) -> float:
        return self.now


def a_reader(
    deployment: Deployment, log: Lines | None = None, clock: Clock | None = None
) -> SnapshotReader:
    return SnapshotReader(
        deployment.aws.session(),
        settings=Settings(),
        table_prefix=deployment.prefix,
        log=log or Lines(),
        monotonic=clock or Clock(),
    )


def test_an_empty_deployment_is_a_configuration_too(deployment: Deployment) -> None:
    reader = a_reader(deployment)
    snapshot = reader.changed()
    assert snapshot is not None and not snapshot.connectors and snapshot.cdr_bucket is None
    assert reader.changed() is None


def test_connectors_numbers_and_bucket_are_read(deployment: Deployment) -> None:
    deployment.put_connector(a_connector(ONE))
    deployment.put_number(a_number("+15105550101", ONE))
    deployment.use_bucket()
    snapshot = a_reader(deployment).changed()
    assert snapshot is not None
    assert snapshot.connectors == {ONE: a_connector(ONE)}
    assert snapshot.takers_of("+15105550101").connectors == (a_connector(ONE),)
    assert snapshot.hosts[f"{ONE}.voiceconnector.localhost"].connector_id == ONE
    assert snapshot.cdr_bucket == deployment.bucket


def test_a_change_is_seen_by_its_revision_and_told_once(deployment: Deployment) -> None:
    reader = a_reader(deployment)
    reader.changed()
    deployment.put_connector(a_connector(ONE))
    snapshot = reader.changed()
    assert snapshot is not None and set(snapshot.connectors) == {ONE}
    assert reader.changed() is None
    # A revision that changed nothing the edge knows of is no news.
    deployment.changed()
    assert reader.changed() is None


def test_groups_are_read_and_neither_pings_nor_tags_are_news(
    deployment: Deployment,
) -> None:  # EDGE F12; API VG5 TH1 TG1
    group = ConnectorGroup(
        group_id="11111111-1111-4111-8111-111111111111",
        name="group",
        members=(GroupMember(connector_id=ONE, priority=1),),
        distribution=Distribution.PRIORITY_WEIGHTED,
        created_at=MADE_AT,
        updated_at=MADE_AT,
    )
    connector = a_connector(ONE)
    deployment.put(CONNECTORS, group_members(group))
    deployment.put_number(replace(a_number("+15105550101"), group_id=group.group_id))
    deployment.put_connector(connector)
    lines = Lines()
    reader = a_reader(deployment, log=lines)
    snapshot = reader.changed()
    assert snapshot is not None and set(snapshot.connectors) == {ONE}
    assert snapshot.takers_of("+15105550101").connectors == (connector,)
    ping = TerminationHealth(at=MADE_AT, source="192.0.2.1")
    deployment.put_connector(replace(connector, termination_health=ping, tags={"a": "b"}))
    assert reader.changed() is None
    assert not lines.events()


def test_a_change_without_a_revision_is_seen_by_the_regular_load(deployment: Deployment) -> None:
    clock = Clock()
    reader = a_reader(deployment, clock=clock)
    reader.changed()
    deployment.put(CONNECTORS, connector_members(a_connector(ONE)))
    clock.now += FULL_LOAD_EVERY_S - 0.1
    assert reader.changed() is None
    clock.now += 0.1
    assert reader.changed() is not None


@pytest.mark.parametrize(
    "damage",
    [
        {"name": None},
        {"created_at": "yesterday"},
        {"credentials": "none"},
        {"origination": {"routes": [{"host": "x"}], "disabled": False}},
        {
            "termination": {
                "calling_regions": ["US"],
                "cidr_allowed_list": ["192.0.2.0/33"],
                "cps_limit": 1,
                "disabled": False,
            }
        },
    ],
    ids=["member missing", "no time", "wrong type", "half a route", "no network"],
)
def test_a_damaged_connector_is_left_out_and_told_once(
    deployment: Deployment, damage: dict[str, Plain]
) -> None:
    # A9
    log = Lines()
    deployment.put(CONNECTORS, connector_members(a_connector(ONE)) | damage)
    deployment.put_connector(a_connector(TWO))
    reader = a_reader(deployment, log)
    snapshot = reader.changed()
    assert snapshot is not None and set(snapshot.connectors) == {TWO}
    deployment.changed()
    assert reader.changed() is None
    assert log.events() == ["item-damaged"]
    assert ONE in str(log.written[0][1]["item"])


def test_a_damaged_number_is_left_out(deployment: Deployment) -> None:
    log = Lines()
    deployment.put(NUMBERS, {"pk": tables.INVENTORY, "sk": "+15105550102"})
    deployment.put_number(a_number("+15105550101"))
    snapshot = a_reader(deployment, log).changed()
    assert snapshot is not None and set(snapshot.numbers) == {"+15105550101"}
    assert log.events() == ["item-damaged"]


def test_more_than_a_page_is_read(deployment: Deployment) -> None:
    # DynamoDB ends a page at 1 MB.
    for number in range(12):
        members = connector_members(a_connector(f"c{number:021d}"))
        deployment.put(CONNECTORS, members | {"padding": "x" * 100_000})
    snapshot = a_reader(deployment).changed()
    assert snapshot is not None and len(snapshot.connectors) == 12


def test_missing_tables_and_no_server_are_errors(
    aws: LocalAws, monkeypatch: pytest.MonkeyPatch, deployment: Deployment
) -> None:
    deployment.prefix = "nothere"
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        a_reader(deployment).changed()
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(EndpointConnectionError):
        a_reader(deployment).changed()
