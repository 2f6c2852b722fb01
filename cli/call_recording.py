"""`ovc call record`: what a call that is up says, on the wire and in clear, for Wireshark."""

import os
import shlex
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from cli.deployment import client, repository
from cli.errors import CommandError, ExitCode
from cli.stand import running_stand
from lambdas.management import recordings
from lambdas.management.errors import ApiError
from lambdas.management.repository import Repository
from model.call_items import has_ended
from model.codec import Item, string
from model.recordings import Recording, RecordingState
from model.tables import CALLS, LIVE_CALLS

_BEGUN_WITHIN_S = 10.0
"""Twice what a node in AWS takes to see an order (A9)."""
_STORED_WITHIN_S = 60.0
"""After its end; the node stores one object."""
_LOOK_EVERY_S = 0.25
_CALLS_AT_ONCE = 500
_READ_BYTES = 1 << 20


def run(
    call: str | None,
    *,
    last: bool,
    seconds: int | None,
    out: Path | None,
    prefix: str | None,
    region: str | None,
    api_port: int | None,
) -> None:
    """Record a call until its end, the limit or Ctrl-C, and write the file."""
    if (call is not None) is last:
        raise CommandError("name one call, or say --last", ExitCode.USAGE)
    where: dict[str, Any] = {"prefix": prefix, "region": region, "api_port": api_port}
    with _problems():
        found = repository(**where)
        transaction_id = call_named(found, call)
        wanted = recordings.order(
            found,
            transaction_id,
            seconds=seconds,
            ordered_by=_identity(**where),
            now=datetime.now(UTC),
        )
        ended = Watch(found, transaction_id).until_over(wanted)
        if ended.state is RecordingState.FAILED:
            raise CommandError(f"nothing was recorded: {ended.reason}")
        path = out or Path(f"{transaction_id}.pcap")
        _download(client("s3", **where), ended, path)
    sys.stdout.write("\n".join(summary(ended, path)) + "\n")


def call_named(found: Repository, call: str | None) -> str:
    """Return the TransactionId of a call by either of its ids, or of the one answered last.

    Raises CommandError when no call is up that could be meant.
    """
    if call is not None and found.calls.call(call) is not None:
        return call
    live = list(_live_calls(found))
    if call is not None:
        live = [item for item in live if string(item["call_id"]) == call]
    if not live:
        what = "no call is up" if call is None else f"no call {call} is up"
        raise CommandError(f"{what}; one that still rings cannot be recorded")
    latest = max(live, key=lambda item: string(item[LIVE_CALLS.sort_key]))
    return string(latest[CALLS.partition_key])


class Watch:
    """Waits for a recording, and shows that it does."""

    def __init__(
        self,
        found: Repository,
        transaction_id: str,
        *,
        sleep: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._found = found
        self._transaction_id = transaction_id
        self._sleep = sleep
        self._monotonic = monotonic
        self._is_watched = sys.stderr.isatty()

    def until_over(self, ordered: Recording) -> Recording:
        """Return the recording as it is when it is over; Ctrl-C makes that soon."""
        try:
            begun = self._until(lambda it: it.state is not RecordingState.ORDERED, _BEGUN_WITHIN_S)
            if begun is None:
                self._end()
                raise CommandError(
                    f"the node that holds the call has not begun within {_BEGUN_WITHIN_S:.0f} s"
                )
            if not begun.state.is_over:
                _say(f"recording {self._transaction_id}; Ctrl-C ends it")
            patience_s = ordered.order.seconds + _STORED_WITHIN_S
            return self._whole(self._until(lambda it: it.state.is_over, patience_s))
        except KeyboardInterrupt:
            _say("ending it")
            self._end()
            return self._whole(self._until(lambda it: it.state.is_over, _STORED_WITHIN_S))

    def _until(self, holds: Callable[[Recording], bool], within_s: float) -> Recording | None:
        """Look at the recording until something holds of it; None when it takes too long."""
        began = self._monotonic()
        while True:
            found = recordings.recording(self._found, self._transaction_id, datetime.now(UTC))
            if holds(found):
                return found
            passed_s = self._monotonic() - began
            if passed_s > within_s:
                return None
            if self._is_watched:
                sys.stderr.write(f"\r{passed_s:.0f} s \r")
                sys.stderr.flush()
            self._sleep(_LOOK_EVERY_S)

    def _end(self) -> None:
        recordings.end(self._found, self._transaction_id, datetime.now(UTC))

    @staticmethod
    def _whole(recording: Recording | None) -> Recording:
        if recording is None:
            raise CommandError("the node does not say what has become of the recording")
        return recording


def summary(recording: Recording, path: Path) -> list[str]:
    """Return what there is, and how to look at it."""
    size = (recording.size or 0) / 1024
    return [
        f"{path}: {size:,.0f} KiB; {recording.reason}",
        f"A copy is in s3://{recording.bucket}/{recording.object_key}",
        # The INVITE with the ports is before the recording: RTP has to be told by its looks.
        f"wireshark --enable-heuristic rtp_udp {shlex.quote(str(path))}",
    ]


def _live_calls(found: Repository) -> Iterator[Item]:
    for node in found.nodes.live(datetime.now(UTC)):
        for item in found.calls.live_calls(node.node_id, after="", batch=_CALLS_AT_ONCE):
            if not has_ended(item):
                yield item


def _identity(*, prefix: str | None, region: str | None, api_port: int | None) -> str:
    """Return who orders: the stand's access key, or whom AWS knows."""
    if prefix is None and region is None:
        return running_stand(api_port).access_key_id
    sts = client("sts", prefix=prefix, region=region, api_port=api_port)
    return str(sts.get_caller_identity()["Arn"])


# `s3` is boto3's: what its clients return has no static type.
def _download(s3: Any, recording: Recording, path: Path) -> None:
    """Write the object to a file that nobody else may read."""
    body = s3.get_object(Bucket=recording.bucket, Key=recording.object_key)["Body"]
    try:
        with open(path, "wb", opener=_private) as file:
            for chunk in body.iter_chunks(_READ_BYTES):
                file.write(chunk)
    except OSError as error:
        where = f"s3://{recording.bucket}/{recording.object_key}"
        raise CommandError(f"{path}: {error.strerror}; the recording is in {where}") from error


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


@contextmanager
def _problems() -> Iterator[None]:
    """Turn what goes wrong into a CommandError."""
    try:
        yield
    except ApiError as error:
        raise CommandError(f"{error.message}{_cause(error)}") from error
    except (BotoCoreError, ClientError) as error:
        raise CommandError(f"tables or bucket cannot be used: {error}") from error


def _cause(error: ApiError) -> str:
    """Return what is behind an error on our side; those of the request say all themselves."""
    return f": {error.__cause__}" if error.status >= 500 and error.__cause__ is not None else ""


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
