"""Rows of calls that no crash may take: in the table, or on the disk until they are (EDGE C9).

A row goes to the table at once. If it is not there in time, or the table is known to be away, it is
kept on the disk as well, and whoever waits for it hears so; the disk lets go of it when the table
has it. While the table is away only so many rows wait in memory: the others are read from the disk
again when it is back. If the disk does not take a row either, it stays in memory, and somebody is
told.
"""

import asyncio
from collections.abc import Callable
from itertools import islice, takewhile
from typing import Protocol

from edge.runtime.batch_writes import BatchWrites
from edge.runtime.journal_lines import Entry
from edge.runtime.log import Logger
from edge.runtime.row_writer import Rank, Request, RowWriter
from edge.seam import JournalPlace
from model.codec import Item
from model.tables import CALLS

IN_TIME_S = 0.2
"""What the table has to confirm a row in that somebody waits for (EDGE C9)."""
LOOK_EVERY_S = 0.05
MOST_IN_MEMORY = 10_000
"""Rows that wait in memory once the disk has them too; about 15 MB."""
READ_AT_ONCE = 500
MOST_UNSAFE = 50_000
"""Rows that neither the table nor the disk takes; about 75 MB. What is beyond is lost."""
AGAIN_AFTER_S = 1.0
"""How long a row that the disk did not take waits before it is offered again."""


class Disk(Protocol):
    """The node's own journal."""

    def keep(self, name: str, entry: Entry, kept: Callable[[bool], None]) -> None:
        """Bring a row to the disk."""

    def drop(self, name: str) -> None:
        """Forget a row."""

    async def read(self, names: list[str]) -> dict[str, Entry] | None:
        """Return some of the rows that are on the disk, None when it cannot be asked now."""


class _Row:
    """The newest row of a call that the table has not confirmed."""

    __slots__ = ("due_at", "entry", "is_kept", "token")

    def __init__(self, entry: Entry, due_at: float) -> None:
        self.entry: Entry | None = entry
        """None when it is on the disk alone."""
        self.due_at = due_at
        """When the disk is to have it as well."""
        self.token: Request | None = None
        """What the writer will say of it; None when it is not with the writer."""
        self.is_kept = False
        """Whether the disk has it."""


