"""Reading the configuration: whole at first, then what changed, and past any damaged item (A9)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from edge.config import Snapshot
from edge.config_change import ConfigChange, Existing
from edge.runtime.snapshot_reader import FULL_LOAD_EVERY_S, SnapshotReader
from edge.seam import ConfigChanged, ConfigLoaded
from model import tables
from model.codec import Plain
from model.connector_group import ConnectorGroup, Distribution, GroupMember
from model.connector_items import connector_members
from model.feed_items import ChangedKey, change_members
from model.group_items import group_members
from model.settings import Settings
from model.tables import CONNECTORS, FEED, NUMBERS, PARTITION_KEY, SORT_KEY
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


def loaded(reader: SnapshotReader) -> Snapshot:
    """Return the configuration that a look finds for the first time."""
    *parts, end = reader.changed()
    assert isinstance(end, ConfigLoaded)
    snapshot = Snapshot.build(Settings(), (), (), None)
    for part in parts:
        assert isinstance(part, ConfigChanged)
        snapshot = part.change.made_to(snapshot, Settings().domain)
    assert end.existing == Existing.of(snapshot)
    return snapshot


def change(reader: SnapshotReader) -> ConfigChange:
    """Return what a later look finds."""
    (news,) = reader.changed()
    assert isinstance(news, ConfigChanged)
    return news.change


def test_an_empty_deployment_is_a_configuration_too(deployment: Deployment) -> None:
    reader = a_reader(deployment)
    snapshot = loaded(reader)
    assert not snapshot.connectors and snapshot.cdr_bucket is None
    assert reader.changed() == []


def test_connectors_numbers_and_bucket_are_read(deployment: Deployment) -> None:
    deployment.put_connector(a_connector(ONE))
    deployment.put_number(a_number("+15105550101", ONE))
    deployment.use_bucket()
    snapshot = loaded(a_reader(deployment))
    assert snapshot.connectors == {ONE: a_connector(ONE)}
    assert snapshot.takers_of("+15105550101").connectors == (a_connector(ONE),)
    assert snapshot.hosts[f"{ONE}.voiceconnector.localhost"].connector_id == ONE
    assert snapshot.cdr_bucket == deployment.bucket


def test_a_change_is_seen_once_and_alone(deployment: Deployment) -> None:
    reader = a_reader(deployment)
    deployment.put_connector(a_connector(TWO))
    reader.changed()
    deployment.put_connector(a_connector(ONE))
    assert change(reader) == ConfigChange({ONE: a_connector(ONE)}, {}, None)
    assert reader.changed() == []
    # A change that changed nothing the edge knows of is no news.
    deployment.put_connector(a_connector(ONE))
    assert reader.changed() == []
    assert reader.snapshot is not None and set(reader.snapshot.connectors) == {ONE, TWO}


def test_numbers_bucket_and_deletions_are_changes(deployment: Deployment) -> None:
    reader = a_reader(deployment)
    deployment.put_connector(a_connector(ONE))
    deployment.put_number(a_number("+15105550101", ONE))
    reader.changed()
    number = a_number("+15105550102", ONE)
    deployment.put_number(number)
    deployment.use_bucket()
    assert change(reader) == ConfigChange({}, {number.e164: number}, deployment.bucket)
    deployment.put_number(replace(number, deleted_at=MADE_AT))
    deployment.remove(CONNECTORS, tables.CONNECTOR, ONE)
    assert change(reader) == ConfigChange({ONE: None}, {number.e164: None}, deployment.bucket)
    assert reader.snapshot is not None
    assert reader.snapshot.takers_of("+15105550101").connectors == ()


def test_another_bucket_and_none_at_all_are_changes(deployment: Deployment) -> None:
    # EDGE C11, API GS1: as UpdateGlobalSettings writes them
    reader = a_reader(deployment)
    deployment.put_connector(a_connector(ONE))
    reader.changed()
    item = {PARTITION_KEY: tables.SETTINGS, SORT_KEY: tables.GLOBAL}
    for bucket in ("one", "two", None, "three"):
        named = {} if bucket is None else {"cdr_bucket": bucket}
        deployment.change(CONNECTORS, {**item, **named})
        assert change(reader) == ConfigChange({}, {}, bucket)
        assert reader.changed() == []


def test_a_look_costs_what_has_changed(deployment: Deployment) -> None:
    for number in range(30):
        deployment.put_connector(a_connector(f"c{number:021d}"))
    reader = a_reader(deployment)
    reader.changed()
    # The first look behind a load sees again what was written just before it.
    assert reader.changed() == []
    asked: list[tuple[str, str]] = []
    reader.client.meta.events.register(
        "before-parameter-build.dynamodb",
        lambda params, model, **_: asked.append((model.name, str(params))),
    )
    assert reader.changed() == []
    assert [name for name, _ in asked] == ["Query"]
    asked.clear()
    deployment.put_connector(a_connector(ONE))
    assert set(change(reader).connectors) == {ONE}
    assert [name for name, _ in asked] == ["Query", "BatchGetItem"]
    assert "c00000" not in asked[1][1]


def test_a_look_that_fails_is_made_up_for(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = a_reader(deployment)
    reader.changed()
    deployment.put_connector(a_connector(ONE))
    with monkeypatch.context() as broken:
        broken.setattr(reader, "_names", reader._names | {"connectors": "nothere"})
        with pytest.raises(ClientError):
            reader.changed()
    assert set(change(reader).connectors) == {ONE}


def test_changes_that_become_visible_late_are_seen(deployment: Deployment) -> None:
    now = datetime.now(UTC)
    reader = a_reader(deployment)
    reader.changed()
    for name, age_s in ((ONE, 0.0), (TWO, 5.0)):
        deployment.put(CONNECTORS, connector_members(a_connector(name)))
        changed = ChangedKey("connectors", tables.CONNECTOR, name)
        deployment.put(FEED, change_members(changed, now - timedelta(seconds=age_s), name))
        assert set(change(reader).connectors) == {name}


def test_of_many_changes_everything_is_read(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = a_reader(deployment)
    reader.changed()
    monkeypatch.setattr("edge.runtime.snapshot_reader.MOST_CHANGES", 3)
    names = [f"c{number:021d}" for number in range(5)]
    for name in names:
        deployment.put_connector(a_connector(name))
    assert list(change(reader).connectors) == names
    assert reader.changed() == []


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
    snapshot = loaded(reader)
    assert set(snapshot.connectors) == {ONE}
    assert snapshot.takers_of("+15105550101").connectors == (connector,)
    deployment.put_connector(replace(connector, tags={"a": "b"}))
    assert reader.changed() == []
    assert not lines.events()


def test_a_change_that_nobody_fed_is_seen_by_the_regular_load(deployment: Deployment) -> None:
    clock = Clock()
    reader = a_reader(deployment, clock=clock)
    deployment.put_connector(a_connector(TWO))
    reader.changed()
    deployment.put(CONNECTORS, connector_members(a_connector(ONE)))
    clock.now += FULL_LOAD_EVERY_S - 0.1
    assert reader.changed() == []
    clock.now += 0.1
    assert set(change(reader).connectors) == {ONE}


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
    assert set(loaded(reader).connectors) == {TWO}
    deployment.feed(CONNECTORS, connector_members(a_connector(ONE)))
    assert reader.changed() == []
    assert log.events() == ["item-damaged"]
    assert ONE in str(log.written[0][1]["item"])


def test_a_damaged_number_is_left_out(deployment: Deployment) -> None:
    log = Lines()
    deployment.put(NUMBERS, {"pk": tables.INVENTORY, "sk": "+15105550102"})
    deployment.put_number(a_number("+15105550101"))
    snapshot = loaded(a_reader(deployment, log))
    assert set(snapshot.numbers) == {"+15105550101"}
    assert log.events() == ["item-damaged"]


def test_more_than_a_page_is_read(deployment: Deployment) -> None:
    # DynamoDB ends a page at 1 MB.
    for number in range(12):
        members = connector_members(a_connector(f"c{number:021d}"))
        deployment.put(CONNECTORS, members | {"padding": "x" * 100_000})
    assert len(loaded(a_reader(deployment)).connectors) == 12


def test_missing_tables_and_no_server_are_errors(
    aws: LocalAws, monkeypatch: pytest.MonkeyPatch, deployment: Deployment
) -> None:
    deployment.prefix = "nothere"
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        a_reader(deployment).changed()
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(EndpointConnectionError):
        a_reader(deployment).changed()
