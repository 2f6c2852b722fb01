"""How much the edge's processes hold, while they run and when the calls are over."""

import json
import os
import signal
import threading
import time
from pathlib import Path
from typing import NamedTuple

from bench.signalling.kernel import resident_kib
from bench.signalling.middles import Processes
from tests.e2e.lab import udp_ports

EVERY_S = 1.0
_ANSWERS_WITHIN_S = 10.0


class Sample(NamedTuple):
    """Resident memory at one moment."""

    at_s: float
    """Since the first call."""
    kib: dict[str, float]
    """By process."""


class Watch:
    """Samples the processes every second; the block ends it."""

    def __init__(self, processes: Processes, log: Path) -> None:
        self.samples: list[Sample] = []
        self._pids = {
            "signalling": processes.pid,
            **{f"aws worker {n}": pid for n, pid in enumerate(processes.helpers, 1)},
            **{f"media worker {n}": pid for n, pid in enumerate(processes.media, 1)},
        }
        self._processes = processes
        self._log = log
        self._began_at = time.monotonic()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def pending(self) -> dict[str, int]:
        """Return what the edge holds (EDGE X9) and `media_sockets`, those of its workers."""
        before = self._log.stat().st_size
        os.kill(self._processes.pid, signal.SIGUSR1)
        deadline = time.monotonic() + _ANSWERS_WITHIN_S
        while time.monotonic() < deadline:
            with self._log.open() as log:
                log.seek(before)
                for line in log:
                    if line.endswith("\n") and (told := _event(line)).get("event") == "pending":
                        held = {name: it for name, it in told.items() if isinstance(it, int)}
                        return {**held, "media_sockets": self._media_sockets()}
            time.sleep(0.02)
        raise RuntimeError("the edge does not say what is pending")

    def descriptors(self) -> dict[str, int]:
        """Return how many files and threads each process has, media workers' ports left out."""
        return {
            f"{what} of {name}": sum(1 for _ in Path(f"/proc/{pid}/{folder}").iterdir())
            for name, pid in self._pids.items()
            for folder, what in (("fd", "descriptors"), ("task", "threads"))
            if pid not in self._processes.media or folder == "task"
        }

    def __enter__(self) -> "Watch":
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _media_sockets(self) -> int:
        return sum(len(udp_ports(pid)) for pid in self._processes.media)

    def _run(self) -> None:
        while not self._stop.wait(EVERY_S):
            kib = {name: resident_kib(pid) for name, pid in self._pids.items()}
            self.samples.append(Sample(time.monotonic() - self._began_at, kib))


def _event(line: str) -> dict[str, object]:
    try:
        told = json.loads(line)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}
