"""Records of calls on their way into S3: many at a time, each exactly one object (EDGE C9, C10).

A record's key and bytes are functions of the record, and the PUT carries If-None-Match: *, so that
trying again never makes a second object. While a bucket refuses, one record at a time probes it;
the first that goes through opens the way for all. A record that always fails therefore goes to the
end of the queue and holds up nobody. Each bucket has its own queue and its own luck.

What there is no room for, or what has waited for a day, is left to its row: that says that the
object is due, and brings it back (edge/runtime/due_rows.py). Only what has no row is given up.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import NamedTuple, Protocol

from obstore.exceptions import AlreadyExistsError, PermissionDeniedError, UnauthenticatedError

from edge.runtime.aws_messages import RecordOutcome
from edge.runtime.backoff import Backoff
from edge.runtime.log import Logger
from edge.seam import Record, WriteRecord
from model.cdr import CallDetailRecord, CallStatus
from model.cdr_reader import NotARecord, ReadRecord, read_record
from model.metrics import BUCKET_DENIED

PUTS_IN_FLIGHT = 64
"""At S3's 30 ms or so per PUT this is 2,000 records per second, far above what a node makes."""
LONGEST_QUEUE = 20_000
"""About 20 MB; more than an hour of calls at a node's usual rate while S3 is away."""
LONGEST_CARE_S = 86_400.0
"""EDGE C10: 24 h."""
FIRST_RETRY_S = 0.5
LONGEST_RETRY_S = 20.0
"""Below the 60 s that a record may take (EDGE C9), even when S3 comes back at the worst moment."""
DENIED = (
    "`ovc cdr check-bucket` prints the policy that the bucket needs and tests it; records are kept "
    "and go out as soon as they may"
)
LEFT = "their rows say that they are due: they are stored when S3 takes them"
KEY_TAKEN = (
    "the record of this call is not stored: remove what is there, or take the call from its row"
)
_DENIALS = ("AccessDenied", "AllAccessDisabled", "InvalidAccessKeyId", "SignatureDoesNotMatch")


class Bucket(Protocol):
    """One bucket, for writing."""

    async def create(self, key: str, body: bytes) -> None:
        """Write an object; raises AlreadyExistsError when it exists, anything when that failed."""

    async def read(self, key: str) -> bytes | None:
        """Return an object, None when we may not see it; raises anything when that failed."""


Settled = Callable[[str, Record, RecordOutcome], None]
"""Hears what became of a bucket's record."""
Replaced = Callable[[CallDetailRecord, ReadRecord], None]
"""Hears, before that, which other record of a call is in the place of ours."""


class _Waiting(NamedTuple):
    record: Record
    since: float


