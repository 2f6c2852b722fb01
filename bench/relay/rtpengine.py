"""rtpengine in user space, driven over its ng protocol (bencoded dictionaries in UDP)."""

import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

from bench.relay.load import RELAY_CORE, Endpoints

Value: TypeAlias = "int | str | bytes | list[Value] | dict[str, Value]"
START_S = 10.0


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
        with _Control(control) as ng:
            lines = [_call(ng, number, endpoints) for number in range(sessions)]
        ports_file.write_text("".join(lines))
        yield process.pid
    finally:
        process.terminate()
        process.wait()


def _call(ng: "_Control", number: int, endpoints: Endpoints) -> str:
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


class _Control:
    """The ng protocol."""

    def __init__(self, port: int) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.connect(("127.0.0.1", port))
        self._socket.settimeout(0.2)
        self._cookie = 0
        self._is_up = False

    def __enter__(self) -> "_Control":
        return self

    def __exit__(self, *error: object) -> None:
        self._socket.close()

    def ask(self, question: dict[str, Value]) -> dict[str, Value]:
        """Return the answer; repeated while the daemon starts."""
        self._cookie += 1
        cookie = b"%d " % self._cookie
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            try:
                self._socket.send(cookie + _encoded(question))
                data = self._socket.recv(65535)
            except (TimeoutError, ConnectionRefusedError):
                time.sleep(0.05)
                continue
            if data.startswith(cookie):
                answer, _ = _decoded(data, len(cookie))
                if isinstance(answer, dict) and answer.get("result") == b"ok":
                    return answer
                raise RuntimeError(f"rtpengine answered {answer!r}")
        raise RuntimeError("rtpengine does not answer")


def _encoded(value: Value) -> bytes:
    if isinstance(value, int):
        return b"i%de" % value
    if isinstance(value, str):
        value = value.encode()
    if isinstance(value, bytes):
        return b"%d:%b" % (len(value), value)
    if isinstance(value, list):
        return b"l" + b"".join(_encoded(each) for each in value) + b"e"
    return b"d" + b"".join(_encoded(key) + _encoded(value[key]) for key in sorted(value)) + b"e"


def _decoded(data: bytes, at: int) -> tuple[Value, int]:
    kind = data[at : at + 1]
    if kind == b"i":
        end = data.index(b"e", at)
        return int(data[at + 1 : end]), end + 1
    if kind in (b"l", b"d"):
        parts: list[Value] = []
        at += 1
        while data[at : at + 1] != b"e":
            part, at = _decoded(data, at)
            parts.append(part)
        if kind == b"l":
            return parts, at + 1
        keys = [key.decode() for key in parts[::2] if isinstance(key, bytes)]
        return dict(zip(keys, parts[1::2], strict=True)), at + 1
    colon = data.index(b":", at)
    end = colon + 1 + int(data[at:colon])
    return data[colon + 1 : end], end
