"""Rows on their way into one DynamoDB table: many at a time, the newest of each name last.

One batch is under way at a time, and of rows with the same name only the newest waits: rows of one
name arrive in the order in which they were made, whatever has to be repeated. While the table
refuses, a single row probes it; the first that goes through opens the way for all. Rows that the
table will never take are found by sending their batch one by one, and let go.

A batch that got no answer may still arrive, late and after newer rows of the same names. What was
written of such a name is written once more when nothing can be on its way any longer, and only then
is it told as written.
"""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from enum import IntEnum
from itertools import islice, takewhile
from typing import NamedTuple, Protocol, TypeAlias

from botocore.config import Config
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ParamValidationError,
)

from edge.runtime.backoff import Backoff
from edge.runtime.cdr_sink import first_line
from edge.runtime.log import Field, Logger
from model.codec import Item

Request: TypeAlias = "dict[str, dict[str, Item]]"
"""One write of BatchWriteItem."""
Write: TypeAlias = Callable[[list[Request]], list[Request]]
"""Writes a batch and returns what the table did not take this time; it may block and raise."""

ROWS_AT_ONCE = 25
"""DynamoDB's own limit of BatchWriteItem."""
WINDOW_S = 0.1
"""How long a row waits for company: its call's object, and what its media was like, are known by
then and travel in the same row."""
SLACK_S = 0.025
"""How much sooner a row may go when others go."""
URGENT_WINDOW_S = 0.004
"""How long one waits that a caller waits for (EDGE C9: at most 5 ms)."""
SURE_AFTER_S = 30.0
"""When nothing that was sent before can arrive any more."""
LONGEST_QUEUE = 20_000
"""About 30 MB; what is beyond is let go, the rows of refused calls first."""
FIRST_RETRY_S = 0.2
LONGEST_RETRY_S = 5.0
CONNECT_S = 1.0
READ_S = 3.0
CLIENT = Config(connect_timeout=CONNECT_S, read_timeout=READ_S, retries={"total_max_attempts": 1})
"""One attempt: the queue tries again, and says so."""
_BAD_ROW = {"ValidationException", "SerializationException"}
_NEVER_SENT = (EndpointConnectionError, ConnectTimeoutError)


class Rank(IntEnum):
    """How much a row matters: the least goes first."""

    URGENT = 0
    """A caller waits for it."""
    USUAL = 1
    SPARE = 2
    """Let go before any other when there are too many."""


class _Waiting(NamedTuple):
    request: Request
    rank: Rank
    ready_at: float
    """By the loop's clock: until then it waits for company."""


class _Doubt:
    """That something may arrive until a moment, and what was written of its name meanwhile."""

    __slots__ = ("ends_at", "written")

    def __init__(self) -> None:
        self.ends_at = 0.0
        self.written: Request | None = None


class Follower(Protocol):
    """Whoever wants to know what becomes of rows; they are what `put` and `delete` returned."""

    def written(self, name: str, row: Request, /) -> None:
        """Hear that a row is in the table for good."""

    def let_go(self, name: str, row: Request, /, *, is_bad: bool) -> None:
        """Hear that a row is not written: there is no room, or the table never takes it."""


class _Nobody:
    """Follows nothing."""

    def written(self, name: str, row: Request, /) -> None:
        """Do nothing about it."""

    def let_go(self, name: str, row: Request, /, *, is_bad: bool) -> None:
        """Do nothing about it."""


_NOBODY: Follower = _Nobody()


