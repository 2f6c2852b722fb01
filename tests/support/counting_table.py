"""The table of limits in memory: the conditional writes that counting calls needs."""

import re
from typing import Any

from botocore.exceptions import ClientError


class CountingTable:
    """Takes the UpdateItem of edge/runtime/call_counter.py as DynamoDB does."""

    def __init__(self) -> None:
        self.items: dict[str, dict[str, Any]] = {}
        self.writes = 0
        self.refusals = 0

    def update_item(self, **asked: Any) -> dict[str, Any]:
        """Set every slot if none of them is taken."""
        values = asked["ExpressionAttributeValues"]
        name = asked["Key"]["connector_id"]["S"]
        item = self.items.setdefault(name, {})
        at = int(values[":at"]["N"])
        slots = re.findall(r"attribute_not_exists\((\w+)\)", asked["ConditionExpression"])
        if any(int(item[slot]["N"]) > at for slot in slots if slot in item):
            self.refusals += 1
            raise ClientError(
                {"Error": {"Code": "ConditionalCheckFailedException"}, "Item": dict(item)},  # type: ignore[typeddict-unknown-key]  # as the service answers
                "UpdateItem",
            )
        self.writes += 1
        for slot in slots:
            item[slot] = values[":until"]
        return {"Attributes": dict(item)}
