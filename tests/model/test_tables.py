"""Tables and items: names, keys, and that whatever is written is read back."""

from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.codec import AttributeValue, Item, Plain, decode, encode, encode_item
from model.configurations import (
    EmergencyCalling,
    EmergencyNumber,
    ExternalSystems,
    Logging,
    MediaInsights,
    Streaming,
    TerminationHealth,
)
from model.connector import Connector, Credential, Origination, Protocol, Route, Termination
from model.connector_group import ConnectorGroup, Distribution, GroupMember
from model.connector_items import connector_from, connector_members
from model.group_items import group_from, group_members
from model.health_items import health_from, health_members
from model.number_items import number_from, number_members, pool_members, pool_number_from
from model.numbers import InventoryNumber, PoolNumber
from model.tables import (
    CALLS,
    CONNECTORS,
    DEFAULT_PREFIX,
    FEED,
    LIMITS,
    NODES,
    NUMBERS,
    TABLES,
    access_keys_secret_name,
    cdr_bucket_name,
    key,
)

MOMENT = datetime(2024, 2, 29, 12, 30, 15, 123_000, tzinfo=UTC)

ENCODED: list[tuple[Plain, AttributeValue]] = [
    (None, {"NULL": True}),
    ("", {"S": ""}),
    ("text", {"S": "text"}),
    (True, {"BOOL": True}),
    (False, {"BOOL": False}),
    (0, {"N": "0"}),
    (-7, {"N": "-7"}),
    (1.5, {"N": "1.5"}),
    ([], {"L": []}),
    (["a", 1], {"L": [{"S": "a"}, {"N": "1"}]}),
    ({}, {"M": {}}),
    ({"a": {"b": [None]}}, {"M": {"a": {"M": {"b": {"L": [{"NULL": True}]}}}}}),
]


def test_the_tables_have_the_prefix_of_their_deployment() -> None:  # A4
    assert TABLES == (CONNECTORS, NUMBERS, CALLS, NODES, FEED, LIMITS)
    names = [it.physical_name("prod") for it in TABLES]
    assert names == [
        *("prod-connectors", "prod-numbers", "prod-calls", "prod-nodes"),
        *("prod-feed", "prod-limits"),
    ]
    assert DEFAULT_PREFIX == "ovc"


def test_a_table_is_created_with_its_keys_and_indexes() -> None:  # A4
    assert CONNECTORS.creation("ovc") == {
        "TableName": "ovc-connectors",
        "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": [
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
        "AttributeDefinitions": [
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "S"},
        ],
    }
    calls = CALLS.creation("ovc")
    assert calls["KeySchema"] == [{"AttributeName": "transaction_id", "KeyType": "HASH"}]
    names = ("transaction_id", "live_node", "started_at", "connector_id", "number")
    assert calls["AttributeDefinitions"] == [
        {"AttributeName": name, "AttributeType": "S"} for name in names
    ]
    indexes = calls["GlobalSecondaryIndexes"]
    assert isinstance(indexes, list)
    assert [it["IndexName"] for it in indexes] == ["live", "connector", "number"]
    assert all(it["KeySchema"][1]["AttributeName"] == "started_at" for it in indexes)


def test_what_else_is_named_by_the_deployment() -> None:
    bucket = cdr_bucket_name("prod", "111122223333", "us-east-1")
    assert bucket == "prod-cdr-111122223333-us-east-1"
    assert access_keys_secret_name("prod") == "prod/access-keys"


def test_a_key_is_partition_and_sort() -> None:
    assert key("connector", "abc") == {"pk": {"S": "connector"}, "sk": {"S": "abc"}}


@pytest.mark.parametrize(("plain", "encoded"), ENCODED, ids=[str(it[0]) for it in ENCODED])
def test_typed_json(plain: Plain, encoded: AttributeValue) -> None:
    assert encode(plain) == encoded
    assert decode(encoded) == plain


def test_members_without_a_value_are_left_out_of_maps() -> None:
    assert encode_item({"a": 1, "b": None, "c": {"d": None}}) == {"a": {"N": "1"}, "c": {"M": {}}}


def test_a_tuple_is_a_list() -> None:
    assert decode(encode(("a", ("b",)))) == ["a", ["b"]]


@pytest.mark.parametrize("value", [{"B": b"x"}, {"SS": ["a"]}, {"N": 1}, {"L": "x"}, {"S": 5}])
def test_a_type_that_these_tables_do_not_use_is_refused(value: AttributeValue) -> None:
    with pytest.raises(ValueError, match=r"^DynamoDB type (B|SS|N|L|S) is not used"):
        decode(value)


