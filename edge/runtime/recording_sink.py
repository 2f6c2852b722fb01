"""Recordings on their way into S3: kept in memory until they are over, then one object each.

Nothing of a recording is ever on a disk, and nothing of it in the bucket before it is whole: a node
that dies takes what it was recording along.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import NamedTuple, Protocol

from edge.media.pcap import FILE_HEADER, in_order
from edge.runtime.cdr_sink import first_line
from edge.runtime.log import Logger
from edge.seam import RecordingBegun, RecordingGrew, RecordingOver, RecordingRefused, RecordingStep
from model.recordings import CONTENT_TYPE, Recording, RecordingState

TRIES = 5
PAUSE_S = 0.5
"""Twice this before the second attempt to write a row; each further pause is twice as long."""


class Bucket(Protocol):
    """One bucket, for writing."""

    async def create(self, key: str, body: bytes, content_type: str) -> None:
        """Write an object; raises anything when that failed."""


class _Open(NamedTuple):
    begun: RecordingBegun
    records: bytearray


class RecordingSink:
    """Takes recordings step by step, stores them, and writes how each of them stands."""

    def __init__(
        self,
        *,
        open_bucket: Callable[[str], Bucket],
        write: Callable[[Recording], None],
        settled: Callable[[str], None],
        log: Logger,
        pause_s: float = PAUSE_S,
    ) -> None:
        """`write` writes a row, may block and raise; `settled` hears the TransactionId of each
        recording that needs no more care."""
        self._open_bucket = open_bucket
        self._write = write
        self._settled = settled
        self._log = log
        self._pause_s = pause_s
        self._open: dict[str, _Open] = {}
        # One thread: rows of a recording are written in their order.
        self._writing = ThreadPoolExecutor(1, thread_name_prefix="recordings")
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def pending(self) -> int:
        """Return how many objects and rows are on their way."""
        return len(self._tasks)

    def take(self, step: RecordingStep) -> None:
        """Take the next step of a recording."""
        match step:
            case RecordingBegun(order, bucket, key):
                self._open[order.transaction_id] = _Open(step, bytearray())
                running = RecordingState.RUNNING
                row = Recording(order=order, state=running, bucket=bucket, object_key=key)
                self._do(self._tell(row))
            case RecordingGrew(transaction_id, records):
                opened = self._open.get(transaction_id)
                if opened is not None:
                    opened.records.extend(records)
            case RecordingOver(order):
                self._do(self._finish(step, self._open.pop(order.transaction_id, None)))
            case RecordingRefused(order, reason):
                row = Recording(order=order, state=RecordingState.FAILED, reason=reason)
                self._do(self._tell(row))

    def _do(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _finish(self, over: RecordingOver, opened: _Open | None) -> None:
        await self._tell(await self._stored(over, opened))
        self._settled(over.order.transaction_id)

    async def _stored(self, over: RecordingOver, opened: _Open | None) -> Recording:
        """Store an object; return the row that says so, or why there is none."""
        order = over.order
        failed = Recording(order=order, state=RecordingState.FAILED)
        if opened is None:
            return self._lost(failed, "the process that kept it has died")
        _, bucket, key = opened.begun
        try:
            # Media workers report a little later than signalling does.
            body = FILE_HEADER + in_order(bytes(opened.records))
            await self._open_bucket(bucket).create(key, body, CONTENT_TYPE)
        except Exception as error:
            # Whatever it is, of the store, the credentials or our own: whoever waits is told.
            return self._lost(failed, f"it could not be stored: {first_line(error)}")
        size = len(body)
        about = {"transaction_id": order.transaction_id, "bucket": bucket, "key": key}
        self._log("recording-stored", {**about, "bytes": size, "ordered_by": order.ordered_by})
        return Recording(
            order=order,
            state=RecordingState.STORED,
            bucket=bucket,
            object_key=key,
            size=size,
            reason=over.why.value,
        )

    def _lost(self, failed: Recording, reason: str) -> Recording:
        self._log(
            "recording-lost", {"transaction_id": failed.order.transaction_id, "reason": reason}
        )
        return replace(failed, reason=reason)

    async def _tell(self, row: Recording) -> None:
        """Write a row; what the table does not take is let go in the end, and told."""
        loop = asyncio.get_running_loop()
        error = await loop.run_in_executor(self._writing, self._write_patiently, row)
        if error is not None:
            about = {"transaction_id": row.order.transaction_id, "state": row.state.value}
            self._log("recording-untold", {**about, "error": first_line(error)})

    def _write_patiently(self, row: Recording) -> Exception | None:
        refused: Exception | None = None
        for attempt in range(TRIES):
            if attempt:
                time.sleep(self._pause_s * 2**attempt)
            try:
                self._write(row)
                return None
            except Exception as error:
                # Throttled, away, or anything else.
                refused = error
        return refused
