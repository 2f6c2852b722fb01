"""What a node runs as, so that others can ask whether it still does (EDGE C9).

On ECS that is the ARN of its task. Elsewhere it is a process of a host: its id comes again some
time, but not with the same start.
"""

from typing import NamedTuple

_KIND = "process"


class HostProcess(NamedTuple):
    """One process of one host."""

    host: str
    """Host name as the host itself has it."""
    pid: int
    started_ticks: int
    """Its start in clock ticks since the host's own, field 22 of proc_pid_stat(5)."""

    def __str__(self) -> str:
        """Return the task that a node's row names."""
        return f"{_KIND}:{self.host}:{self.pid}:{self.started_ticks}"


def host_process_from(task: str) -> HostProcess | None:
    """Return the process that a node's task is, None for one of ECS or one that is damaged."""
    kind, _, rest = task.partition(":")
    host, *numbers = rest.split(":")
    if kind != _KIND or len(numbers) != 2 or not all(_is_number(it) for it in numbers):
        return None
    pid, started_ticks = map(int, numbers)
    return HostProcess(host, pid, started_ticks)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 20