PLAIN: st.SearchStrategy[Plain] = st.recursive(
    st.none() | st.booleans() | st.text() | st.integers() | st.floats(-1e30, 1e30),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.text(), inner.filter(lambda it: it is not None))
    ),
    max_leaves=12,
)


@given(PLAIN)
def test_whatever_is_encoded_is_decoded(value: Plain) -> None:
    assert decode(encode(value)) == value


TEXT = st.text(min_size=1, max_size=20)
MOMENTS = st.integers(0, 4_102_444_800_000).map(
    lambda ms: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)
)
ROUTES = st.builds(
    Route,
    host=TEXT,
    port=st.integers(0, 65_535),
    protocol=st.sampled_from(Protocol),
    priority=st.integers(1, 100),
    weight=st.integers(1, 100),
)
CONNECTORS_OF_ANY_KIND = st.builds(
    Connector,
    connector_id=TEXT,
    name=st.text(),
    region=TEXT,
    require_encryption=st.booleans(),
    created_at=MOMENTS,
    updated_at=MOMENTS,
    network_type=st.none() | TEXT,
    integration_type=st.none() | TEXT,
    origination=st.none()
    | st.builds(
        Origination,
        routes=st.lists(ROUTES, max_size=3).map(tuple),
        disabled=st.booleans(),
    ),
    termination=st.none()
    | st.builds(
        Termination,
        calling_regions=st.lists(TEXT, max_size=3).map(tuple),
        cidr_allowed_list=st.lists(TEXT, max_size=3).map(tuple),
        cps_limit=st.integers(1, 100),
        default_phone_number=st.none() | TEXT,
        disabled=st.booleans(),
    ),
    credentials=st.lists(
        st.builds(Credential, username=TEXT, ha1_md5=TEXT, ha1_sha256=TEXT),
        max_size=3,
        unique_by=lambda it: it.username,
    ).map(lambda found: tuple(sorted(found, key=lambda it: it.username))),
    logging=st.builds(Logging, sip_messages=st.booleans(), media_metrics=st.booleans()),
    streaming=st.none()
    | st.builds(
        Streaming,
        data_retention_hours=st.integers(0, 2**31),
        disabled=st.booleans(),
        notification_targets=st.lists(TEXT, max_size=3).map(tuple),
        media_insights=st.none()
        | st.builds(
            MediaInsights,
            disabled=st.none() | st.booleans(),
            configuration_arn=st.none() | TEXT,
        ),
    ),
    emergency_calling=st.none()
    | st.builds(
        EmergencyCalling,
        numbers=st.lists(
            st.builds(
                EmergencyNumber,
                emergency_number=TEXT,
                test_number=st.none() | TEXT,
                country=TEXT,
            ),
            max_size=2,
        ).map(tuple),
    ),
    external_systems=st.none()
    | st.builds(
        ExternalSystems,
        session_border_controllers=st.lists(TEXT, max_size=2).map(tuple),
        contact_centers=st.lists(TEXT, max_size=2).map(tuple),
    ),
    tags=st.dictionaries(TEXT, st.text(), max_size=3),
    associated_numbers=st.integers(0, 10_000),
    group_memberships=st.integers(0, 10_000),
)
GROUPS = st.builds(
    ConnectorGroup,
    group_id=TEXT,
    name=TEXT,
    members=st.lists(
        st.builds(GroupMember, connector_id=TEXT, priority=st.integers(1, 99)), max_size=3
    ).map(tuple),
    distribution=st.sampled_from(Distribution),
    created_at=MOMENTS,
    updated_at=MOMENTS,
    associated_numbers=st.integers(0, 10_000),
)
INVENTORY = st.builds(
    InventoryNumber,
    e164=TEXT,
    number_type=TEXT,
    product_type=TEXT,
    country=TEXT,
    created_at=MOMENTS,
    updated_at=MOMENTS,
    order_id=st.none() | TEXT,
    name=st.none() | st.text(),
    connector_id=st.none() | TEXT,
    group_id=st.none() | TEXT,
    associated_at=st.none() | MOMENTS,
    city=st.none() | TEXT,
    state=st.none() | TEXT,
    ported_in=st.booleans(),
    deleted_at=st.none() | MOMENTS,
    calling_name=st.none() | TEXT,
    calling_name_due_at=st.none() | MOMENTS,
)
POOL = st.builds(
    PoolNumber,
    e164=TEXT,
    number_type=TEXT,
    country=TEXT,
    city=st.none() | TEXT,
    state=st.none() | TEXT,
)