class SafeRows:
    """The rows of the calls of one node."""

    def __init__(
        self,
        disk: Disk,
        *,
        safe: Callable[[str, JournalPlace], None],
        log: Logger,
        most_in_memory: int = MOST_IN_MEMORY,
        in_time_s: float = IN_TIME_S,
    ) -> None:
        """`safe` hears of every row that was put or deleted where it is, and again when it has come
        to a better place. `write_to` must follow."""
        self._disk = disk
        self._safe = safe
        self._log = log
        self._most = most_in_memory
        self._in_time_s = in_time_s
        self._rows: dict[str, _Row] = {}
        self._unsafe: dict[str, _Row] = {}
        """Those of them that are not on the disk either."""
        self._lost = 0
        self._late: dict[str, _Row] = {}
        """Rows that go to the disk if the table does not confirm them soon, by their moments."""
        self._parked: dict[str, _Row] = {}
        """Rows that the writer is to have when there is room."""
        self._is_reading = False
        self._look: asyncio.TimerHandle | None = None

    @classmethod
    def over(
        cls,
        writes: BatchWrites,
        prefix: str,
        disk: Disk,
        *,
        safe: Callable[[str, JournalPlace], None],
        log: Logger,
    ) -> "SafeRows":
        """Return the rows of a deployment whose tables start with `prefix`."""
        table = CALLS.physical_name(prefix)
        made = cls(disk, safe=safe, log=log)
        made.write_to(
            RowWriter(
                writes.to(table),
                table=table,
                name_attribute=CALLS.partition_key,
                log=log,
                follower=made,
            )
        )
        return made

    def write_to(self, writer: RowWriter) -> None:
        """Write with a writer whose follower this is."""
        self._writer = writer

    @property
    def pending(self) -> int:
        """Return how many rows the table does not have yet."""
        return max(len(self._rows), self._writer.pending)

    @property
    def unsafe(self) -> int:
        """Return how many rows are neither in the table nor on the disk."""
        return len(self._unsafe)

    def put(self, item: Item, *, is_urgent: bool = False) -> None:
        """Write a row, which shall not get lost."""
        rank = Rank.URGENT if is_urgent else Rank.USUAL
        row = self._newest(name_of(item), Entry(put=item))
        if row is not None:
            row.token = self._writer.put(item, rank)

    def delete(self, key: Item) -> None:
        """Remove a row, which shall not come back."""
        row = self._newest(name_of(key), Entry(delete=key))
        if row is not None:
            row.token = self._writer.delete(key)

    def note(self, item: Item) -> None:
        """Write news of a row: if they get lost, an older one is as good."""
        row = self._rows.get(name_of(item))
        if row is None:
            self._writer.put(item, Rank.SPARE)
        elif row.token is not None:
            # Whoever waits for the row waits for this one now; the disk may have the older one.
            row.token = self._writer.put(item)

    def spare(self, item: Item) -> None:
        """Write a row that may get lost."""
        self._writer.put(item, Rank.SPARE)

    def flush(self) -> None:
        """Write what there is now without waiting for company."""
        self._writer.flush()

    def keep_all(self) -> None:
        """Bring to the disk whatever the table does not have yet."""
        late, self._late = self._late, {}
        for name, row in late.items():
            self._keep(name, row)

    def written(self, name: str, token: Request) -> None:
        """Hear from the writer that the table has a row."""
        row = self._rows.get(name)
        if row is not None and row.token is token:
            self._forget(name)
            self._disk.drop(name)
            self._safe(name, JournalPlace.TABLE)

    def let_go(self, name: str, token: Request, *, is_bad: bool) -> None:
        """Hear from the writer that it has no room for a row, or that the table never takes it."""
        row = self._rows.get(name)
        if row is None or row.token is not token:
            return
        row.token = None
        if is_bad:
            hint = "the row is damaged; its record goes its own way"
            self._log("row-refused", {"transaction_id": name, "hint": hint})
            self._forget(name)
        else:
            self._park(name, row)

    def _park(self, name: str, row: _Row) -> None:
        """Let a row wait until the writer has room; in memory only if the disk does not have it."""
        self._parked[name] = row
        if row.is_kept:
            row.entry = None
        self._look_later()

    def _newest(self, name: str, entry: Entry) -> _Row | None:
        """Note the newest row of a name; return it if the writer is to have it now."""
        self._forget(name)
        loop = asyncio.get_running_loop()
        row = _Row(entry, loop.time() + self._in_time_s)
        self._rows[name] = self._unsafe[name] = row
        if len(self._unsafe) > MOST_UNSAFE:
            self._lose(next(iter(self._unsafe)))
        is_failing = self._writer.is_failing
        if is_failing:
            self._keep(name, row)
        else:
            self._late[name] = row
        if is_failing and self._writer.pending >= self._most:
            self._park(name, row)
            return None
        self._look_later()
        return row

    def _forget(self, name: str) -> None:
        for rows in (self._rows, self._unsafe, self._late, self._parked):
            rows.pop(name, None)

    def _lose(self, name: str) -> None:
        """Give a row up; the first, the second, the fourth and so on is told of."""
        self._forget(name)
        self._lost += 1
        if self._lost & (self._lost - 1) == 0:
            hint = "neither the table nor the disk takes rows, and memory is full of them"
            self._log("row-lost", {"transaction_id": name, "total": self._lost, "hint": hint})

    def _look_later(self) -> None:
        if self._look is None and (self._late or self._parked):
            self._look = asyncio.get_running_loop().call_later(LOOK_EVERY_S, self._look_at_all)

    def _look_at_all(self) -> None:
        """Keep what the table has not confirmed in time; let the writer have what it can take."""
        self._look = None
        now = asyncio.get_running_loop().time()
        for name, row in list(takewhile(lambda it: it[1].due_at <= now, self._late.items())):
            del self._late[name]
            self._keep(name, row)
        has_room = not self._writer.is_failing and self._writer.pending < self._most // 2
        if self._parked and has_room and not self._is_reading:
            self._is_reading = True
            self._reading = asyncio.get_running_loop().create_task(self._unpark())
        self._look_later()

    def _keep(self, name: str, row: _Row) -> None:
        if row.entry is not None:
            self._disk.keep(name, row.entry, lambda is_kept: self._kept(name, row, is_kept))

    def _kept(self, name: str, row: _Row, is_kept: bool) -> None:
        if self._rows.get(name) is not row:
            return
        if is_kept:
            row.is_kept = True
            self._unsafe.pop(name, None)
            if row.token is None:
                row.entry = None
            self._safe(name, JournalPlace.DISK)
        else:
            row.due_at = asyncio.get_running_loop().time() + AGAIN_AFTER_S
            self._late[name] = row
            self._look_later()
            self._safe(name, JournalPlace.NOWHERE)

    async def _unpark(self) -> None:
        """Let the writer have the oldest of the rows that it had no room for."""
        rows = dict(islice(self._parked.items(), READ_AT_ONCE))
        found = await self._disk.read([name for name, row in rows.items() if row.entry is None])
        self._is_reading = False
        if found is None:
            return
        for name, row in rows.items():
            if self._parked.get(name) is row:
                self._resume(name, row, row.entry or found.get(name))

    def _resume(self, name: str, row: _Row, entry: Entry | None) -> None:
        if entry is None:
            hint = "the disk has lost it; if its object is due, the reaper finds the older row"
            self._log("row-unreadable", {"transaction_id": name, "hint": hint})
            self._forget(name)
            return
        del self._parked[name]
        if entry.put is not None:
            row.token = self._writer.put(entry.put)
        elif entry.delete is not None:
            row.token = self._writer.delete(entry.delete)


def name_of(item: Item) -> str:
    """Return the TransactionId of a row or of a key."""
    return str(item[CALLS.partition_key]["S"])
