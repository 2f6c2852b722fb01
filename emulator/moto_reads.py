"""Makes moto's reads cheap.

For every Query moto sorts the whole table and compares keys with what is looked for, and asks of
both sides of each comparison what kind of value they are. Here that is asked once of each key, and
strings, which all our keys are, are compared as they are. Same order, same answers.
"""

from typing import Any

from moto.dynamodb.models.dynamo_type import DDBType, DynamoType, Item
from moto.dynamodb.models.table import Table

_equal = DynamoType.__eq__


def install() -> None:
    """Let every table of this process be read so."""
    Table.all_items = _all_items  # type: ignore[method-assign,assignment]  # moto has no other way in
    DynamoType.__eq__ = _is_equal  # type: ignore[method-assign]
    DynamoType.__ne__ = _is_different  # type: ignore[method-assign]


def _all_items(table: Table) -> list[Item]:
    held: Any = table.items.values()
    items = [it for part in held for it in part.values()] if table.range_key_attr else list(held)
    return sorted(items, key=_place)


def _place(item: Item) -> tuple[Any, ...]:
    if item.range_key is None:
        return (item.hash_key.cast_value,)
    return item.hash_key.cast_value, item.range_key.cast_value


def _is_equal(one: DynamoType, other: DynamoType) -> bool:
    if one.type == DDBType.STRING == other.type:
        return bool(one.value == other.value)
    return _equal(one, other)


def _is_different(one: DynamoType, other: DynamoType) -> bool:
    return not _is_equal(one, other)
