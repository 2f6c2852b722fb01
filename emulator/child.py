"""Child processes of the local run: JSON lines out, an end when told or when the parent is gone."""

import json
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from queue import Queue

_LAST_LINES = 8


@dataclass(frozen=True, slots=True)
class ChildLine:
    """One event that a child has told."""

    child: str
    fields: Mapping[str, object]

    @property
    def event(self) -> str:
        """Return the name of the event, empty for a line without one."""
        return str(self.fields.get("event", ""))


@dataclass(frozen=True, slots=True)
class ChildEnded:
    """A child has ended."""

    child: str
    exit_code: int
    last_lines: tuple[str, ...]
    """What it said last on standard error."""


class Child:
    """One child: its standard input is the leash, its standard output the news."""

    def __init__(
        self,
        name: str,
        module: str,
        arguments: Sequence[str],
        *,
        news: "Queue[ChildLine | ChildEnded]",
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self._news = news
        self._said: deque[str] = deque(maxlen=_LAST_LINES)
        # A process group of its own: Ctrl-C is for the parent, which ends its children in order.
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            env=None if environment is None else dict(environment),
            process_group=0,
        )
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._complaints = threading.Thread(target=self._hear_complaints, daemon=True)
        self._listener.start()
        self._complaints.start()

    @property
    def pid(self) -> int:
        """Return the process id."""
        return self._process.pid

    def stop(self) -> None:
        """Ask the child to end; `wait` makes sure of it."""
        if self._process.poll() is None:
            self._process.terminate()

    def wait(self, patience_s: float) -> None:
        """Wait for the end; a child that takes longer is killed."""
        try:
            self._process.wait(patience_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            try:
                fields = json.loads(line)
            except ValueError:
                self._said.append(line.rstrip())
                continue
            if isinstance(fields, dict):
                self._news.put(ChildLine(self.name, fields))
        code = self._process.wait()
        self._complaints.join(1.0)
        self._news.put(ChildEnded(self.name, code, tuple(self._said)))

    def _hear_complaints(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self._said.append(line.rstrip())
