"""Rows on their way into one DynamoDB table: many at a time, the newest of each name last.

One batch is under way at a time, and of rows with the same name only the newest waits: rows of one
name arrive in the order in which they were made, whatever has to be repeated. While the table
refuses, a single row probes it; the first that goes through opens the way for all. Rows that the
table will never take are found by sending their batch one by one, and let go.
"""

import asyncio
import time
from collections.abc import Callable
from itertools import islice
from typing import Any, NamedTuple, TypeAlias

from botocore.config import Config
from botocore.exceptions import ClientError, ParamValidationError

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
WINDOW_S = 0.05
"""How long a row waits for company."""
LONGEST_QUEUE = 20_000
"""About 30 MB; what is beyond is let go, the rows of refused calls first."""
FIRST_RETRY_S = 0.2
LONGEST_RETRY_S = 5.0
CLIENT = Config(connect_timeout=1.0, read_timeout=3.0, retries={"total_max_attempts": 1})
"""One attempt: the queue tries again, and says so."""
_BAD_ROW = {"ValidationException", "SerializationException"}


# botocore makes its clients at run time: what their methods take and return has no static type.
def batch_write(batch_write_item: Callable[..., Any], table: str) -> Write:
    """Return the writing of batches into a table; `batch_write_item` is a client's method."""

    def write(requests: list[Request]) -> list[Request]:
        answer = batch_write_item(RequestItems={table: requests})
        unprocessed: list[Request] = answer["UnprocessedItems"].get(table, [])
        return unprocessed

    return write


class _Waiting(NamedTuple):
    request: Request
    is_spare: bool


class RowWriter:
    """Takes rows and writes them, in order for each name."""

    def __init__(
        self,
        write: Write,
        *,
        table: str,
        name_attribute: str,
        log: Logger,
        longest_queue: int = LONGEST_QUEUE,
        first_retry_s: float = FIRST_RETRY_S,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Write with `write`; `name_attribute` is the key attribute that tells rows apart."""
        self._write = write
        self._table = table
        self._name_attribute = name_attribute
        self._log = log
        self._longest = longest_queue
        self._monotonic = monotonic
        self._rows: dict[str, Request] = {}
        self._spare: dict[str, Request] = {}
        self._under_way: dict[str, _Waiting] = {}
        self._at_once = ROWS_AT_ONCE
        self._one_by_one = 0
        self._backoff = Backoff(first_s=first_retry_s, longest_s=LONGEST_RETRY_S)
        self._failing_since: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._pausing = False
        self._let_go = 0

    @property
    def pending(self) -> int:
        """Return how many rows wait or are under way."""
        return len(self._rows) + len(self._spare) + len(self._under_way)

    def put(self, item: Item, *, is_spare: bool = False) -> None:
        """Write a row whole; spare ones go last, and are let go first when there are too many."""
        self._enqueue(item, {"PutRequest": {"Item": item}}, is_spare)

    def delete(self, key: Item) -> None:
        """Remove a row, whether or not there is one."""
        self._enqueue(key, {"DeleteRequest": {"Key": key}}, False)

    def flush(self) -> None:
        """Write without waiting for company."""
        if not self._pausing:
            self._send()

    def _enqueue(self, named: Item, request: Request, is_spare: bool) -> None:
        name = self._name_of(named)
        self._rows.pop(name, None)
        self._spare.pop(name, None)
        (self._spare if is_spare else self._rows)[name] = request
        if len(self._rows) + len(self._spare) > self._longest:
            queue = self._spare or self._rows
            del queue[next(iter(queue))]
            self._tell_let_go("the queue is full")
        self._wake()

    def _name_of(self, item: Item) -> str:
        return str(item[self._name_attribute]["S"])

    def _wake(self) -> None:
        if self._under_way or self._pausing:
            return
        if len(self._rows) + len(self._spare) >= ROWS_AT_ONCE:
            self._send()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(WINDOW_S, self._send)

    def _send(self) -> None:
        self._rest()
        if self._under_way:
            return
        self._under_way = self._next_batch()
        if self._under_way:
            requests = [waiting.request for waiting in self._under_way.values()]
            loop = asyncio.get_running_loop()
            loop.run_in_executor(None, self._attempt, requests).add_done_callback(self._done)

    def _rest(self) -> None:
        self._pausing = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _next_batch(self) -> dict[str, _Waiting]:
        most = 1 if self._one_by_one else self._at_once
        batch: dict[str, _Waiting] = {}
        for queue, is_spare in ((self._rows, False), (self._spare, True)):
            for name in list(islice(queue, most - len(batch))):
                batch[name] = _Waiting(queue.pop(name), is_spare)
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
        elif result:
            left = {self._name_in(request) for request in result}
            self._restore({name: it for name, it in batch.items() if name in left})
            self._pause()
        else:
            self._succeeded()
        if not self._pausing and (self._rows or self._spare):
            self._wake()

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
        if self._failing_since is None:
            self._failing_since = self._monotonic()
            self._log("table-refuses", {"table": self._table, "error": first_line(error)})
        self._pause()

    def _find_bad_row(self, batch: dict[str, _Waiting], error: Exception) -> None:
        if len(batch) == 1:
            self._one_by_one = max(0, self._one_by_one - 1)
            self._tell_let_go(first_line(error))
        else:
            self._restore(batch)
            self._one_by_one = len(batch)

    def _restore(self, batch: dict[str, _Waiting]) -> None:
        """Put rows back to the front; one that has a newer one meanwhile is dropped."""
        newer = self._rows.keys() | self._spare.keys()
        again = {name: it for name, it in batch.items() if name not in newer}
        rows = {name: it.request for name, it in again.items() if not it.is_spare}
        spare = {name: it.request for name, it in again.items() if it.is_spare}
        self._rows, self._spare = rows | self._rows, spare | self._spare

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


def _is_about_rows(error: Exception) -> bool:
    """Tell whether an error says that a row can never be written."""
    if isinstance(error, ClientError):
        return error.response.get("Error", {}).get("Code") in _BAD_ROW
    return isinstance(error, ParamValidationError)
