"""A worker process begins and ends with the process that started it."""

import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from edge.runtime.media_control import MediaWorker
from model.settings import MediaSettings
from tests.runtime.media_stand import Stand, until

pytestmark = pytest.mark.sockets

PARENT = """
import select
from edge.runtime.media_control import MediaWorker
from model.settings import MediaSettings

worker = MediaWorker("127.0.0.1", MediaSettings())
select.select([worker.channel], [], [])
print(worker.pid, flush=True)
select.select([], [], [])
"""


def is_running(pid: int) -> bool:
    """Tell whether a process exists and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_worker_ends_with_its_parent() -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    with parent:
        pid = int(parent.stdout.readline())
        assert is_running(pid)
        parent.kill()
    until(lambda: not is_running(pid), "the worker ends")


def test_a_lost_worker_is_noticed() -> None:
    with Stand() as stand:
        os.kill(stand.worker.pid, signal.SIGKILL)
        deadline = time.monotonic() + 10
        while not stand.worker.channel.closed:
            assert select.select([stand.worker.channel], [], [], deadline - time.monotonic())[0]
            stand.worker.channel.receive()
        assert stand.worker.channel.fileno() == -1
        assert stand.worker.channel.flush() and not stand.worker.channel.wants_to_write


def test_ctrl_c_leaves_the_media_to_the_parent() -> None:
    with Stand() as stand:
        os.kill(stand.worker.pid, signal.SIGINT)
        stand.barrier()


def test_closing_ends_the_process_and_may_be_repeated() -> None:
    worker = MediaWorker("127.0.0.1", MediaSettings())
    pid = worker.pid
    worker.close()
    assert not is_running(pid)
    worker.close()
    assert worker.channel.closed


def test_a_worker_that_does_not_end_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.runtime.media_control.END_S", 0.1)
    with Stand() as stand:
        os.kill(stand.worker.pid, signal.SIGSTOP)
        stand.worker.close()
        assert not is_running(stand.worker.pid)
