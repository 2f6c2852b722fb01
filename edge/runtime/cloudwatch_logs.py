"""CloudWatch Logs through boto3: records into log groups that are made when first needed."""

from threading import Lock
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from edge.runtime.log_sink import BadEntriesError, LogEntry

CLIENT = Config(connect_timeout=2.0, read_timeout=5.0, retries={"total_max_attempts": 2})
_NOT_THERE = "ResourceNotFoundException"
_EXISTS = "ResourceAlreadyExistsException"
_BAD_ENTRIES = frozenset({"InvalidParameterException"})


class CloudWatchLogs:
    """Writes to one stream of each log group; its methods block, in whatever thread."""

    def __init__(self, region: str, stream: str) -> None:
        """`stream` is the node's alone: two writers of one would meet in its order."""
        self._region = region
        self._stream = stream
        self._making = Lock()
        # botocore makes its clients at run time: they have no static type.
        self._made: Any = None

    def write(self, group: str, entries: list[LogEntry]) -> int:
        """Write records; return how many were turned away (edge/runtime/log_sink.py)."""
        try:
            return self._put(group, entries)
        except ClientError as error:
            if _code(error) != _NOT_THERE:
                raise
        self._create(group)
        return self._put(group, entries)

    def _put(self, group: str, entries: list[LogEntry]) -> int:
        events = [{"timestamp": it.at_ms, "message": it.message} for it in sorted(entries)]
        try:
            answer = self._client().put_log_events(
                logGroupName=group, logStreamName=self._stream, logEvents=events
            )
        except ClientError as error:
            if _code(error) in _BAD_ENTRIES:
                raise BadEntriesError(str(error)) from error
            raise
        rejected = answer.get("rejectedLogEventsInfo") or {}
        return len(_rejected(rejected, len(events)))

    def _create(self, group: str) -> None:
        """Make the group, unless it is there, and the stream."""
        client = self._client()
        for create, names in (
            (client.create_log_group, {"logGroupName": group}),
            (client.create_log_stream, {"logGroupName": group, "logStreamName": self._stream}),
        ):
            try:
                create(**names)
            except ClientError as error:
                if _code(error) != _EXISTS:
                    raise

    def _client(self) -> Any:
        with self._making:
            if self._made is None:
                session = boto3.Session(region_name=self._region)
                self._made = session.client("logs", config=CLIENT)
            return self._made


def _rejected(info: dict[str, int], count: int) -> set[int]:
    """Return which of the events were not taken: those before an end, and those from a start."""
    gone: set[int] = set()
    for name in ("tooOldLogEventEndIndex", "expiredLogEventEndIndex"):
        gone |= set(range(min(count, info.get(name, 0))))
    return gone | set(range(info.get("tooNewLogEventStartIndex", count), count))


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code"))
