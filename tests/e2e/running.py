"""`ovc up` as a child process on free ports, for tests that look at it from outside."""

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from queue import Empty, Queue
from typing import Any

from tests.runtime.processes import children_of, is_running

OVC = (sys.executable, "-m", "cli.main")
PATIENCE_S = 30.0
"""For whatever is not itself what a test measures."""


def free_port() -> int:
    """Return a port that is free for UDP and TCP, and that nobody takes by chance.

    It is above the ports that Linux gives to clients (32768 to 60999) and those of media (EDGE Q1).
    """
    while True:
        port = 61_000 + secrets.randbelow(4_500)
        with (
            socket.socket(socket.AF_INET, socket.SOCK_STREAM) as stream,
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams,
        ):
            try:
                stream.bind(("127.0.0.1", port))
                datagrams.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def descendants(pid: int) -> list[int]:
    """Return the process ids below a process."""
    found = []
    for child in children_of(pid):
        found += [child, *descendants(child)]
    return found


class RunningStand:
    """One `ovc up --plain`; the `with` block ends it, whatever it has come to."""

    def __init__(self, folder: Path, *options: str) -> None:
        names = ("api", "sip", "tls", "aws", "pstn", "pbx")
        found: set[int] = set()
        while len(found) < len(names):
            found.add(free_port())
        self.ports = dict(zip(names, found, strict=True))
        kept = {
            name: it for name, it in os.environ.items() if not name.startswith(("AWS_", "OVC_"))
        }
        # All places where `ovc` looks for a stand: one that a developer has running is not ours.
        places = dict.fromkeys(("XDG_RUNTIME_DIR", "HOME", "TMPDIR"), str(folder))
        self.environment = {**kept, **places}
        self.lines: Queue[str] = Queue()
        started_at = time.monotonic()
        self.process = subprocess.Popen(
            [*OVC, "up", "--plain", *self.port_options(), *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self.environment,
            start_new_session=True,
        )
        threading.Thread(target=self._read, daemon=True).start()
        try:
            self.await_line("Open Voice Connector is up")
        except AssertionError:
            self.close()
            raise
        self.ready_after_s = time.monotonic() - started_at
        self.processes = [self.process.pid, *descendants(self.process.pid)]

    def port_options(self) -> list[str]:
        """Return the options that choose the ports."""
        return [part for name, port in self.ports.items() for part in (f"--{name}-port", str(port))]

    def await_line(self, wanted: str) -> str:
        """Return the next line of the page that holds a text."""
        deadline = time.monotonic() + PATIENCE_S
        seen = []
        while True:
            try:
                seen.append(self.lines.get(timeout=max(0.0, deadline - time.monotonic())))
            except Empty:
                raise AssertionError(f"{wanted!r} was never said, but: {seen}") from None
            if wanted in seen[-1]:
                return seen[-1]
            if not seen[-1]:
                raise AssertionError(f"ended without {wanted!r}: {seen} {self._complaint()}")

    def run(self, *command: str) -> "subprocess.CompletedProcess[str]":
        """Run another `ovc` command against this stand and wait for it."""
        return subprocess.run(
            [*OVC, *command],
            capture_output=True,
            text=True,
            env=self.environment,
            timeout=PATIENCE_S,
        )

    def offered(self) -> dict[str, str]:
        """Return what `ovc env --json` says."""
        environment: dict[str, str] = json.loads(self.run("env", "--json").stdout)
        return environment

    def call(self, number: str, duration_s: float = 0.5) -> dict[str, Any]:
        """Place an inbound call; return the report and the command's exit code."""
        done = self.run("call", "--to", number, "--duration", str(duration_s), "--json")
        return {**json.loads(done.stdout), "exit_code": done.returncode}

    def end(self, number: signal.Signals) -> tuple[int, float]:
        """Send a signal; return the exit code and how long everything took to end."""
        began = time.monotonic()
        self.process.send_signal(number)
        code = self.process.wait(PATIENCE_S)
        while self.survivors() and time.monotonic() < began + PATIENCE_S:
            time.sleep(0.01)
        return code, time.monotonic() - began

    def survivors(self) -> list[int]:
        """Return which processes of the stand still run, whoever their parent is now."""
        return [pid for pid in self.processes if is_running(pid)] + [
            pid for pid in _session(self.process.pid) if is_running(pid)
        ]

    def close(self) -> None:
        """End it; what does not end is killed, and a failure."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        assert self.process.stderr is not None
        self.process.stderr.close()

    def __enter__(self) -> "RunningStand":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as page:
            for line in page:
                self.lines.put(line)
        self.lines.put("")

    def _complaint(self) -> str:
        assert self.process.stderr is not None
        return self.process.stderr.read()


def _session(leader: int) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                fields = (entry / "stat").read_text().rpartition(") ")[2].split()
            except (FileNotFoundError, ProcessLookupError):
                continue
            if int(fields[3]) == leader:
                found.append(int(entry.name))
    return found