@given(CONNECTORS_OF_ANY_KIND)
def test_a_connector_is_read_back(connector: Connector) -> None:
    found = connector_from(encode_item(connector_members(connector)))
    # Every field, also those that do not make two connectors differ.
    assert asdict(found) == asdict(connector)


@given(st.builds(TerminationHealth, at=MOMENTS, source=TEXT))
def test_health_is_read_back(health: TerminationHealth) -> None:
    assert health_from(encode_item(health_members("connector", health))) == health


@given(GROUPS)
def test_a_group_is_read_back(group: ConnectorGroup) -> None:
    assert group_from(encode_item(group_members(group))) == group


def test_what_does_not_change_how_calls_are_treated_makes_no_difference() -> None:  # A9
    other = replace(
        CONNECTOR,
        tags={"a": "b"},
        associated_numbers=1,
        group_memberships=1,
    )
    assert other == CONNECTOR and hash(other) == hash(CONNECTOR)
    assert replace(CONNECTOR, logging=Logging(sip_messages=True)) != CONNECTOR


@given(INVENTORY)
def test_a_number_is_read_back(number: InventoryNumber) -> None:
    assert number_from(encode_item(number_members(number))) == number


@given(POOL)
def test_a_pool_number_is_read_back(number: PoolNumber) -> None:
    assert pool_number_from(encode_item(pool_members(number))) == number


CONNECTOR = Connector(
    connector_id="abc",
    name="Sales",
    region="us-east-1",
    require_encryption=False,
    created_at=MOMENT,
    updated_at=MOMENT,
    origination=Origination(routes=(Route(host="192.0.2.1"),)),
    termination=Termination(calling_regions=("US",)),
    credentials=(Credential(username="pbx", ha1_md5="m", ha1_sha256="s"),),
)


def test_each_sub_configuration_is_an_attribute_of_its_own() -> None:  # A4
    members = connector_members(CONNECTOR)
    assert (members["pk"], members["sk"]) == ("connector", "abc")
    assert members["associated_numbers"] == 0
    for name, without in (
        ("origination", replace(CONNECTOR, origination=None)),
        ("termination", replace(CONNECTOR, termination=None)),
        ("credentials", replace(CONNECTOR, credentials=())),
    ):
        other = connector_members(without)
        assert {it for it in members if members[it] != other[it]} == {name}


def test_a_connector_that_was_never_given_something_has_none() -> None:
    item = dict(encode_item(connector_members(replace(CONNECTOR, credentials=()))))
    for name in ("credentials", "logging", "tags", "associated_numbers", "group_memberships"):
        del item[name]
    assert asdict(connector_from(item)) == asdict(replace(CONNECTOR, credentials=()))


def test_moments_are_written_in_utc_to_the_millisecond() -> None:
    zone = timezone(timedelta(hours=2))
    members = connector_members(replace(CONNECTOR, created_at=MOMENT.astimezone(zone)))
    assert members["created_at"] == "2024-02-29T12:30:15.123+00:00"


def test_attributes_of_other_writers_do_not_disturb_a_reader() -> None:
    item = dict(encode_item(connector_members(CONNECTOR))) | {"colour": {"L": []}}
    assert connector_from(item) == CONNECTOR


WHOLE: Item = encode_item(connector_members(CONNECTOR))


@pytest.mark.parametrize("name", ["sk", "name", "region", "require_encryption", "created_at"])
def test_an_item_that_lacks_something_is_refused_by_name(name: str) -> None:
    with pytest.raises(KeyError, match=name):
        connector_from({it: value for it, value in WHOLE.items() if it != name})


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("name", {"N": "1"}, r"type S was expected, not \['N'\]"),
        ("require_encryption", {"S": "true"}, r"type BOOL was expected, not \['S'\]"),
        ("created_at", {"S": "yesterday"}, "Invalid isoformat"),
        ("origination", {"S": "x"}, "type M was expected"),
        ("credentials", {"L": []}, "type M was expected"),
        (
            "origination",
            {"M": {"routes": {"L": [{"S": "x"}]}, "disabled": {"BOOL": False}}},
            "type M was expected",
        ),
    ],
)
def test_an_item_that_is_damaged_is_refused_with_a_reason(
    name: str, value: AttributeValue, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        connector_from({**WHOLE, name: value})
