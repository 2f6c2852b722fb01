"""Processes of this host, as the kernel shows them (proc_pid_stat(5))."""

import os
import socket
from pathlib import Path

from model.node_task import HostProcess

_STATE, _STARTED = 3, 22
"""Fields, counted from 1."""
_GONE = "ZX"


def own_process() -> HostProcess:
    """Return this process."""
    pid = os.getpid()
    started_ticks = started_ticks_of(pid)
    assert started_ticks is not None, "we run"
    return HostProcess(socket.gethostname(), pid, started_ticks)


def started_ticks_of(pid: int) -> int | None:
    """Return when a process was started, None when there is none, or only what is left of one."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The second field is the program's name in brackets, and may hold anything.
    fields = text.rpartition(") ")[2].split()
    state, started = fields[_STATE - 3], fields[_STARTED - 3]
    return None if state in _GONE else int(started)
