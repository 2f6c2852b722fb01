"""Journals that other processes have left behind: what the table never got of them, it gets now.

A node that was killed, or its AWS worker, leaves a file that nobody has locked. What is in it goes
into the table under the name of the node that wrote it, unless the table knows better by now: the
reaper may have closed a call meanwhile (EDGE C9). Files stay until all of it is there. What cannot
be read is told of and kept, never removed.
"""

import fcntl
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import boto3
from botocore.exceptions import ClientError, ParamValidationError

from edge.runtime.backoff import Backoff
from edge.runtime.cdr_sink import first_line
from edge.runtime.journal_file import SUFFIX
from edge.runtime.journal_lines import Content, Entry, ForeignJournalError, content_of
from edge.runtime.log import Logger
from edge.runtime.row_writer import CLIENT
from model.call_items import due_bucket_of, has_ended, seen
from model.codec import encode, moment_text
from model.tables import CALLS, NODE, NODES, key

KEPT_SUFFIX = ".damaged"
FIRST_RETRY_S = 0.5
LONGEST_RETRY_S = 10.0
_CONDITION_FAILED = "ConditionalCheckFailedException"
_BAD_ROW = {"ValidationException", "SerializationException"}
_NOT_ENDED = "attribute_not_exists(ended_at)"
_NOT_DONE = "attribute_not_exists(ended_at) OR attribute_exists(#bucket)"


class _Tally(NamedTuple):
    written: int
    superseded: int
    refused: int


class Replay:
    """Brings the journals of a directory into the tables of a deployment."""

    # botocore makes its clients at run time: they have no static type.
    def __init__(
        self,
        directory: Path,
        client: Any,
        *,
        prefix: str,
        log: Logger,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._directory = directory
        self._client = client
        self._prefix = prefix
        self._calls = CALLS.physical_name(prefix)
        self._nodes = NODES.physical_name(prefix)
        self._log = log
        self._sleep = sleep
        self._rows = 0

    @classmethod
    def over(cls, directory: Path, session: boto3.Session, prefix: str, log: Logger) -> "Replay":
        """Return the replay into a deployment's tables."""
        client = session.client("dynamodb", config=CLIENT)
        return cls(directory, client, prefix=prefix, log=log)

    def run(self) -> int:
        """Replay every journal that nobody has, and return how many rows the table got; it takes as
        long as the table is away."""
        kept = [path.name for path in self._directory.glob(f"*{KEPT_SUFFIX}")]
        if kept:
            hint = "look at them, and remove them when nobody misses a record"
            self._tell("journals-kept-aside", self._directory, files=len(kept), hint=hint)
        for path in sorted(self._directory.glob(f"*{SUFFIX}")):
            try:
                self._take(path)
            except OSError as error:
                hint = "it stays as it is, for the next start"
                self._tell("journal-unreadable", path, error=str(error), hint=hint)
        return self._rows

    def _take(self, path: Path) -> None:
        try:
            descriptor = os.open(path, os.O_RDWR)
        except FileNotFoundError:
            return  # Another process was faster, and is done with it.
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if path.exists():
                self._replay(path, path.read_bytes())
        except BlockingIOError:
            pass  # Its process is alive.
        finally:
            os.close(descriptor)

    def _replay(self, path: Path, data: bytes) -> None:
        if not data:
            path.unlink()  # Its process died before it had written even whose it was.
            return
        try:
            content = content_of(data)
        except ForeignJournalError as error:
            self._tell("journal-unreadable", path, hint=str(error))
            return
        if content.header.prefix != self._prefix:
            hint = f"it is of the deployment {content.header.prefix!r}, whose edges read it"
            self._tell("journal-unreadable", path, hint=hint)
            return
        tally = self._write(content)
        self._rows += tally.written
        if content.damaged or tally.refused:
            path.rename(path.with_suffix(KEPT_SUFFIX))
            self._tell(
                "journal-damaged",
                path.with_suffix(KEPT_SUFFIX),
                lines=content.damaged,
                rows=tally.refused,
                hint="the rest of it is in the table; what a crash cut off was not confirmed to "
                "anybody. Keep the file until the records of that time are complete",
            )
        else:
            path.unlink()
        if content.entries or content.damaged:
            self._tell("journal-replayed", path, node=content.header.node_id, **tally._asdict())

    def _write(self, content: Content) -> _Tally:
        outcomes = [self._until_it_is_there(content, entry) for entry in content.entries.values()]
        if content.seen_at is not None:
            self._patiently(lambda: self._renew(content.header.node_id, content))
        return _Tally(*(outcomes.count(it) for it in ("written", "superseded", "refused")))

    def _until_it_is_there(self, content: Content, entry: Entry) -> str:
        return self._patiently(lambda: self._write_row(content, entry))

    def _patiently(self, attempt: Callable[[], None]) -> str:
        """Try until the table says yes or no."""
        backoff = Backoff(first_s=FIRST_RETRY_S, longest_s=LONGEST_RETRY_S)
        is_told = False
        while True:
            try:
                attempt()
                return "written"
            except ParamValidationError:
                return "refused"
            except Exception as error:
                code = error.response["Error"]["Code"] if isinstance(error, ClientError) else ""
                if code == _CONDITION_FAILED:
                    return "superseded"
                if code in _BAD_ROW:
                    return "refused"
                if not is_told:
                    self._tell("journal-waits", self._directory, error=first_line(error))
                    is_told = True
                self._sleep(backoff.next_s())

    def _write_row(self, content: Content, entry: Entry) -> None:
        if entry.delete is not None:
            self._client.delete_item(TableName=self._calls, Key=entry.delete)
            return
        item = entry.put
        assert item is not None, "an entry has one or the other"
        arguments: dict[str, object] = {}
        if due_bucket_of(item) is not None:
            arguments["ConditionExpression"] = _NOT_DONE
            arguments["ExpressionAttributeNames"] = {"#bucket": "bucket"}
        elif not has_ended(item):
            arguments["ConditionExpression"] = _NOT_ENDED
            item = item if content.seen_at is None else seen(item, content.seen_at)
        self._client.put_item(TableName=self._calls, Item=item, **arguments)

    def _renew(self, node_id: str, content: Content) -> None:
        """Let the lease of the node say when it was last seen, which is later than the table knows:
        its calls were up until then, those in the table as well."""
        assert content.seen_at is not None
        self._client.update_item(
            TableName=self._nodes,
            Key=key(NODE, node_id),
            UpdateExpression="SET renewed_at = :seen",
            ConditionExpression="renewed_at < :seen",
            ExpressionAttributeValues={":seen": encode(moment_text(content.seen_at))},
        )

    def _tell(self, event: str, path: Path, **fields: str | int) -> None:
        self._log(event, {"file": str(path), **fields})
