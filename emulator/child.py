"""Child processes of the local run: JSON lines out, an end when told or when the parent is gone."""

import json
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

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
    """Negative for a signal."""
    last_lines: tuple[str, ...]
    """What it said last that was no event."""

    def __str__(self) -> str:
        """Return what to tell a person."""
        said = "".join(f"\n  {line}" for line in self.last_lines if line.strip())
        how = f"signal {-self.exit_code}" if self.exit_code < 0 else f"code {self.exit_code}"
        return f"{self.child} has ended by itself with {how}" + (f":{said}" if said else "")


News = ChildLine | ChildEnded


class Child:
    """One child: its standard input is the leash, its standard output the news."""

    def __init__(
        self,
        name: str,
        module: str,
        arguments: Sequence[str],
        *,
        tell: Callable[[News], None],
        environment: Mapping[str, str],
    ) -> None:
        """Start it; `tell` is called from other threads."""
        self.name = name
        self._tell = tell
        self._said: deque[str] = deque(maxlen=_LAST_LINES)
        # A process group of its own: Ctrl-C is for the parent, which ends its children in order.
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            env=dict(environment),
            process_group=0,
        )
        self._complaints = threading.Thread(target=self._hear_complaints, daemon=True)
        self._complaints.start()
        threading.Thread(target=self._listen, daemon=True).start()

    @property
    def pid(self) -> int:
        """Return the process id."""
        return self._process.pid

    def go(self) -> None:
        """Tell a child that waits for it to begin; one that has ended meanwhile is news anyway."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.write("go\n")
            self._process.stdin.flush()

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
        self.release()

    def release(self) -> None:
        """Let the leash go, as the end of this process would: the child ends by itself."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # from what `go` could not deliver
            self._process.stdin.close()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                fields = _event_of(line)
                if fields is None:
                    self._said.append(line.rstrip())
                else:
                    self._tell(ChildLine(self.name, fields))
        code = self._process.wait()
        self._complaints.join(1.0)
        self._tell(ChildEnded(self.name, code, tuple(self._said)))

    def _hear_complaints(self) -> None:
        assert self._process.stderr is not None
        with self._process.stderr as lines:
            for line in lines:
                self._said.append(line.rstrip())


def _event_of(line: str) -> Mapping[str, object] | None:
    try:
        fields = json.loads(line)
    except ValueError:
        return None
    return fields if isinstance(fields, dict) else None
