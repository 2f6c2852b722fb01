"""Log lines as JSON on standard output: one object a line, and never a reason to wait.

The process that reads the lines may stall. A line is therefore written only when the descriptor
takes it at once, and is at most PIPE_BUF octets long, so that a pipe takes it whole or not at all
(POSIX write()); lines of one moment may go together. Those that find no room are counted, and the
count is told once there is room.
Control characters and everything beyond ASCII leave escaped (EDGE S14).

Figures are lines as well, in the embedded metric format: CloudWatch Logs makes metrics of them and
asks for no request.
"""

import json
import os
import select
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Protocol, TypeAlias

from model.metrics import NAMESPACE

Field: TypeAlias = str | int | float | None

LONGEST_LINE_BYTES = select.PIPE_BUF
_ENCODER = json.JSONEncoder(separators=(",", ":"))
LINGER_S = 0.05
"""How long a line may wait for company on its way out: each writing costs what a line costs."""
LONGEST_FIELD_CHARACTERS = 1_500
"""Two such fields fit into a line; what is cut ends in an ellipsis."""


class Logger(Protocol):
    """Takes one event at a time."""

    def __call__(self, event: str, fields: Mapping[str, Field]) -> None:
        """Write one event; `fields` hold no secret."""


class NodeLog(Logger, Protocol):
    """Takes figures, too."""

    def metrics(self, dimensions: Mapping[str, str], figures: Mapping[str, int | float]) -> None:
        """Write figures for CloudWatch (EDGE X2)."""


def utc_now() -> datetime:
    """Return the wall-clock time in UTC."""
    return datetime.now(UTC)


class JsonLines:
    """A NodeLog that writes to a file descriptor."""

    def __init__(self, descriptor: int = 1, now: Callable[[], datetime] = utc_now) -> None:
        self._descriptor = descriptor
        self._now = now
        self._room = select.poll()
        self._room.register(descriptor, select.POLLOUT)
        self._dropped = 0
        self._waiting: list[bytes] = []
        self._later: Callable[[Callable[[], None]], object] | None = None

    def gather(self, later: Callable[[Callable[[], None]], object]) -> None:
        """Write what comes together at once from now on; `later` calls back after LINGER_S.

        Whoever ends calls `flush`.
        """
        self._later = later

    def __call__(self, event: str, fields: Mapping[str, Field]) -> None:
        """Write one event, or count it when the reader is behind."""
        self._write(line_of(event, fields, self._now()))

    def metrics(self, dimensions: Mapping[str, str], figures: Mapping[str, int | float]) -> None:
        """Write figures, or count a line when the reader is behind."""
        self._write(metrics_line(dimensions, figures, self._now()))

    def flush(self) -> None:
        """Write what waits."""
        lines, self._waiting = self._waiting, []
        if not lines:
            return
        start = length = 0
        for number, line in enumerate(lines):
            if length + len(line) > LONGEST_LINE_BYTES:
                self._write_together(lines[start:number])
                start, length = number, 0
            length += len(line)
        self._write_together(lines[start:])

    def _write(self, line: bytes) -> None:
        self._waiting.append(line)
        if self._later is None:
            self.flush()
        elif len(self._waiting) == 1:
            self._later(self.flush)

    def _write_together(self, lines: list[bytes]) -> None:
        """Write lines that a pipe takes whole, or count them."""
        if self._dropped:
            told = line_of("log-lines-dropped", {"count": self._dropped}, self._now())
            if self._is_written(told):
                self._dropped = 0
        if not self._is_written(b"".join(lines)):
            self._dropped += len(lines)

    def _is_written(self, data: bytes) -> bool:
        events = self._room.poll(0)
        if not events or not events[0][1] & select.POLLOUT:
            return False
        try:
            os.write(self._descriptor, data)
        except OSError:
            return False
        return True


def line_of(event: str, fields: Mapping[str, Field], at: datetime) -> bytes:
    """Return one log line; one that is too long keeps its longest-fitting head of fields."""
    members: dict[str, Field] = {"at": at.isoformat(timespec="milliseconds"), "event": event}
    for name, value in fields.items():
        members[name] = _shortened(value) if isinstance(value, str) else value
    line = _encoded(members)
    while len(line) > LONGEST_LINE_BYTES:
        members.popitem()
        line = _encoded(members | {"cut": "yes"})
    return line


def metrics_line(
    dimensions: Mapping[str, str], figures: Mapping[str, int | float], at: datetime
) -> bytes:
    """Return figures as one line in embedded metric format.

    Times are in microseconds, as Amazon's are; how late the loop was is in milliseconds.
    """
    metrics = [{"Name": name, "Unit": _unit_of(name)} for name in figures]
    directive = {
        "Namespace": NAMESPACE,
        "Dimensions": [list(dimensions)],
        "Metrics": metrics,
    }
    aws = {"Timestamp": round(at.timestamp() * 1000), "CloudWatchMetrics": [directive]}
    members = {"at": at.isoformat(timespec="milliseconds"), "event": "metrics", "_aws": aws}
    return _encoded({**members, **dimensions, **figures})


def _unit_of(name: str) -> str:
    if name.startswith("MOS"):
        return "None"
    if name == "LoopLag":
        return "Milliseconds"
    return "Microseconds" if name.startswith("RTT") or name.endswith("Jitter") else "Count"


def _shortened(text: str) -> str:
    if len(text) <= LONGEST_FIELD_CHARACTERS:
        return text
    return text[: LONGEST_FIELD_CHARACTERS - 3] + "..."


def _encoded(members: Mapping[str, object]) -> bytes:
    return _ENCODER.encode(members).encode("ascii") + b"\n"
