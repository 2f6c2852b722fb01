"""A state machine whose table is the only thing that changes its state."""

from collections.abc import Mapping
from enum import Enum
from typing import Generic, TypeVar

S = TypeVar("S", bound=Enum)
I = TypeVar("I", bound=Enum)  # noqa: E741 - S and I are state and input


class Machine(Generic[S, I]):
    """State and table; an input without a row for the state is refused."""

    __slots__ = ("state", "table")

    def __init__(self, table: Mapping[tuple[S, I], S], state: S) -> None:
        self.table = table
        self.state = state

    def take(self, happened: I) -> bool:
        """Change the state by the table's row; False when there is none."""
        state = self.table.get((self.state, happened))
        if state is None:
            return False
        self.state = state
        return True
