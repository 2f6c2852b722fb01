"""What the edge of a running stand has told, kept for `ovc explain`: JSON lines in two small files.

The younger file becomes the older one when it is full, so there are never more than both, and never
fewer than one file's worth of events.
"""

import json
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

LARGEST_BYTES = 5 << 20
"""Of one file: some 15,000 calls."""


class EventLog:
    """Writes events; may be called from any thread. Only its owner may read the files."""

    def __init__(self, path: Path, largest_bytes: int = LARGEST_BYTES) -> None:
        """Begin anew; raises OSError."""
        self.path = path
        self._largest = largest_bytes
        self._lock = threading.Lock()
        _older(path).unlink(missing_ok=True)
        self._descriptor = _opened(path)
        self._bytes = 0

    def __call__(self, fields: Mapping[str, object]) -> None:
        """Keep one event; a full disk costs the explanation, not the call."""
        line = json.dumps(fields, separators=(",", ":")).encode("ascii") + b"\n"
        with self._lock, suppress(OSError):
            if self._descriptor < 0:
                return
            if self._bytes + len(line) > self._largest:
                self._turn()
            self._bytes += os.write(self._descriptor, line)

    def close(self) -> None:
        """Remove the files; whatever comes after that is lost."""
        with self._lock:
            if self._descriptor >= 0:
                os.close(self._descriptor)
                self._descriptor = -1
            self.path.unlink(missing_ok=True)
            _older(self.path).unlink(missing_ok=True)

    def _turn(self) -> None:
        os.close(self._descriptor)
        self._descriptor = -1
        self.path.replace(_older(self.path))
        self._descriptor = _opened(self.path)
        self._bytes = 0


def events_in(path: Path) -> Iterator[Mapping[str, object]]:
    """Yield the events that are kept, the oldest first; none when there is no file."""
    for file in (_older(path), path):
        try:
            lines = file.read_bytes().splitlines()
        except OSError:
            continue
        for line in lines:
            with suppress(ValueError):  # one that is just being written
                fields = json.loads(line)
                if isinstance(fields, dict):
                    yield fields


def _older(path: Path) -> Path:
    return path.with_name(path.name + ".1")


def _opened(path: Path) -> int:
    path.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_APPEND
    return os.open(path, flags, 0o600)
