"""What is read of the embedded AWS comes in DynamoDB's order, whatever the keys are."""

from collections.abc import Iterator
from typing import Any

import pytest
from moto.dynamodb.models.dynamo_type import DynamoType, Item
from moto.dynamodb.models.table import Table

from emulator import moto_reads

VALUES: list[dict[str, Any]] = [
    {"S": "a"},
    {"S": "b"},
    {"S": "10"},
    {"N": "9"},
    {"N": "10"},
    {"N": "9.0"},
    {"B": b"a"},
]


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Install it for this test alone: the patch puts back what it finds now."""
    for name in ("__eq__", "__ne__"):
        monkeypatch.setattr(DynamoType, name, getattr(DynamoType, name))
    monkeypatch.setattr(Table, "all_items", Table.all_items)
    moto_reads.install()
    yield


@pytest.mark.parametrize("one", VALUES, ids=str)
def test_values_are_equal_as_they_were(one: dict[str, Any]) -> None:
    for other in VALUES:
        first, second = DynamoType(one), DynamoType(other)
        same = first.type == second.type and first.cast_value == second.cast_value
        assert (first == second, first != second) == (same, not same)


def table(*keys: tuple[dict[str, Any], ...], kind: str = "S") -> Table:
    names = ("pk", "sk")[: len(keys[0])]
    made = Table(  # type: ignore[abstract]  # what CloudFormation would want is never called
        "t",
        account_id="000000000000",
        region="us-east-1",
        schema=[
            {"AttributeName": name, "KeyType": part}
            for name, part in zip(names, ("HASH", "RANGE"), strict=False)
        ],
        attr=[{"AttributeName": name, "AttributeType": kind} for name in names],
    )
    for key in keys:
        made.put_item(dict(zip(names, key, strict=True)))
    return made


def places(items: list[Item]) -> list[list[str]]:
    return [[it.attrs[name].value for name in ("pk", "sk") if name in it.attrs] for it in items]


def test_items_come_by_their_keys() -> None:
    held = table(*(({"S": pk}, {"S": sk}) for pk in "ba" for sk in ("2", "10", "1")))
    wanted = [["a", "1"], ["a", "10"], ["a", "2"], ["b", "1"], ["b", "10"], ["b", "2"]]
    assert places(held.all_items()) == wanted


def test_numbers_come_by_their_size() -> None:
    held = table(*(({"N": pk},) for pk in ("10", "9", "-1")), kind="N")
    assert places(held.all_items()) == [["-1"], ["9"], ["10"]]
