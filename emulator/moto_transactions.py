"""Makes moto's transactions cheap.

To be able to take a transaction back, moto copies the whole table once for each item of the
transaction: the more a table holds, the slower is every change. Here such a copy has lists of its
own, but the items are the table's. For that no item may change: another one takes its place first.
"""

import copy
from collections import defaultdict
from typing import Any

from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType, Item
from moto.dynamodb.models.table import Table

_update_item = DynamoDBBackend.update_item


def install() -> None:
    """Let every table of this process be copied so."""
    Table.__deepcopy__ = _sharing_items  # type: ignore[attr-defined]  # moto leaves it to copy's usual way
    DynamoDBBackend.update_item = _replacing_item  # type: ignore[method-assign,assignment]  # what it does not look at, it passes on


def _sharing_items(table: Table, memo: dict[int, object]) -> Table:
    twin = copy.copy(table)
    twin.items = defaultdict(dict)
    for value, held in table.items.items():
        twin.items[value] = dict(held) if table.has_range_key else held
    return twin


def _replacing_item(
    backend: DynamoDBBackend, table_name: str, key: dict[str, Any], *others: Any, **named: Any
) -> Item:
    table = backend.get_table(table_name)
    held: Any = table.items
    place = DynamoType(key[table.hash_key_attr])
    if table.range_key_attr is not None:
        held, place = held.get(place, {}), DynamoType(key[table.range_key_attr])
    if place in held:
        held[place] = copy.deepcopy(held[place])
    return _update_item(backend, table_name, key, *others, **named)
