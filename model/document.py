"""Dataclasses as JSON documents and back; members keep their names, enums are their values."""

import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Union, get_args, get_origin, get_type_hints

from model.checks import SettingsError

_LONGEST_S = 366 * 86_400.0
"""No wait is longer than a year; it bounds what a document may say."""
_LARGEST = 2**31 - 1


def read_value(wanted: object, value: object, where: str) -> object:
    """Return what a part of a document stands for; raises SettingsError that names it.

    `wanted` is the type that it is to have, `where` its path in the document.
    """
    origin = get_origin(wanted)
    if is_dataclass(wanted) and isinstance(wanted, type):
        return _read_section(wanted, value, where)
    if origin is tuple:
        if not isinstance(value, list):
            raise SettingsError(f"{where} is {value!r}; a list is wanted")
        (member, _) = get_args(wanted)
        return tuple(read_value(member, entry, f"{where}[{n}]") for n, entry in enumerate(value))
    if origin in (types.UnionType, Union):
        options = [option for option in get_args(wanted) if option is not type(None)]
        return None if value is None else read_value(options[0], value, where)
    if isinstance(wanted, type) and issubclass(wanted, Enum):
        try:
            return wanted(value)
        except ValueError:
            choices = ", ".join(repr(choice.value) for choice in wanted)
            raise SettingsError(f"{where} is {value!r}; one of {choices} is wanted") from None
    if wanted is float:
        return _read_seconds(value, where)
    if wanted is int and type(value) is int and not 0 <= value <= _LARGEST:
        raise SettingsError(f"{where} is {value}; a number from 0 to {_LARGEST} is wanted")
    if type(value) is not wanted:
        name = getattr(wanted, "__name__", str(wanted))
        raise SettingsError(f"{where} is {value!r}; a value of type {name} is wanted")
    return value


def _read_seconds(value: object, where: str) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= _LONGEST_S:
        return float(value)
    raise SettingsError(f"{where} is {value!r}; seconds from 0 to {_LONGEST_S:.0f} are wanted")


def _read_section(section: type, value: object, where: str) -> object:
    if not isinstance(value, Mapping):
        raise SettingsError(f"{where} is {value!r}; an object is wanted")
    kinds = get_type_hints(section)
    unknown = sorted(set(value) - set(kinds))
    if unknown:
        raise SettingsError(f"{where} has no member {unknown[0]!r}; it has {', '.join(kinds)}")
    members = {
        name: read_value(kinds[name], entry, f"{where}.{name}") for name, entry in value.items()
    }
    try:
        return section(**members)
    except (TypeError, SettingsError) as error:
        raise SettingsError(f"{where}: {error}") from error


def written_value(value: object) -> object:
    """Return the part of a document that stands for a value."""
    if is_dataclass(value):
        return {member.name: written_value(getattr(value, member.name)) for member in fields(value)}
    if isinstance(value, tuple):
        return [written_value(entry) for entry in value]
    return value.value if isinstance(value, Enum) else value
