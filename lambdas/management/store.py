"""DynamoDB as this API uses it: conditional writes, consistent reads, retried conflicts (A4)."""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from botocore.client import BaseClient
from botocore.exceptions import BotoCoreError, ClientError

from lambdas.management.errors import BadRequest, ServiceUnavailable
from model.codec import AttributeValue, Item, encode
from model.tables import COUNT, PARTITION_KEY, SORT_KEY, Index, key

CONFLICT_ATTEMPTS = 8
"""Tries of a write that another transaction on the same item stands in the way of."""
_FIRST_PAUSE_S = 0.02
_LAST_STRING = "\U0010ffff"

_TEMPORARY = {
    "ProvisionedThroughputExceededException",
    "ThrottlingException",
    "RequestLimitExceeded",
    "InternalServerError",
    "ServiceUnavailable",
    "TransactionInProgressException",
}


class Changed(Exception):
    """The condition of a write does not hold; nothing was written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """One UpdateItem: what to change in which item, and when."""

    table: str
    key: Item
    expression: str
    condition: str = f"attribute_exists({PARTITION_KEY})"
    names: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, AttributeValue] = field(default_factory=dict)

    def arguments(self) -> dict[str, object]:
        """Return the arguments of UpdateItem, or of the action Update."""
        arguments: dict[str, object] = {
            "TableName": self.table,
            "Key": self.key,
            "UpdateExpression": self.expression,
        }
        if self.condition:
            arguments["ConditionExpression"] = self.condition
        if self.names:
            arguments["ExpressionAttributeNames"] = self.names
        if self.values:
            arguments["ExpressionAttributeValues"] = self.values
        return arguments


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexQuery:
    """The items of a partition of an index, those with the greatest sort key first."""

    table: str
    index: Index
    partition: str
    low: str = " "
    """Least sort key; DynamoDB takes no empty one."""
    high: str = _LAST_STRING
    """Greatest sort key."""
    start: "Item | None" = None
    """Keys of the item that the list goes on behind; it need not exist any more."""
    batch: int
    """Items that are read at a time."""

    def arguments(self) -> dict[str, object]:
        """Return the arguments of Query."""
        arguments: dict[str, object] = {
            "TableName": self.table,
            "IndexName": self.index.name,
            "KeyConditionExpression": "#partition = :partition AND #sort BETWEEN :low AND :high",
            "ExpressionAttributeNames": {
                "#partition": self.index.partition_key,
                "#sort": self.index.sort_key,
            },
            "ExpressionAttributeValues": {
                ":partition": encode(self.partition),
                ":low": encode(self.low),
                ":high": encode(self.high),
            },
            "ScanIndexForward": False,
            "Limit": self.batch,
        }
        if self.start is not None:
            arguments["ExclusiveStartKey"] = self.start
        return arguments


class Store:
    """The calls to DynamoDB; what goes wrong becomes Changed, BadRequest or ServiceUnavailable."""

    def __init__(self, client: BaseClient, sleep: Callable[[float], None]) -> None:
        self._client = client
        self._sleep = sleep

    def get(self, table: str, partition: str, sort: str) -> "Item | None":
        """Return an item as it is now."""
        return self.get_by_key(table, key(partition, sort))

    def get_by_key(self, table: str, item_key: Item) -> "Item | None":
        """Return an item as it is now, by a primary key in typed JSON."""
        answer = self._call("get_item", TableName=table, Key=item_key, ConsistentRead=True)
        item: Item | None = answer.get("Item")
        return item

    def query(
        self,
        table: str,
        partition: str,
        *,
        prefix: str = "",
        after: str = "",
        where: Mapping[str, str] | None = None,
        batch: int | None = None,
    ) -> Iterator[Item]:
        """Yield the items of a partition in order of their sort key, as they are now.

        `where` demands equal attributes; `batch` items are read at a time.
        """
        arguments = _query_arguments(table, partition, prefix, max(prefix, after), where or {})
        if batch is not None:
            arguments["Limit"] = batch
        while True:
            answer = self._call("query", **arguments)
            for item in answer["Items"]:
                if not after or item[SORT_KEY]["S"] > after:
                    yield item
            if "LastEvaluatedKey" not in answer:
                return
            arguments["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def query_index(self, query: IndexQuery) -> Iterator[Item]:
        """Yield the items of a partition of an index; what was written just now may be missing."""
        arguments = query.arguments()
        while True:
            answer = self._call("query", **arguments)
            yield from answer["Items"]
            if "LastEvaluatedKey" not in answer:
                return
            arguments["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def scan_index(self, table: str, index: Index, names: Sequence[str]) -> Iterator[Item]:
        """Yield attributes of all items of an index; what was written just now may be missing."""
        arguments: dict[str, object] = {
            "TableName": table,
            "IndexName": index.name,
            "ProjectionExpression": ", ".join(f"#{name}" for name in names),
            "ExpressionAttributeNames": {f"#{name}": name for name in names},
        }
        while True:
            answer = self._call("scan", **arguments)
            yield from answer["Items"]
            if "LastEvaluatedKey" not in answer:
                return
            arguments["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def amount(self, table: str, what: str) -> int:
        """Return a count, 0 when nothing was ever counted."""
        item = self.get(table, COUNT, what)
        return 0 if item is None else int(str(item["amount"]["N"]))

    def put(self, table: str, item: Item) -> None:
        """Write an item, whether or not there is one."""
        self._call("put_item", TableName=table, Item=item)

    def create(self, table: str, item: Item) -> None:
        """Write an item; raises Changed when there is another one already.

        The AWS client sends a write again when no answer came: the second try meets the item of
        the first, and that is a success.
        """
        condition = f"attribute_not_exists({PARTITION_KEY})"
        try:
            self._call("put_item", TableName=table, Item=item, ConditionExpression=condition)
        except Changed:
            answer = self._call("get_item", TableName=table, Key=_key_of(item), ConsistentRead=True)
            if answer.get("Item") != item:
                raise

    def update(self, update: Update) -> Item:
        """Change an item and return the whole of it; raises Changed."""
        answer = self._call("update_item", **update.arguments(), ReturnValues="ALL_NEW")
        item: Item = answer["Attributes"]
        return item

    def delete(self, table: str, item_key: Item, condition: str, values: Item) -> None:
        """Remove an item; raises Changed when the condition does not hold."""
        self._call(
            "delete_item",
            TableName=table,
            Key=item_key,
            ConditionExpression=condition,
            ExpressionAttributeValues=values,
        )

    def transact(self, actions: Sequence[Mapping[str, object]]) -> None:
        """Write all or nothing; raises Changed when a condition does not hold."""
        self._call("transact_write_items", TransactItems=actions)

    # botocore's clients are made at run time: what they take and return has no static type.
    def _call(self, operation: str, **arguments: object) -> dict:  # type: ignore[type-arg]
        for attempt in range(CONFLICT_ATTEMPTS):
            try:
                answer: dict = getattr(self._client, operation)(**arguments)  # type: ignore[type-arg]
                return answer
            except ClientError as error:
                _translate(error)
            except BotoCoreError as error:
                raise ServiceUnavailable("The database cannot be reached") from error
            # Full jitter, so that writers in step with each other fall out of it.
            self._sleep(random.uniform(0, _FIRST_PAUSE_S * 2**attempt))
        raise ServiceUnavailable("Other changes stand in the way; try again")


def _query_arguments(
    table: str, partition: str, prefix: str, low: str, where: Mapping[str, str]
) -> dict[str, object]:
    condition = f"{PARTITION_KEY} = :partition"
    values = {":partition": encode(partition)}
    if low:
        condition += f" AND {SORT_KEY} BETWEEN :low AND :high"
        values |= {":low": encode(low), ":high": encode(prefix + _LAST_STRING)}
    arguments: dict[str, object] = {
        "TableName": table,
        "KeyConditionExpression": condition,
        "ExpressionAttributeValues": values,
        "ConsistentRead": True,
    }
    if where:
        values |= {f":{name}": encode(wanted) for name, wanted in where.items()}
        arguments["FilterExpression"] = " AND ".join(f"#{name} = :{name}" for name in where)
        arguments["ExpressionAttributeNames"] = {f"#{name}": name for name in where}
    return arguments


def _key_of(item: Item) -> Item:
    return {name: item[name] for name in (PARTITION_KEY, SORT_KEY)}


def _translate(error: ClientError) -> None:
    """Return when another try may succeed; raise what the error means otherwise."""
    code = error.response.get("Error", {}).get("Code", "")
    message = error.response.get("Error", {}).get("Message", "")
    if code == "TransactionConflictException":
        return
    if code == "TransactionCanceledException":
        reasons = {reason.get("Code") for reason in error.response.get("CancellationReasons", [])}
        if "ConditionalCheckFailed" in reasons:
            raise Changed from error
        if reasons & {"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"}:
            return
    if code == "ConditionalCheckFailedException":
        raise Changed from error
    if code in _TEMPORARY:
        raise ServiceUnavailable("The database is busy; try again") from error
    if code == "ValidationException" and message.startswith("Item size"):
        raise BadRequest("The configuration is larger than DynamoDB's 400 KB per item") from error
    raise error
