"""Tables of TOML files, read member by member; each problem names file, key, value and wish."""

import tomllib
from collections.abc import Callable, Mapping
from decimal import Decimal

_LARGEST = Decimal(1_000_000)
_DECIMALS = 10
_LONGEST_TEXT = 80


class FileProblem(ValueError):
    """A file that cannot be used; the text names the file, the key, its value and what is wanted.

    Those who read a whole kind of file raise it as well, so that there is one error to catch.
    """


class TomlTable:
    """One table of a file; what has been read is remembered, so that the rest can be refused."""

    def __init__(self, file: str, path: str, members: Mapping[str, object]) -> None:
        self._file = file
        self._path = path
        self._members = members
        self._known: list[str] = []

    @classmethod
    def of(cls, text: str, file: str) -> "TomlTable":
        """Return the root table of a file's text; raises FileProblem when it is no TOML."""
        try:
            # Not as floats: 0.1 would no longer be a tenth.
            return cls(file, "", tomllib.loads(text, parse_float=Decimal))
        except (ValueError, ArithmeticError, RecursionError) as error:
            # No TOML; numbers beyond all bounds; brackets without end.
            reason = str(error) if isinstance(error, tomllib.TOMLDecodeError) else repr(error)
            raise FileProblem(f"{file}: it is not TOML that can be used: {reason}") from error

    def text(self, key: str, default: str | None = None) -> str:
        """Return a line of text; it is required without a default."""
        value = self._value(key, default)
        is_line = isinstance(value, str) and value.isprintable() and value.strip() == value
        if not (isinstance(value, str) and is_line and 0 < len(value) <= _LONGEST_TEXT):
            raise self.problem(key, f"one line of 1 to {_LONGEST_TEXT} characters")
        return value

    def amount(self, key: str, default: Decimal | None = None) -> Decimal:
        """Return a price or quantity, 0 or more; it is required without a default."""
        return self._amount(key, self._value(key, default))

    def optional_amount(self, key: str) -> Decimal | None:
        """Return a price or quantity, None when it is not there."""
        self._known.append(key)
        return self._amount(key, self._members[key]) if key in self._members else None

    def whole(self, key: str, default: int, wanted: str, fits: Callable[[int], bool]) -> int:
        """Return a whole number that fits; `wanted` says in words what does."""
        value = self._value(key, default)
        if not isinstance(value, int) or isinstance(value, bool) or not fits(value):
            raise self.problem(key, wanted)
        return value

    def amounts(self, key: str, wanted: str, fits: Callable[[str], bool]) -> dict[str, Decimal]:
        """Return a table of amounts whose keys fit, empty when it is not there."""
        table = self.table(key)
        found = {}
        for name in table._members:
            if not fits(name):
                raise table.problem(name, f"as key {wanted}")
            found[name] = table.amount(name)
        return found

    def table(self, key: str) -> "TomlTable":
        """Return a table inside this one, an empty one when it is not there."""
        value = self._value(key, {})
        if not isinstance(value, Mapping):
            raise self.problem(key, "a table")
        return TomlTable(self._file, f"{self._path}{key}.", value)

    def refuse_others(self) -> None:
        """Raise FileProblem when there is a key that nobody has asked for: a slip of the pen."""
        for key in self._members:
            if key not in self._known:
                raise self.problem(key, f"one of {', '.join(self._known)} as key")

    def problem(self, key: str, wanted: str) -> FileProblem:
        """Return what to raise about a member."""
        name = f"{self._file}: {self._path}{key}"
        if key not in self._members:
            return FileProblem(f"{name} is missing; {wanted} is wanted")
        return FileProblem(f"{name} is {_shown(self._members[key])}; {wanted} is wanted")

    def _value(self, key: str, default: object) -> object:
        self._known.append(key)
        return self._members.get(key, default)

    def _amount(self, key: str, value: object) -> Decimal:
        if isinstance(value, int) and not isinstance(value, bool):
            value = Decimal(value)
        if not isinstance(value, Decimal) or not _is_price(value):
            raise self.problem(
                key, f"a number such as 0.0049, from 0 to {_LARGEST}, with {_DECIMALS} decimals,"
            )
        return value


def _is_price(value: Decimal) -> bool:
    if not value.is_finite() or value.is_signed() or value > _LARGEST:
        return False
    exponent = value.as_tuple().exponent
    return isinstance(exponent, int) and -exponent <= _DECIMALS


def _shown(value: object) -> str:
    """Return a value as it may stand in the file, shortened."""
    text = str(value) if isinstance(value, Decimal) else repr(value)
    return text if len(text) <= _LONGEST_TEXT else f"{text[:_LONGEST_TEXT]}..."
