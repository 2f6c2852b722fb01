"""Records out of a bucket, one after the other, however many there are.

A few hundred objects are under way at a time and nothing is kept: a million records take the memory
of one thousand. What is no record is told with its reason, counted and left out; an object that
cannot be read ends everything, because what is missing then would look as if it had never been.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from cli.records.ahead import ahead
from cli.records.bucket import Listed, ObjectGone, RecordBucket
from cli.records.listing import RecordListing
from cli.records.wanted import Wanted
from model.cdr_reader import (
    MOST_OCTETS,
    NotARecord,
    ReadRecord,
    read_key,
    read_record,
)

READERS = 32
"""Threads; a GET takes S3 some 20 ms."""
OBJECTS_AHEAD = 256


class Found(NamedTuple):
    """A record and its object."""

    record: ReadRecord
    body: bytes


@dataclass(slots=True)
class Counts:
    """What a stream has met so far."""

    listed: int = 0
    """Objects that may be wanted by their keys."""
    wanted: int = 0
    """Records that were given out."""
    skipped: int = 0
    """Objects that are no records."""
    gone: int = 0
    """Objects that went after they were listed, by a lifecycle rule or somebody's hand."""


class RecordStream:
    """The wanted records of a bucket, in the order of their keys: by connector, then by time."""

    def __init__(
        self,
        bucket: RecordBucket,
        key_prefix: str,
        wanted: Wanted,
        *,
        tell: Callable[[str], None],
    ) -> None:
        """`tell` takes a line on each object that is no record."""
        self.bucket = bucket
        self.counts = Counts()
        self.listing = RecordListing(bucket, key_prefix, wanted)
        self._wanted = wanted
        self._tell = tell

    def keys(self) -> Iterator[Listed]:
        """Yield the objects whose keys are those of wanted records; nothing is read."""
        with _pool() as pool:
            yield from self._fitting(self.listing.objects(pool))

    def records(self, objects: Iterator[Listed] | None = None) -> Iterator[Found]:
        """Yield the wanted records, or those among some objects that `keys` has given."""
        with _pool() as pool:
            listed = self._fitting(self.listing.objects(pool)) if objects is None else objects
            for found in ahead(pool, partial(_read, self.bucket), listed, OBJECTS_AHEAD):
                record = self._judged(*found)
                if record is not None and self._wanted.fits(record.record):
                    self.counts.wanted += 1
                    yield record

    def _fitting(self, objects: Iterator[Listed]) -> Iterator[Listed]:
        for listed in objects:
            try:
                fits = self._wanted.fits_key(read_key(listed.key))
                if listed.size > MOST_OCTETS:
                    raise NotARecord(f"it has {listed.size} octets")
            except NotARecord as reason:
                self._skip(listed.key, reason)
                continue
            if fits:
                self.counts.listed += 1
                yield listed

    def _judged(self, listed: Listed, body: bytes | None) -> Found | None:
        if body is None:
            self.counts.gone += 1
            return None
        try:
            return Found(read_record(listed.key, body), body)
        except NotARecord as reason:
            self._skip(listed.key, reason)
            return None

    def _skip(self, key: str, reason: NotARecord) -> None:
        self.counts.skipped += 1
        where = "".join(it if it.isprintable() else ascii(it)[1:-1] for it in key)
        self._tell(f"s3://{self.bucket.name}/{where} is no call detail record: {reason}")


def _read(bucket: RecordBucket, listed: Listed) -> tuple[Listed, bytes | None]:
    try:
        return listed, bucket.read(listed.key)
    except ObjectGone:
        return listed, None


@contextmanager
def _pool() -> Iterator[Executor]:
    """Give threads; whoever stops early waits for no more than what is under way."""
    pool = ThreadPoolExecutor(READERS, thread_name_prefix="records")
    try:
        yield pool
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
