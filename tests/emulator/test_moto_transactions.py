"""A transaction of the embedded AWS is done whole or not at all, though its tables share items."""

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator import aws
from emulator.aws import EmbeddedAws
from model.tables import CONNECTORS, key

pytestmark = pytest.mark.sockets

NAME = CONNECTORS.physical_name("t")
KEPT = {"attributes": {"M": {"list": {"L": [{"S": "one"}]}, "name": {"S": "kept"}}}}


@pytest.fixture(scope="module")
def dynamodb() -> Iterator[Any]:
    with aws.start(account_id="000000000000") as embedded:
        client = embedded_client(embedded)
        client.create_table(**CONNECTORS.creation("t"))
        yield client


def embedded_client(embedded: EmbeddedAws) -> Any:
    """Return a client without a static type: requests are written as DynamoDB has them."""
    return embedded.clients("us-east-1").dynamodb


def put(sort: str, **more: object) -> dict[str, Any]:
    return {"Put": {"TableName": NAME, "Item": {**key("P", sort), **KEPT, **more}}}


def rename(sort: str, name: str) -> dict[str, Any]:
    change = "SET attributes.#name = :name, attributes.#list[0] = :name"
    return {
        "Update": {
            "TableName": NAME,
            "Key": key("P", sort),
            "UpdateExpression": change,
            "ExpressionAttributeNames": {"#name": "name", "#list": "list"},
            "ExpressionAttributeValues": {":name": {"S": name}},
        }
    }


def items(dynamodb: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = dynamodb.scan(TableName=NAME)["Items"]
    return sorted(found, key=lambda it: str(it["sk"]["S"]))


def test_what_a_transaction_has_done_is_undone_when_it_fails(dynamodb: Any) -> None:
    dynamodb.transact_write_items(TransactItems=[put("a"), put("b"), put("c")])
    before = items(dynamodb)
    impossible = put("c")
    impossible["Put"]["ConditionExpression"] = "attribute_not_exists(pk)"
    gone = {"Delete": {"TableName": NAME, "Key": key("P", "b")}}
    with pytest.raises(ClientError, match="ConditionalCheckFailed"):
        dynamodb.transact_write_items(
            TransactItems=[rename("a", "new"), gone, put("d"), impossible]
        )
    assert items(dynamodb) == before
    # What is undone can be done again, and everything after it.
    dynamodb.transact_write_items(TransactItems=[rename("a", "new"), gone, put("d")])
    a, c, d = items(dynamodb)
    assert a["attributes"]["M"] == {"list": {"L": [{"S": "new"}]}, "name": {"S": "new"}}
    assert (c, d["sk"]) == (before[2], {"S": "d"})
