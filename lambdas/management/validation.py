"""Checks a request's members against the model: types, required members and every constraint (V1).

Each refusal is a BadRequest that names the member by its path, its value and the rule. What comes
out holds known members only, and no null (API W4).
"""

import json
from typing import TypeAlias
from urllib.parse import unquote

from lambdas.management.errors import BadRequest
from lambdas.management.service_model import Kind, ServiceModel, Shape, compiled

Json: TypeAlias = "str | int | float | bool | list[Json] | dict[str, Json] | None"
"""A JSON value as the standard library reads it."""

NUMBER_SHAPE = "E164PhoneNumber"
"""Clients send such a number plain or percent-encoded, also in bodies (API PN1)."""

LARGEST_INTEGER = 2**31 - 1
"""The model's `integer` is a signed 32-bit one."""
_SHOWN_VALUE = 64

_JSON_NAMES = {
    Kind.STRUCTURE: "an object",
    Kind.LIST: "a list",
    Kind.STRING: "a string",
    Kind.INTEGER: "an integer",
    Kind.BOOLEAN: "true or false",
}


class Validator:
    """Checks values against the shapes of one model."""

    def __init__(self, model: ServiceModel) -> None:
        self._shapes = model.shapes

    def structure(self, name: str, value: dict[str, Json], where: str = "") -> dict[str, Json]:
        """Return the known members of a structure, each checked; `where` is its path."""
        shape = self._shapes[name]
        prefix = f"{where}." if where else ""
        for required in shape.required:
            if value.get(required) is None:
                raise BadRequest(f"{prefix}{required} is missing; it is required")
        return {
            member: self.value(shape.members[member].shape, given, prefix + member)
            for member, given in value.items()
            if given is not None and member in shape.members
        }

    def value(self, name: str, value: Json, where: str) -> Json:
        """Return one value, checked against the shape `name`."""
        shape = self._shapes[name]
        match shape.kind, value:
            case Kind.STRUCTURE, dict():
                return self.structure(name, value, where)
            case Kind.LIST, list():
                return self._list(shape, value, where)
            case Kind.STRING, str():
                text = _plain_number(value) if name == NUMBER_SHAPE else value
                _check_string(shape, text, where)
                return text
            case Kind.BOOLEAN, bool():
                return value
            case Kind.INTEGER, int() if not isinstance(value, bool):
                _check_integer(shape, value, where)
                return value
        raise _refusal(shape, value, where, f"{_JSON_NAMES[shape.kind]} is wanted")

    def _list(self, shape: Shape, value: list[Json], where: str) -> Json:
        _check_size(shape, len(value), f"{where} has {len(value)} entries", "entries")
        assert shape.element is not None, "every list of the model has an element shape"
        return [
            self.value(shape.element, given, f"{where}[{index}]")
            for index, given in enumerate(value)
        ]


def from_text(shape: Shape, text: str, where: str) -> Json:
    """Return the value of a path or query parameter in its JSON type."""
    match shape.kind:
        case Kind.INTEGER:
            digits = text.removeprefix("-")
            if not (digits.isascii() and digits.isdigit() and len(digits) <= 10):
                raise _refusal(shape, text, where, "an integer is wanted")
            return int(text)
        case Kind.BOOLEAN:
            if text not in ("true", "false"):
                raise _refusal(shape, text, where, "true or false is wanted")
            return text == "true"
        case _:
            return text


def _check_string(shape: Shape, value: str, where: str) -> None:
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise BadRequest(f"{where} holds half of a UTF-16 pair; Unicode text is wanted")
    _check_size(shape, len(value), f"{where} has {len(value)} characters", "characters")
    if shape.choices and value not in shape.choices:
        choices = ", ".join(sorted(shape.choices))
        raise _refusal(shape, value, where, f"one of {choices} is wanted")
    if shape.pattern is not None and compiled(shape.pattern).fullmatch(value) is None:
        raise _refusal(shape, value, where, f"it must match the pattern {shape.pattern}")


def _check_integer(shape: Shape, value: int, where: str) -> None:
    if not -LARGEST_INTEGER <= value <= LARGEST_INTEGER:
        raise BadRequest(f"{where} is out of range; an integer of 32 bits is wanted")
    _check_size(shape, value, f"{where} is {value}", "")


def _check_size(shape: Shape, size: int, fact: str, unit: str) -> None:
    if shape.minimum is not None and size < shape.minimum:
        raise BadRequest(f"{fact}; at least {shape.minimum:g} {unit}".rstrip() + " is wanted")
    if shape.maximum is not None and size > shape.maximum:
        raise BadRequest(f"{fact}; at most {shape.maximum:g} {unit}".rstrip() + " is allowed")


def _refusal(shape: Shape, value: Json, where: str, rule: str) -> BadRequest:
    if shape.sensitive:
        return BadRequest(f"{where} is not valid; {rule}")
    if isinstance(value, dict | list) or shape.kind in (Kind.STRUCTURE, Kind.LIST):
        # A scalar where an object belongs may be a secret of that object, e.g. a password.
        return BadRequest(f"{where} is {_type_name(value)}; {rule}")
    shown = json.dumps(value)
    if len(shown) > _SHOWN_VALUE:
        shown = shown[:_SHOWN_VALUE] + "..."
    return BadRequest(f"{where} is {shown}; {rule}")


def _type_name(value: Json) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case str():
            return "a string"
        case int() | float():
            return "a number"
        case list():
            return "a list"
        case dict():
            return "an object"


def _plain_number(text: str) -> str:
    return unquote(text) if text.startswith("%") else text