class CdrSink:
    """Takes records and settles every one of them: stored, already there, or given up."""

    def __init__(
        self,
        *,
        open_bucket: Callable[[str], Bucket],
        settled: Settled,
        log: Logger,
        may_leave: Callable[[Record], bool] = lambda record: False,
        replaced: Replaced = lambda record, there: None,
        longest_queue: int = LONGEST_QUEUE,
        first_retry_s: float = FIRST_RETRY_S,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`may_leave` tells whether a record's row says that the object is due."""
        self._open = partial(
            BucketQueue,
            settled=settled,
            may_leave=may_leave,
            replaced=replaced,
            log=log,
            longest=longest_queue,
            first_retry_s=first_retry_s,
            monotonic=monotonic,
        )
        self._open_bucket = open_bucket
        self._queues: dict[str, BucketQueue] = {}

    def take(self, command: WriteRecord) -> None:
        """Take responsibility for a record."""
        queue = self._queues.get(command.bucket)
        if queue is None:
            queue = self._open(command.bucket, self._open_bucket(command.bucket))
            self._queues[command.bucket] = queue
        queue.take(command.record)

    @property
    def pending(self) -> int:
        """Return how many records are not settled yet."""
        return sum(queue.pending for queue in self._queues.values())

    @property
    def is_failing(self) -> bool:
        """Tell whether a bucket refuses at present."""
        return any(queue.is_failing for queue in self._queues.values())


class BucketQueue:
    """The records of one bucket that are not settled yet.

    Answered calls are money: their detail records go first, and when the queue is full the oldest
    other one, of a refused call or of quality, is given up before any of theirs (EDGE C10).
    """

    def __init__(
        self,
        name: str,
        bucket: Bucket,
        *,
        settled: Settled,
        may_leave: Callable[[Record], bool],
        replaced: Replaced,
        log: Logger,
        longest: int,
        first_retry_s: float,
        monotonic: Callable[[], float],
    ) -> None:
        self._name = name
        self._bucket = bucket
        self._settled = settled
        self._may_leave = may_leave
        self._replaced = replaced
        self._log = log
        self._longest = longest
        self._monotonic = monotonic
        self._answered: deque[_Waiting] = deque()
        self._others: deque[_Waiting] = deque()
        self._puts: set[asyncio.Task[RecordOutcome | Exception]] = set()
        self._backoff = Backoff(first_s=first_retry_s, longest_s=LONGEST_RETRY_S)
        self._failing_since: float | None = None
        self._problem = ""
        """The event that was told of it."""
        self._pause: asyncio.TimerHandle | None = None
        self._given_up = self._left = 0

    @property
    def pending(self) -> int:
        """Return how many records wait or are under way."""
        return len(self._answered) + len(self._others) + len(self._puts)

    @property
    def is_failing(self) -> bool:
        """Tell whether the bucket refuses at present."""
        return self._failing_since is not None

    def take(self, record: Record) -> None:
        """Queue a record and send what may be sent now."""
        self._enqueue(_Waiting(record, self._monotonic()))
        self._send_some()

    def _enqueue(self, waiting: _Waiting) -> None:
        record = waiting.record
        completed = record.status is CallStatus.COMPLETED
        is_money = completed and isinstance(record, CallDetailRecord)
        (self._answered if is_money else self._others).append(waiting)
        if len(self._answered) + len(self._others) > self._longest:
            oldest = (self._others or self._answered).popleft()
            self._let_go(oldest.record, "the queue is full")

    def _send_some(self) -> None:
        if self._pause is not None:
            return
        at_once = PUTS_IN_FLIGHT if self._failing_since is None else 1
        while (self._answered or self._others) and len(self._puts) < at_once:
            waiting = (self._answered or self._others).popleft()
            put = asyncio.get_running_loop().create_task(self._put(waiting.record))
            self._puts.add(put)
            put.add_done_callback(partial(self._put_done, waiting))

    async def _put(self, record: Record) -> RecordOutcome | Exception:
        try:
            await self._bucket.create(record.key(), record.body())
        except AlreadyExistsError:
            return await self._met(record)
        except Exception as error:
            # Whatever it is, of the store, the credentials or our own: the record stays in care.
            return error
        return RecordOutcome.STORED

    async def _met(self, record: Record) -> RecordOutcome | Exception:
        """Find out whether the object that is there is ours; what is there rules (EDGE C9)."""
        if not isinstance(record, CallDetailRecord):
            return RecordOutcome.ALREADY_THERE
        try:
            body = await self._bucket.read(record.key())
        except Exception as error:
            return error
        if body is None or body == record.body():
            return RecordOutcome.ALREADY_THERE
        try:
            there = read_record(record.key(), body)
        except NotARecord as error:
            self._tell_of("record-key-taken", record, error=str(error), hint=KEY_TAKEN)
            return RecordOutcome.KEY_TAKEN
        self._tell_of("record-replaced", record, by=there.status_message)
        self._replaced(record, there)
        return RecordOutcome.REPLACED

    def _put_done(self, waiting: _Waiting, put: "asyncio.Task[RecordOutcome | Exception]") -> None:
        self._puts.discard(put)
        result = put.result()
        if isinstance(result, Exception):
            self._failed(waiting, result)
        else:
            self._succeeded(waiting.record, result)
        self._send_some()

    def _succeeded(self, record: Record, outcome: RecordOutcome) -> None:
        if self._failing_since is not None:
            away_s = round(self._monotonic() - self._failing_since, 1)
            self._log("bucket-back", {"bucket": self._name, "away_s": away_s})
            self._failing_since, self._problem = None, ""
        self._backoff.reset()
        self._settled(self._name, record, outcome)

    def _failed(self, waiting: _Waiting, error: Exception) -> None:
        now = self._monotonic()
        if self._failing_since is None:
            self._failing_since = now
        self._tell_problem(error)
        if now - waiting.since > LONGEST_CARE_S:
            self._let_go(waiting.record, "24 h have passed")
        else:
            self._enqueue(waiting)
        if self._pause is None:
            loop = asyncio.get_running_loop()
            self._pause = loop.call_later(self._backoff.next_s(), self._pause_over)

    def _pause_over(self) -> None:
        self._pause = None
        self._send_some()

    def _tell_problem(self, error: Exception) -> None:
        """Tell of an outage, and again when it turns out to be a matter of rights."""
        event, fields = "bucket-refuses", {"bucket": self._name, "error": first_line(error)}
        if is_denial(error):
            event, fields["hint"] = BUCKET_DENIED, DENIED
        if event != self._problem and self._problem != BUCKET_DENIED:
            self._problem = event
            self._log(event, fields)

    def _tell_of(self, event: str, record: CallDetailRecord, **fields: str) -> None:
        whose = {"key": record.key(), "transaction_id": record.transaction_id}
        self._log(event, {"bucket": self._name, **whose, **fields})

    def _let_go(self, record: Record, reason: str) -> None:
        """Leave a record to its row, of which the first, the second, the fourth and so on is told;
        without one give it up."""
        if not self._may_leave(record):
            self._give_up(record, reason)
            return
        self._left += 1
        if self._left & (self._left - 1) == 0:
            fields = {"bucket": self._name, "reason": reason, "hint": LEFT}
            self._log("records-left", {**fields, "total": self._left})
        self._settled(self._name, record, RecordOutcome.LEFT)

    def _give_up(self, record: Record, reason: str) -> None:
        self._given_up += 1
        self._log(
            "record-given-up",
            {
                "bucket": self._name,
                "key": record.key(),
                "transaction_id": record.transaction_id,
                "status": record.status.value,
                "reason": reason,
                "given_up": self._given_up,
            },
        )
        self._settled(self._name, record, RecordOutcome.GIVEN_UP)


def is_denial(error: Exception) -> bool:
    """Tell whether an error says that we have no right to write."""
    if isinstance(error, PermissionDeniedError | UnauthenticatedError):
        return True
    return any(code in str(error) for code in _DENIALS)


def first_line(error: Exception) -> str:
    """Return what an error says in one line; the libraries below append pages of debugging."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
