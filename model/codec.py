"""DynamoDB's typed JSON: Python values in, attribute values out, and back (A4)."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TypeAlias, TypeVar

T = TypeVar("T")

Plain: TypeAlias = (
    "str | int | float | bool | list[Plain] | tuple[Plain, ...] | Mapping[str, Plain] | None"
)
"""What an item consists of before encoding; floats appear only inside JSON-like settings."""

AttributeValue: TypeAlias = "Mapping[str, object]"
"""DynamoDB's typed JSON, e.g. {"S": "text"}."""

Item: TypeAlias = "Mapping[str, AttributeValue]"


def encode(value: Plain) -> AttributeValue:
    """Return a value in DynamoDB's typed JSON; members that are None are left out of maps."""
    match value:
        case None:
            return {"NULL": True}
        case bool():
            return {"BOOL": value}
        case str():
            return {"S": value}
        case int() | float():
            return {"N": str(value)}
        case list() | tuple():
            return {"L": [encode(member) for member in value]}
        case _:
            return {"M": encode_item(value)}


def encode_item(members: Mapping[str, Plain]) -> Item:
    """Return a whole item; None members are left out."""
    return {name: encode(member) for name, member in members.items() if member is not None}


def decode(value: AttributeValue) -> Plain:
    """Return a value from DynamoDB's typed JSON; numbers become int where they are whole."""
    ((kind, content),) = value.items()
    match kind, content:
        case "NULL", _:
            return None
        case "N", str():
            return int(content) if content.lstrip("-").isdigit() else float(content)
        case "L", list():
            return [decode(member) for member in content]
        case "M", dict():
            return decode_item(content)
        case (("S" | "BOOL"), (str() | bool())):
            return content
    raise ValueError(f"DynamoDB type {kind} is not used in these tables")


def decode_item(item: Item) -> dict[str, Plain]:
    """Return an item as plain members."""
    return {name: decode(member) for name, member in item.items()}


def moment_text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")


def moment(value: AttributeValue) -> datetime:
    return datetime.fromisoformat(string(value))


def string(value: AttributeValue) -> str:
    return _content(value, "S", str)


def optional_string(members: Item, name: str) -> str | None:
    return string(members[name]) if name in members else None


def flag(value: AttributeValue) -> bool:
    return _content(value, "BOOL", bool)


def whole(value: AttributeValue) -> int:
    return int(_content(value, "N", str))


def mapping(value: AttributeValue) -> dict[str, AttributeValue]:
    return _content(value, "M", dict)


def sequence(value: AttributeValue) -> list[AttributeValue]:
    return _content(value, "L", list)


def _content(value: AttributeValue, kind: str, expected: type[T]) -> T:
    content = value.get(kind)
    if not isinstance(content, expected):
        raise ValueError(f"an attribute of type {kind} was expected, not {sorted(value)}")
    return content
