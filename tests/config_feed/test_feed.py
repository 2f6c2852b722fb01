"""The config_feed Lambda: from stream records, or from API calls, to keys in the feed (A9)."""

from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from moto import mock_aws

from lambdas.config_feed.composition import TRIES, FeedRefused, build
from model.codec import decode_item
from model.feed_items import ChangedKey, change_from
from model.tables import CHANGE, EXPIRES_AT, FEED, PARTITION_KEY, SORT_KEY
from tests.management.local_api import LocalApi, local_api
from tests.management.stand import ROOMY

NOW = datetime(2026, 7, 1, 12, 0, 0, 250_000, tzinfo=UTC)
ARN = "arn:aws:dynamodb:us-east-1:000000000000:table/{}/stream/2026-01-01T00:00:00.000"


def record(table: str, partition: str, sort: str, event: str = "MODIFY") -> dict[str, object]:
    """Return a record as Lambda sends it."""
    keys = {PARTITION_KEY: {"S": partition}, SORT_KEY: {"S": sort}}
    return {
        "eventID": "1",
        "eventName": event,
        "eventSource": "aws:dynamodb",
        "eventSourceARN": ARN.format(table),
        "dynamodb": {"Keys": keys, "StreamViewType": "KEYS_ONLY", "SequenceNumber": "1"},
    }


class Deployment:
    """A feed and its handler."""

    def __init__(self) -> None:
        self.client = boto3.client("dynamodb", "us-east-1")
        self.client.create_table(**FEED.creation("ovc"))  # type: ignore[arg-type]  # an open mapping in model.tables
        self.pauses: list[float] = []
        self.handler = build(
            table_prefix="ovc",
            dynamodb=self.client,
            clock=lambda: NOW,
            pause=self.pauses.append,
        )

    def items(self) -> list[Any]:
        found = self.client.query(
            TableName="ovc-feed",
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": CHANGE}},
        )
        return found["Items"]


def test_keys_are_fed_once_and_expire_after_a_day() -> None:
    with mock_aws():
        deployment = Deployment()
        records = [
            record("ovc-connectors", "connector", "one", "INSERT"),
            record("ovc-connectors", "connector", "one"),
            record("ovc-connectors", "group", "two", "REMOVE"),
            record("ovc-connectors", "settings", "global"),
            record("ovc-numbers", "inventory", "+12065550101"),
        ]
        assert deployment.handler({"Records": records}, None) == {"changes": 4}
        items = deployment.items()
        assert [change_from(item) for item in items] == [
            ChangedKey("connectors", "connector", "one"),
            ChangedKey("connectors", "group", "two"),
            ChangedKey("connectors", "settings", "global"),
            ChangedKey("numbers", "inventory", "+12065550101"),
        ]
        for members in map(decode_item, items):
            assert str(members[SORT_KEY]).startswith("2026-07-01T12:00:00.250+00:00#")
            assert members[EXPIRES_AT] == int(NOW.timestamp()) + 86_400


def test_what_no_node_wants_to_know_is_not_fed() -> None:
    with mock_aws():
        deployment = Deployment()
        records = [
            record("ovc-connectors", "count", "us-east-1"),
            record("ovc-connectors", "access-key", "AKIA"),
            record("ovc-connectors", "settings", "phone-numbers"),
            *(
                record("ovc-numbers", it, "x")
                for it in ("pool", "order", "pending", "due", "count")
            ),
            record("lab-connectors", "connector", "of another deployment"),
        ]
        assert deployment.handler({"Records": records}, None) == {"changes": 0}
        assert deployment.items() == []


def test_many_changes_are_written_in_batches() -> None:
    with mock_aws():
        deployment = Deployment()
        records = [record("ovc-connectors", "connector", f"c{n}") for n in range(60)]
        deployment.handler({"Records": records}, None)
        found = [change_from(item).sort for item in deployment.items()]
        assert found == [f"c{n}" for n in range(60)]


def test_what_the_table_does_not_take_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    with mock_aws():
        deployment = Deployment()
        asked: list[Any] = []

        def refuse(RequestItems: Any) -> Any:
            asked.append(RequestItems)
            return {"UnprocessedItems": RequestItems}

        monkeypatch.setattr(deployment.client, "batch_write_item", refuse)
        with pytest.raises(FeedRefused, match="1 changes were not written"):
            deployment.handler({"Records": [record("ovc-connectors", "group", "g")]}, None)
        assert len(asked) == TRIES and len(deployment.pauses) == TRIES - 1


@pytest.fixture(scope="module")
def api() -> Any:
    with local_api(ROOMY) as made:
        yield made


def test_every_change_of_the_api_is_fed_and_no_read_is(api: LocalApi) -> None:
    path = api.new_connector()
    (number,) = api.new_numbers(1)
    connector = ChangedKey("connectors", "connector", path.rpartition("/")[2])
    owned = ChangedKey("numbers", "inventory", number)
    assert api.fed == [connector, owned]
    regions = {"CallingRegions": ["US"], "CidrAllowedList": ["54.66.77.88/32"]}
    users = {"Credentials": [{"Username": "u", "Password": "p"}]}
    numbers = {"E164PhoneNumbers": [number]}
    changes: list[tuple[str, str, Any, set[ChangedKey]]] = [
        ("PUT", path, {"Name": "n", "RequireEncryption": False}, {connector}),
        ("PUT", f"{path}/origination", {"Origination": {"Disabled": True}}, {connector}),
        ("PUT", f"{path}/termination", {"Termination": regions}, {connector}),
        ("POST", f"{path}/termination/credentials?operation=put", users, {connector}),
        ("DELETE", f"{path}/origination", None, {connector}),
        ("POST", f"{path}?operation=associate-phone-numbers", numbers, {connector, owned}),
        ("POST", f"{path}?operation=disassociate-phone-numbers", numbers, {connector, owned}),
        ("POST", f"/phone-numbers/{number.replace('+', '%2B')}", {"Name": "n"}, {owned}),
        ("DELETE", f"/phone-numbers/{number.replace('+', '%2B')}", None, {owned}),
        (
            "PUT",
            "/settings",
            {"VoiceConnector": {"CdrBucket": "abc"}},
            {ChangedKey("connectors", "settings", "global")},
        ),
        ("DELETE", path, None, {connector}),
    ]
    for method, target, document, expected in changes:
        api.fed.clear()
        api.made(method, target, document)
        assert set(api.fed) == expected, target
    api.fed.clear()
    api.made("GET", "/voice-connectors")
    api.made("GET", "/phone-numbers")
    assert api.call("DELETE", path)[0] == 404
    assert api.fed == []