class RowWriter:
    """Takes rows and writes them, in order for each name."""

    def __init__(
        self,
        write: Write,
        *,
        table: str,
        name_attribute: str,
        log: Logger,
        follower: Follower = _NOBODY,
        longest_queue: int = LONGEST_QUEUE,
        first_retry_s: float = FIRST_RETRY_S,
        monotonic: Callable[[], float] = time.monotonic,
        sure_after_s: float = SURE_AFTER_S,
    ) -> None:
        """Write with `write`; `name_attribute` is the key attribute that tells rows apart."""
        self._write = write
        self._table = table
        self._name_attribute = name_attribute
        self._log = log
        self._follower = follower
        self._longest = longest_queue
        self._monotonic = monotonic
        self._sure_after_s = sure_after_s
        self._rows: dict[Rank, dict[str, _Waiting]] = {rank: {} for rank in Rank}
        self._under_way: dict[str, _Waiting] = {}
        # Of its own: what others wait for, such as a log that does not answer, holds up no call.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="rows")
        self._doubts: dict[str, _Doubt] = {}
        """Names of which something may still be on its way."""
        self._at_once = ROWS_AT_ONCE
        self._one_by_one = 0
        self._backoff = Backoff(first_s=first_retry_s, longest_s=LONGEST_RETRY_S)
        self._failing_since: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self._pausing = False
        self._let_go = 0

    @property
    def pending(self) -> int:
        """Return how many rows wait or are under way."""
        return self._waiting + len(self._under_way)

    @property
    def is_failing(self) -> bool:
        """Tell whether the table refuses at present."""
        return self._failing_since is not None

    def put(self, item: Item, rank: Rank = Rank.USUAL) -> Request:
        """Write a row whole; return what the follower will hear of."""
        return self._enqueue(item, {"PutRequest": {"Item": item}}, rank)

    def delete(self, key: Item) -> Request:
        """Remove a row, whether or not there is one."""
        return self._enqueue(key, {"DeleteRequest": {"Key": key}}, Rank.USUAL)

    def flush(self) -> None:
        """Write what there is now without waiting for company."""
        for rows in self._rows.values():
            for name, waiting in rows.items():
                rows[name] = waiting._replace(ready_at=0.0)
        if not self._pausing:
            self._send()

    @property
    def _waiting(self) -> int:
        return sum(map(len, self._rows.values()))

    def _enqueue(self, named: Item, request: Request, rank: Rank) -> Request:
        name = self._name_of(named)
        for of, rows in self._rows.items():
            if rows.pop(name, None) is not None:
                rank = min(rank, of)  # Whoever waited for the older row waits for the newer one.
        window_s = URGENT_WINDOW_S if rank is Rank.URGENT else WINDOW_S
        ready_at = asyncio.get_running_loop().time() + window_s
        self._rows[rank][name] = _Waiting(request, rank, ready_at)
        if self._waiting > self._longest:
            least = next(rows for rows in reversed(self._rows.values()) if rows)
            oldest = next(iter(least))
            self._tell_let_go("the queue is full")
            self._follower.let_go(oldest, least.pop(oldest).request, is_bad=False)
        self._wake()
        return request

    def _name_of(self, item: Item) -> str:
        return str(item[self._name_attribute]["S"])

    def _wake(self) -> None:
        """See to it that the first row that is ready is sent when it is."""
        if self._under_way or self._pausing:
            return
        heads = [next(iter(rows.values())).ready_at for rows in self._rows.values() if rows]
        at = min(heads, default=None)
        if at is not None and (self._timer is None or at < self._timer_at):
            self._rest()
            self._timer_at = at
            self._timer = asyncio.get_running_loop().call_at(at, self._send)

    def _send(self) -> None:
        self._rest()
        if self._under_way:
            return
        self._under_way = self._next_batch()
        if self._under_way:
            requests = [waiting.request for waiting in self._under_way.values()]
            loop = asyncio.get_running_loop()
            attempt = loop.run_in_executor(self._thread, self._attempt, requests)
            attempt.add_done_callback(self._done)
        else:
            self._wake()

    def _rest(self) -> None:
        self._pausing = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _next_batch(self) -> dict[str, _Waiting]:
        most = 1 if self._one_by_one else self._at_once
        soon = asyncio.get_running_loop().time() + SLACK_S
        batch: dict[str, _Waiting] = {}
        for rows in self._rows.values():
            # Each queue is in the order in which its rows become ready.
            ready = takewhile(lambda it: it[1].ready_at <= soon, rows.items())
            for name, waiting in list(islice(ready, most - len(batch))):
                batch[name] = waiting
                del rows[name]
        return batch

    def _attempt(self, requests: list[Request]) -> list[Request] | Exception:
        """Write in another thread; whatever goes wrong, the rows stay in care."""
        try:
            return self._write(requests)
        except Exception as error:
            return error

    def _done(self, done: "asyncio.Future[list[Request] | Exception]") -> None:
        batch, self._under_way = self._under_way, {}
        result = done.result()
        if isinstance(result, Exception):
            self._failed(batch, result)
        else:
            left = {self._name_in(request) for request in result}
            self._restore({name: it for name, it in batch.items() if name in left})
            if left:
                self._pause()
            else:
                self._succeeded()
            for name, waiting in batch.items():
                if name not in left:
                    self._row_written(name, waiting.request)
        self._wake()

    def _row_written(self, name: str, request: Request) -> None:
        doubt = self._doubts.get(name)
        if doubt is not None:
            doubt.written = request
        else:
            self._follower.written(name, request)

    def _name_in(self, request: Request) -> str:
        (content,) = request.values()
        return self._name_of(content.get("Item") or content["Key"])

    def _succeeded(self) -> None:
        if self._failing_since is not None:
            away_s = round(self._monotonic() - self._failing_since, 1)
            self._log("table-back", {"table": self._table, "away_s": away_s})
            self._failing_since = None
        self._backoff.reset()
        self._at_once = ROWS_AT_ONCE
        self._one_by_one = max(0, self._one_by_one - 1)

    def _failed(self, batch: dict[str, _Waiting], error: Exception) -> None:
        if _is_about_rows(error):
            self._find_bad_row(batch, error)
            return
        self._restore(batch)
        self._at_once = 1
        if not isinstance(error, _NEVER_SENT) and not _is_answer(error):
            self._doubt(list(batch))
        if self._failing_since is None:
            self._failing_since = self._monotonic()
            self._log("table-refuses", {"table": self._table, "error": first_line(error)})
        self._pause()

    def _find_bad_row(self, batch: dict[str, _Waiting], error: Exception) -> None:
        if len(batch) == 1:
            self._one_by_one = max(0, self._one_by_one - 1)
            self._tell_let_go(first_line(error))
            ((name, waiting),) = batch.items()
            self._follower.let_go(name, waiting.request, is_bad=True)
        else:
            self._restore(batch)
            self._one_by_one = len(batch)

    def _doubt(self, names: list[str]) -> None:
        """Write rows of these names once more when it is certain that nothing comes after them."""
        loop = asyncio.get_running_loop()
        ends_at = loop.time() + self._sure_after_s
        for name in names:
            self._doubts.setdefault(name, _Doubt()).ends_at = ends_at
        loop.call_at(ends_at, self._reassure, names)

    def _reassure(self, names: list[str]) -> None:
        now = asyncio.get_running_loop().time()
        waiting = {name for rows in self._rows.values() for name in rows} | self._under_way.keys()
        for name in names:
            doubt = self._doubts.get(name)
            if doubt is None or doubt.ends_at > now:
                continue
            del self._doubts[name]
            if doubt.written is not None and name not in waiting:
                self._rows[Rank.URGENT][name] = _Waiting(doubt.written, Rank.URGENT, now)
        self._wake()

    def _restore(self, batch: dict[str, _Waiting]) -> None:
        """Put rows back to the front; one that has a newer one meanwhile is dropped."""
        if not batch:
            return
        newer = {name for rows in self._rows.values() for name in rows}
        for rank, rows in self._rows.items():
            again = {
                name: it for name, it in batch.items() if it.rank is rank and name not in newer
            }
            self._rows[rank] = again | rows

    def _pause(self) -> None:
        self._rest()
        self._pausing = True
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._backoff.next_s(), self._send)

    def _tell_let_go(self, reason: str) -> None:
        """Count a row that is not written; tell of the first, the second, the fourth and so on."""
        self._let_go += 1
        if self._let_go & (self._let_go - 1) == 0:
            fields: dict[str, Field] = {
                "table": self._table,
                "reason": reason,
                "total": self._let_go,
            }
            self._log("rows-let-go", fields)


def _is_answer(error: Exception) -> bool:
    """Tell whether DynamoDB has answered, and not a gateway on the way to it, by a mere status."""
    if not isinstance(error, ClientError):
        return False
    return not error.response.get("Error", {}).get("Code", "0").isdigit()


def _is_about_rows(error: Exception) -> bool:
    """Tell whether an error says that a row can never be written."""
    if isinstance(error, ClientError):
        return error.response.get("Error", {}).get("Code") in _BAD_ROW
    return isinstance(error, ParamValidationError)
