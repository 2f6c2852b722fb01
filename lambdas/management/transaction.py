"""The actions that a transaction consists of: all are done or none (A4)."""

from collections.abc import Mapping
from typing import TypeAlias

from lambdas.management.store import Update
from model.codec import Item, encode
from model.tables import COUNT, PARTITION_KEY, key

Action: TypeAlias = "Mapping[str, object]"
"""One action of TransactWriteItems."""


def creation(table: str, item: Item) -> Action:
    """Return the writing of an item that must not exist yet."""
    condition = f"attribute_not_exists({PARTITION_KEY})"
    return {"Put": {"TableName": table, "Item": item, "ConditionExpression": condition}}


def writing(table: str, item: Item) -> Action:
    """Return the writing of an item, whether or not there is one."""
    return {"Put": {"TableName": table, "Item": item}}


def absence(table: str, item_key: Item) -> Action:
    """Return the condition that an item does not exist."""
    condition = f"attribute_not_exists({PARTITION_KEY})"
    return {
        "ConditionCheck": {"TableName": table, "Key": item_key, "ConditionExpression": condition}
    }


def deletion(
    table: str, item_key: Item, *, condition: str = "", values: "Item | None" = None
) -> Action:
    """Return the deletion of an item that must exist, and be as `condition` says."""
    exists = f"attribute_exists({PARTITION_KEY})"
    arguments: dict[str, object] = {
        "TableName": table,
        "Key": item_key,
        "ConditionExpression": f"{exists} AND {condition}" if condition else exists,
    }
    if values is not None:
        arguments["ExpressionAttributeValues"] = values
    return {"Delete": arguments}


def change(update: Update) -> Action:
    """Return an update."""
    return {"Update": update.arguments()}


def counting(table: str, what: str, amount: int, *, at_most: int | None = None) -> Action:
    """Return the change of a count by `amount`; with `at_most` it fails rather than exceed that."""
    condition, values = "", {":amount": encode(amount)}
    if at_most is not None:
        room = at_most - amount
        values[":room"] = encode(room)
        condition = (
            "amount <= :room" if room < 0 else "attribute_not_exists(amount) OR amount <= :room"
        )
    return change(
        Update(
            table=table,
            key=key(COUNT, what),
            expression="ADD amount :amount",
            condition=condition,
            values=values,
        )
    )
