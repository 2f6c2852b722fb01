"""Records by the thousand: in order, from few requests, and never many at a time."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from threading import Lock

import pytest

from cli.errors import CommandError
from cli.records.bucket import Listed, ObjectGone, Page
from cli.records.progress import progress_text
from cli.records.stream import OBJECTS_AHEAD, RecordStream
from cli.records.wanted import Wanted
from model.cdr import CallDetailRecord
from model.record_form import KEY_PREFIX
from tests.cli.records.samples import NOON, a_call

PAGE = 1_000
CONNECTORS = [f"c{number:021d}" for number in range(20)]


DAY = datetime(2026, 11, 20, tzinfo=UTC)


def call_of(connector: str, second: int) -> CallDetailRecord:
    """Return the call that a connector has at a second of the day."""
    return a_call(second, connector_id=connector, started_at=DAY + timedelta(seconds=second))


class EndlessBucket:
    """Stands for a bucket in which each of some connectors has a call every second of a day."""

    name = "endless"

    def __init__(self) -> None:
        self.pages = 0
        self.reads = 0
        self.gone: set[str] = set()
        self.broken: set[str] = set()
        self._lock = Lock()

    def folders(self, prefix: str) -> Iterator[str | Listed]:
        yield from (f"{prefix}{connector}/" for connector in CONNECTORS)

    def page(
        self, prefix: str, *, after: str = "", token: str | None = None, folded: bool = False
    ) -> Page:
        """Return keys from the token on, or from a key's moment; a token is a second's number."""
        with self._lock:
            self.pages += 1
        first = int(token) if token else self._second_behind(after, prefix)
        connector = prefix.split("/")[-2]
        numbers = range(first, min(first + PAGE, 86_400))
        keys = [Listed(call_of(connector, it).key(), 500, NOON) for it in numbers]
        following = first + PAGE
        return Page(keys, [], str(following) if following < 86_400 else None)

    def read(self, key: str) -> bytes:
        with self._lock:
            self.reads += 1
        if key in self.gone:
            raise ObjectGone(key)
        if key in self.broken:
            raise CommandError("S3 is away")
        *_, connector, year, month, day, name = key.split("/")
        moment = datetime.strptime(f"{year}{month}{day}{name[:8]}Z", "%Y%m%d%H.%M.%S%z")
        return call_of(connector, round((moment - DAY).total_seconds())).body()

    @staticmethod
    def _second_behind(after: str, prefix: str) -> int:
        if not after:
            return 0
        moment = datetime.strptime(after[len(prefix) :] + "Z", "%Y/%m/%d/%H.%M.%S.%f%z")
        return max(0, -int(-(moment - DAY).total_seconds() // 1))


def stream_of(bucket: EndlessBucket, **choice: object) -> tuple[RecordStream, list[str]]:
    told: list[str] = []
    wanted = Wanted(**choice)  # type: ignore[arg-type]  # of several types
    # The bucket is one by its methods.
    return RecordStream(bucket, KEY_PREFIX, wanted, tell=told.append), told  # type: ignore[arg-type]


def test_few_objects_are_held_however_many_there_are() -> None:
    bucket = EndlessBucket()
    stream, _ = stream_of(bucket)
    for taken, found in enumerate(stream.records()):
        assert bucket.reads - taken <= OBJECTS_AHEAD
        assert found.record.connector_id == CONNECTORS[0]
        if taken == 5_000:
            break
    # Six pages of the first connector, and the first one of those that come next.
    assert bucket.pages <= 6 + 1 + 8


def test_a_span_of_time_is_one_stretch_of_each_connectors_list() -> None:
    bucket = EndlessBucket()
    stream, _ = stream_of(bucket, since=NOON, before=NOON + timedelta(seconds=10))
    found = [(it.record.connector_id, it.record.started_at) for it in stream.records()]
    assert found == [
        (connector, NOON + timedelta(seconds=second))
        for connector in CONNECTORS
        for second in range(10)
    ]
    assert bucket.pages == len(CONNECTORS)
    assert bucket.reads == stream.counts.listed == stream.counts.wanted == 200
    assert stream.listing.connectors_done == stream.listing.connectors == len(CONNECTORS)


def test_of_one_connector_no_other_is_asked() -> None:
    bucket = EndlessBucket()
    stream, _ = stream_of(bucket, connector_id=CONNECTORS[7], before=DAY + timedelta(seconds=3))
    assert [it.record.connector_id for it in stream.records()] == [CONNECTORS[7]] * 3
    assert bucket.pages == 1


def test_keys_are_listed_without_reading() -> None:
    bucket = EndlessBucket()
    stream, _ = stream_of(bucket, connector_id=CONNECTORS[0])
    assert sum(1 for _ in stream.keys()) == 86_400
    assert (bucket.pages, bucket.reads) == (87, 0)


def test_what_went_meanwhile_is_counted() -> None:
    bucket = EndlessBucket()
    bucket.gone = {call_of(CONNECTORS[0], second).key() for second in (1, 2)}
    stream, told = stream_of(bucket, connector_id=CONNECTORS[0], before=DAY + timedelta(seconds=5))
    assert len(list(stream.records())) == 3
    assert (stream.counts.gone, stream.counts.skipped, told) == (2, 0, [])


def test_an_object_that_cannot_be_read_ends_everything() -> None:
    bucket = EndlessBucket()
    bucket.broken = {call_of(CONNECTORS[0], 3).key()}
    stream, _ = stream_of(bucket, connector_id=CONNECTORS[0], before=DAY + timedelta(seconds=5))
    found = stream.records()
    assert len([next(found) for _ in range(3)]) == 3
    with pytest.raises(CommandError, match="S3 is away"):
        next(found)


def test_progress_is_known_where_the_time_is() -> None:
    bucket = EndlessBucket()
    stream, _ = stream_of(
        bucket, connector_id=CONNECTORS[0], since=DAY - timedelta(days=3), before=NOON
    )
    records = stream.records()
    next(records)
    assert 0.8 < stream.listing.connector_share < 1.0
    stream.counts.skipped = 1_234
    listed = stream.counts.listed
    assert progress_text(stream) == f"1 of {listed:,} records, 1,234 no records"
