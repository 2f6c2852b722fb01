"""Runs an image that was made without Docker, as Fargate would run it, and looks at it closely."""

import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple

from tests.e2e.running import free_port
from tests.image import confined, stand_in
from tests.image.build import Image
from tests.runtime.local_aws import Deployment
from tests.runtime.processes import children_of
from tests.runtime.scripted import wait_for

PROBE = ["python", "-m", "edge.runtime.liveness_probe"]
"""The health check of the task definition."""
TASK = "arn:aws:ecs:us-east-1:111122223333:task/ovc/0123456789abcdef0123456789abcdef"
PUBLIC_ADDRESS = "203.0.113.10"
READY_WITHIN_S = 30.0
END_WITHIN_S = 30.0
_MEDIA_PORTS = 400
_WRITABLE = """
import json, os
found = [top for top, inner, _ in os.walk("/") if os.access(top, os.W_OK)]
files = [os.path.join(top, name) for top, _, names in os.walk("/") for name in names]
writable = [name for name in files if os.access(name, os.W_OK) and os.path.isfile(name)]
print(json.dumps(found + writable))
"""


class Rights(NamedTuple):
    """What the kernel says a process may do."""

    user: int
    group: int
    groups: str
    capabilities: int
    """That it has or could get without a program that gives them."""
    no_new_privileges: bool


class Container:
    """An image's directory as the root of processes."""

    def __init__(self, image: Image, variables: Mapping[str, str]) -> None:
        self._image = image
        stage = image.stage
        self.environment = {**stand_in.environment(), **stage.environment(), **variables}

    def start(self, command: list[str], **pipes: Any) -> "subprocess.Popen[str]":
        """Start a program in it; `pipes` as Popen takes them."""
        user, group = self._image.stage.user()
        directory = (self._image.stage.of("WORKDIR") or ["/"])[-1]
        launcher = [sys.executable, "-I", "-S", confined.__file__, str(self._image.root)]
        return subprocess.Popen(
            [*launcher, str(user), str(group), directory, *command],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            text=True,
            **pipes,
        )

    def says(self, command: list[str]) -> tuple[int, str]:
        """Run a program to its end; return its exit code and what it printed."""
        process = self.start(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        said, _ = process.communicate(timeout=END_WITHIN_S)
        return process.returncode, said

    def writable(self) -> list[str]:
        """Return all directories and files in it that its user may write to."""
        code, said = self.says(["python", "-c", _WRITABLE])
        assert code == 0, said
        found: list[str] = json.loads(said)
        return found


class Found(NamedTuple):
    """What a run has shown."""

    ready: Mapping[str, Any]
    """The log line that says that calls are taken."""
    rights: list[Rights]
    """Of every process."""
    probe_before: int
    """Exit code of the health check while no edge runs."""
    probe: int
    """And while it runs and has its configuration."""
    exit_code: int
    """After SIGTERM."""
    changed: set[str]
    """Paths outside the volumes that were made, changed or removed."""
    events: list[str]
    """What the log tells, in its order."""


def tried(image: Image, deployment: Deployment) -> Found:
    """Start the edge against a deployment, ask its health, stop it."""
    before = _state(image)
    with _task_metadata() as metadata:
        container = Container(image, edge_environment(deployment, metadata))
        probe_before, _ = container.says(PROBE)
        process = container.start(image.stage.entrypoint(), stdout=subprocess.PIPE)
        lines: list[dict[str, Any]] = []
        reader = Thread(target=lambda: lines.extend(map(json.loads, process.stdout or ())))
        reader.start()
        try:
            wait_for(lambda: process.poll() is not None or _of(lines, "ready"), READY_WITHIN_S)
            assert process.poll() is None, f"it ended with {process.returncode}: {lines}"
            wait_for(lambda: container.says(PROBE)[0] == 0, READY_WITHIN_S)
            probe, _ = container.says(PROBE)
            rights = [rights_of(pid) for pid in (process.pid, *children_of(process.pid))]
            process.send_signal(signal.SIGTERM)
            process.wait(END_WITHIN_S)
        finally:
            process.kill()
            process.wait()
            reader.join()
    return Found(
        ready=_of(lines, "ready")[0],
        rights=rights,
        probe_before=probe_before,
        probe=probe,
        exit_code=process.returncode,
        changed=before ^ _state(image),
        events=[line["event"] for line in lines],
    )


def edge_environment(deployment: Deployment, metadata: str) -> dict[str, str]:
    """Return the task's variables: no lab mode, and this machine's addresses for Amazon's."""
    aws = {
        name: value
        for name, value in deployment.aws.environment.items()
        if name.startswith("AWS_") and not name.endswith("_BUNDLE")
    }
    media = {"first_port": 50_000, "last_port": 50_000 + _MEDIA_PORTS - 1}
    settings = {"domain": "vc.example.com", "media": media}
    return aws | {
        "OVC_SETTINGS": json.dumps(settings),
        "OVC_TABLE_PREFIX": deployment.prefix,
        "OVC_NONCE_SECRET": "n" * 64,
        "OVC_SIP_LISTEN": f"127.0.0.1:{free_port()}",
        "OVC_TLS_LISTEN": f"127.0.0.1:{free_port()}",
        "OVC_PUBLIC_ADDRESS": PUBLIC_ADDRESS,
        "OVC_HEALTH_SOCKET": f"image-{deployment.prefix}",
        "ECS_CONTAINER_METADATA_URI_V4": metadata,
    }


def rights_of(pid: int) -> Rights:
    """Return a process's rights (proc_pid_status(5))."""
    text = Path(f"/proc/{pid}/status").read_text()
    said = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    return Rights(
        user=int(said["Uid"].split()[1]),
        group=int(said["Gid"].split()[1]),
        groups=said["Groups"].strip(),
        capabilities=int(said["CapEff"], 16) | int(said["CapPrm"], 16) | int(said["CapAmb"], 16),
        no_new_privileges=said["NoNewPrivs"].strip() == "1",
    )


def _state(image: Image) -> set[str]:
    """Return every path outside the volumes with its size and time of change."""
    found = set()
    for top, directories, files in os.walk(image.root):
        inside = Path("/") / Path(top).relative_to(image.root)
        if str(inside) in image.volumes:
            directories.clear()
            continue
        for name in (*directories, *files):
            entry = os.lstat(os.path.join(top, name))
            time = 0 if stat.S_ISDIR(entry.st_mode) else entry.st_mtime_ns
            found.add(f"{inside / name} {entry.st_mode:o} {entry.st_size} {time}")
    return found


def _of(lines: list[dict[str, Any]], event: str) -> list[dict[str, Any]]:
    return [line for line in list(lines) if line["event"] == event]


@contextmanager
def _task_metadata() -> Iterator[str]:
    """Stand in for ECS's endpoint, which tells a task its name."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps({"TaskARN": TASK}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/v4/task"
        finally:
            server.shutdown()
            thread.join()
