"""Pages over the table of calls that cost no more than a fixed number of rows (EXT3)."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from lambdas.management.context import Context
from lambdas.management.ext.query import Query
from model.codec import Item

ROWS_AT_MOST = 2_000
"""Rows that one request reads, about 1.5 MB: a fifth of a second, and 200 units of reading."""
BATCH = 500
"""Rows that are read at a time when not all of them may be wanted."""


class Paging:
    """Where a list goes on, and how far."""

    def __init__(self, listing: str, context: Context, query: Query) -> None:
        """Read the token; raises BadRequest for one that is not of this list."""
        token = query.text("next-token")
        self._listing = listing
        self._tokens = context.tokens
        self.after = "" if token is None else self._tokens.read(listing, token)
        """Position of the last row of the page before; empty for the first page."""

    def token(self, position: str | None) -> str | None:
        """Return the token of the page behind a position."""
        return None if position is None else self._tokens.write(self._listing, position)


class Taken(NamedTuple):
    """A page, and the position that the next one goes on behind; None when there is no more."""

    items: list[Item]
    position: str | None


def take(
    items: Iterable[tuple[str, Item]],
    *,
    most: int,
    fits: Callable[[Item], bool],
    rows_at_most: int = ROWS_AT_MOST,
) -> Taken:
    """Return the first `most` fitting items, or those among the first `rows_at_most` rows.

    Each item comes with its position. A page that a limit has cut short may be empty.
    """
    taken: list[Item] = []
    position: str | None = None
    for read, (place, item) in enumerate(items):
        if len(taken) == most or read == rows_at_most:
            return Taken(taken, position)
        position = place
        if fits(item):
            taken.append(item)
    return Taken(taken, None)
