"""The checked input of an operation, read by member name and type."""

from collections.abc import Mapping
from typing import TypeVar

from lambdas.management.validation import Json

T = TypeVar("T")


class Parameters:
    """Members of an input structure that the model has already approved.

    The readers return what the caller asks for; an absent member that the model does not require
    is read with the `optional_` form or with a default. A type that differs from the model's is a
    bug of the caller.
    """

    __slots__ = ("_members",)

    def __init__(self, members: Mapping[str, Json]) -> None:
        self._members = members

    def __contains__(self, name: str) -> bool:
        return name in self._members

    def text(self, name: str) -> str:
        """Return a required string."""
        return _of(str, self._members[name])

    def optional_text(self, name: str) -> str | None:
        """Return a string; None when it is absent or empty."""
        return _of(str, self._members.get(name, "")) or None

    def flag(self, name: str, default: bool = False) -> bool:
        """Return a boolean."""
        return _of(bool, self._members.get(name, default))

    def whole(self, name: str, default: int) -> int:
        """Return an integer."""
        return _of(int, self._members.get(name, default))

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a list of strings; empty when it is absent."""
        return tuple(_of(str, entry) for entry in _of(list, self._members.get(name, [])))

    def structure(self, name: str) -> "Parameters":
        """Return a structure; an empty one when it is absent."""
        return Parameters(_of(dict, self._members.get(name, {})))

    def structures(self, name: str) -> tuple["Parameters", ...]:
        """Return a list of structures; empty when it is absent."""
        entries = _of(list, self._members.get(name, []))
        return tuple(Parameters(_of(dict, entry)) for entry in entries)


def _of(kind: type[T], value: object) -> T:
    if not isinstance(value, kind):
        raise TypeError(f"the member is no {kind.__name__}; the caller disagrees with the model")
    return value
