"""Records of connectors' logs on their way to CloudWatch: in batches, and never at any price.

A log is worth less than a call: the queue is bounded, what finds no room is let go and counted. A
batch of a log group is under way at a time, so that its records stay in order; several groups go at
once. While CloudWatch refuses, batches are tried again, with longer and longer pauses.
"""

import asyncio
import json
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import NamedTuple, TypeAlias

from edge.runtime.backoff import Backoff
from edge.runtime.cdr_sink import first_line
from edge.runtime.log import Logger
from edge.seam import WriteLog

WINDOW_S = 1.0
"""How long a record waits for company: each request costs, however little it brings."""
RECORDS_AT_ONCE = 1_000
BYTES_AT_ONCE = 1_000_000
"""Below the 1 MiB and the 10,000 records of PutLogEvents."""
OVERHEAD_BYTES = 26
"""Of each record, as PutLogEvents counts."""
GROUPS_AT_ONCE = 4
LONGEST_QUEUE = 20_000
"""About 30 MB of media metrics: ten minutes of the busiest node."""
LARGEST_QUEUE_BYTES = 50_000_000
"""Of records that wait: SIP messages are of any length."""
FIRST_RETRY_S = 0.5
LONGEST_RETRY_S = 20.0


class LogEntry(NamedTuple):
    """One record as CloudWatch takes it."""

    at_ms: int
    """Epoch milliseconds."""
    message: str
    """JSON, ASCII."""


class BadEntriesError(Exception):
    """CloudWatch will never take these records."""


Write: TypeAlias = Callable[[str, list[LogEntry]], int]
"""Writes records to a log group and returns how many were turned away for good; it may block, and
raises BadEntriesError when none will ever be taken, anything else when it may be tried again."""


class LogSink:
    """Takes records and brings them to their log groups."""

    def __init__(
        self,
        write: Write,
        *,
        log: Logger,
        longest_queue: int = LONGEST_QUEUE,
        largest_queue_bytes: int = LARGEST_QUEUE_BYTES,
        window_s: float = WINDOW_S,
        first_retry_s: float = FIRST_RETRY_S,
    ) -> None:
        self._write = write
        self._log = log
        self._longest = longest_queue
        self._largest = largest_queue_bytes
        self._window_s = window_s
        self._waiting: dict[str, deque[LogEntry]] = {}
        self._due: dict[str, None] = {}
        """Groups that have waited for company long enough, and now wait for a thread."""
        self._under_way: set[str] = set()
        self._queued = 0
        self._queued_bytes = 0
        self._dropped = 0
        self._is_failing = False
        self._backoff = Backoff(first_s=first_retry_s, longest_s=LONGEST_RETRY_S)
        self._timer: asyncio.TimerHandle | None = None
        # Threads of their own: rows and records are not held up by them.
        self._threads = ThreadPoolExecutor(GROUPS_AT_ONCE, thread_name_prefix="logs")

    @property
    def pending(self) -> int:
        """Return how many records are not written yet."""
        return self._queued

    def take(self, entry: WriteLog) -> None:
        """Write a record soon, or let it go when too many wait."""
        message = json.dumps(entry.record, separators=(",", ":"))
        if self._queued >= self._longest or self._queued_bytes + len(message) > self._largest:
            self._drop(1, "the queue is full")
            return
        waiting = self._waiting.setdefault(entry.log.group(entry.connector_id), deque())
        waiting.append(LogEntry(round(entry.at.timestamp() * 1000), message))
        self._queued += 1
        self._queued_bytes += len(message)
        if self._timer is None:
            self._wait(self._window_s)

    def flush(self) -> None:
        """Write without waiting for company; a pause after a failure stands."""
        if not self._is_failing:
            self._window_over()

    def _wait(self, delay_s: float) -> None:
        self._timer = asyncio.get_running_loop().call_later(delay_s, self._window_over)

    def _window_over(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._due |= dict.fromkeys(self._waiting)
        self._send()

    def _send(self) -> None:
        """Send a batch of every group that is due and has none under way, as far as threads go."""
        most = 1 if self._is_failing else GROUPS_AT_ONCE
        loop = asyncio.get_running_loop()
        for group in [group for group in self._due if group not in self._under_way]:
            if len(self._under_way) >= most:
                break
            batch = self._next_batch(group)
            self._under_way.add(group)
            sending = loop.run_in_executor(self._threads, self._attempt, group, batch)
            sending.add_done_callback(partial(self._done, group, batch))

    def _next_batch(self, group: str) -> list[LogEntry]:
        waiting, batch, size = self._waiting[group], list[LogEntry](), 0
        while waiting and len(batch) < RECORDS_AT_ONCE:
            size += len(waiting[0].message) + OVERHEAD_BYTES
            if batch and size > BYTES_AT_ONCE:
                break
            batch.append(waiting.popleft())
        if not waiting:
            del self._waiting[group], self._due[group]
        return batch

    def _attempt(self, group: str, batch: list[LogEntry]) -> int | Exception:
        """Write in another thread."""
        try:
            return self._write(group, batch)
        except Exception as error:
            return error

    def _done(
        self, group: str, batch: list[LogEntry], done: "asyncio.Future[int | Exception]"
    ) -> None:
        self._under_way.discard(group)
        result = done.result()
        if isinstance(result, Exception) and not isinstance(result, BadEntriesError):
            self._failed(group, batch, result)
            return
        self._queued -= len(batch)
        self._queued_bytes -= sum([len(entry.message) for entry in batch])
        if isinstance(result, BadEntriesError):
            self._drop(len(batch), first_line(result))
        elif result:
            self._drop(result, "CloudWatch takes none that are so old, or of the future")
        if self._is_failing:
            self._is_failing = False
            self._backoff.reset()
            self._log("logs-back", {"group": group})
        self._send()

    def _failed(self, group: str, batch: list[LogEntry], error: Exception) -> None:
        """Put a batch back and pause; its group goes to the end, lest it hold up the others."""
        came_meanwhile = self._waiting.pop(group, deque())
        self._waiting[group] = deque([*batch, *came_meanwhile])
        self._due.pop(group, None)
        if not self._is_failing:
            self._is_failing = True
            self._log("logs-refused", {"group": group, "error": first_line(error)})
        if self._timer is not None:
            self._timer.cancel()
        self._wait(self._backoff.next_s())

    def _drop(self, count: int, reason: str) -> None:
        """Count records that are lost; tell of the first, and whenever the sum has doubled."""
        before, self._dropped = self._dropped, self._dropped + count
        if before.bit_length() != self._dropped.bit_length():
            self._log("log-records-dropped", {"reason": reason, "total": self._dropped})
