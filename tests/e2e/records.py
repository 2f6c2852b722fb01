"""Detail records as they lie in the bucket, compared octet by octet with EDGE C1-C7."""

import json
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

_PREFIX = "Amazon-Chime-Voice-Connector-CDRs/json"
_UUID4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class StoredRecord(NamedTuple):
    """One object."""

    key: str
    body: bytes
    members: Mapping[str, str | int]


class Window:
    """The wall-clock time in which a call happened."""

    def __init__(self) -> None:
        self.began_ms = _now_ms()
        self.ended_ms: int | None = None

    def holds(self, *moments: str | int) -> bool:
        """Tell whether these moments, in epoch milliseconds, follow each other inside it."""
        assert self.ended_ms is not None, "the window is still open"
        times = [self.began_ms, *(int(moment) for moment in moments), self.ended_ms]
        return times == sorted(times)


@contextmanager
def window() -> Iterator[Window]:
    """Note the time in which the block runs."""
    opened = Window()
    yield opened
    opened.ended_ms = _now_ms()


def assert_record(
    record: StoredRecord,
    during: Window,
    *,
    connector_id: str,
    call_id: str,
    from_number: str,
    to_number: str,
    disposition: str,
    status: str = "Completed",
    status_message: str = "Normal Call Clearing",
    auth_user: str | None = None,
) -> None:
    """Compare a record whole: every member, their order and spelling, and the key (EDGE C1-C6).

    What a test cannot know beforehand, the id and the two times, is checked on its own and then
    taken over; everything else must be exactly so.
    """
    told = record.members
    identity, start, end = str(told["TransactionId"]), told["StartTime"], told["EndTime"]
    assert _UUID4.fullmatch(identity), identity
    assert isinstance(start, int) and isinstance(end, int)
    assert during.holds(start, end), (during.began_ms, start, end, during.ended_ms)
    billable = 6 * -(-(end - start) // 6_000) if status == "Completed" else 0
    expected: dict[str, str | int] = {
        "AwsAccountId": "000000000000",
        "TransactionId": identity,
        "CallId": call_id,
        "VoiceConnectorId": connector_id,
        "FromNumber": from_number,
        "ToNumber": to_number,
        "StatusMessage": status_message,
        "Disposition": disposition,
        "Status": status,
        **({} if auth_user is None else {"SipAuthUser": auth_user}),
        "BillableDuration": billable,
        "StartTime": start,
        "EndTime": end,
    }
    assert told == expected
    assert record.body == json.dumps(expected, separators=(",", ":")).encode()
    moment = _EPOCH + timedelta(milliseconds=start)
    stamp = f"{moment:%Y/%m/%d/%H.%M.%S}.{start % 1000:03d}"
    assert record.key == f"{_PREFIX}/{connector_id}/{stamp}_{identity}"


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
