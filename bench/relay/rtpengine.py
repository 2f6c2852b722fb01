"""rtpengine in user space, driven over its ng protocol (bencoded dictionaries in UDP)."""

import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.relay.load import RELAY_CORE, Endpoints
from bench.relay.ng import NgControl, Value


def version() -> str | None:
    """Return the version of the installed rtpengine, None when there is none."""
    program = shutil.which("rtpengine")
    if program is None:
        return None
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    found = re.search(r"[0-9]+(?:\.[0-9]+)+", said.stdout + said.stderr)
    return found.group() if found else "unknown"


@contextmanager
def running(sessions: int, endpoints: Endpoints, ports_file: Path) -> Iterator[int]:
    """Run rtpengine with this many calls; yields its process id."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        control = probe.getsockname()[1]
    process = subprocess.Popen(
        [
            *("rtpengine", "--table=-1", "--interface=127.0.0.1", "--foreground"),
            *(f"--listen-ng=127.0.0.1:{control}", "--log-stderr", "--log-level=2"),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=lambda: os.sched_setaffinity(0, {RELAY_CORE}),
    )
    try:
        with NgControl(control) as ng:
            lines = [_call(ng, number, endpoints) for number in range(sessions)]
        ports_file.write_text("".join(lines))
        yield process.pid
    finally:
        process.terminate()
        process.wait()


def _call(ng: NgControl, number: int, endpoints: Endpoints) -> str:
    call: dict[str, Value] = {
        "call-id": f"bench-{number}",
        "from-tag": "a",
        "ICE": "remove",
        "replace": ["origin"],
        "flags": ["trust-address"],
        "transport-protocol": "RTP/AVP",
    }
    to_callee = ng.ask({**call, "command": "offer", "sdp": _sdp(endpoints.caller)})
    answer = {**call, "command": "answer", "to-tag": "b", "sdp": _sdp(endpoints.callee)}
    to_caller = ng.ask(answer)
    return f"{_port(to_caller)} {_port(to_callee)}\n"


def _sdp(port: int) -> str:
    return (
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
        f"m=audio {port} RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\na=sendrecv\r\na=ptime:20\r\n"
    )


def _port(answer: dict[str, Value]) -> int:
    sdp = answer.get("sdp")
    found = re.search(rb"m=audio ([0-9]+)", sdp) if isinstance(sdp, bytes) else None
    if found is None:
        raise RuntimeError(f"rtpengine answered {answer}")
    return int(found.group(1))
