"""rtpengine in user space, driven over its ng protocol."""

import os
import re
import shutil
import socket
import subprocess
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

from bench.relay.load import RELAY_CORE, Endpoints, Media, SessionLine, cpu_us
from bench.relay.ng import NgControl, Value

KEY_BYTES = 30
"""Master key and salt of AES_CM_128_HMAC_SHA1_80."""


def version() -> str | None:
    """Return the version of the installed rtpengine, None when there is none."""
    program = shutil.which("rtpengine")
    if program is None:
        return None
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    found = re.search(r"[0-9]+(?:\.[0-9]+)+", said.stdout + said.stderr)
    return found.group() if found else "unknown"


class Bench:
    """A daemon under load."""

    def __init__(self, pid: int, control: NgControl) -> None:
        self.pids = (pid,)
        self._control = control
        self._numbers = count(1)

    def open(self, sessions: int, endpoints: Endpoints, media: Media) -> list[SessionLine]:
        """Have this many calls offered and answered."""
        return [self._call(next(self._numbers), endpoints, media) for _ in range(sessions)]

    def setup_us(self, sessions: int, media: Media) -> float:
        """Return the CPU time of a call that is offered, answered and deleted."""
        self._come_and_go(sessions // 10, media)
        before = cpu_us(self.pids)
        self._come_and_go(sessions, media)
        return (cpu_us(self.pids) - before) / sessions

    def _come_and_go(self, calls: int, media: Media) -> None:
        for number in [next(self._numbers) for _ in range(calls)]:
            self._call(number, Endpoints(6000, 6002), media)
            self._control.ask({"command": "delete", "delete-delay": 0, **_tags(number)})

    def _call(self, number: int, endpoints: Endpoints, media: Media) -> SessionLine:
        key = os.urandom(KEY_BYTES) if media is Media.SRTP else b""
        call: dict[str, Value] = {
            **_tags(number),
            "ICE": "remove",
            "DTLS": "off",
            "replace": ["origin"],
            "flags": ["trust-address"],
        }
        to_callee = self._control.ask(
            {
                **call,
                "command": "offer",
                "transport-protocol": "RTP/AVP",
                "sdp": _sdp(endpoints.caller, key),
            }
        )
        to_caller = self._control.ask(
            {**call, "command": "answer", "to-tag": "b", "sdp": _sdp(endpoints.callee)}
        )
        relay_key = _found(to_caller, rb"inline:([A-Za-z0-9+/]{40})") if key else b""
        return SessionLine(
            int(_found(to_caller, rb"m=audio ([0-9]+)")),
            int(_found(to_callee, rb"m=audio ([0-9]+)")),
            key,
            b64decode(relay_key),
        )


@contextmanager
def running() -> Iterator[Bench]:
    """Run rtpengine for a measurement."""
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
            yield Bench(process.pid, ng)
    finally:
        process.terminate()
        process.wait()


def _tags(number: int) -> dict[str, Value]:
    return {"call-id": f"bench-{number}", "from-tag": "a"}


def _sdp(port: int, key: bytes = b"") -> str:
    profile = "RTP/SAVP" if key else "RTP/AVP"
    keys = b64encode(key).decode()
    crypto = f"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{keys}\r\n" if key else ""
    return (
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
        f"m=audio {port} {profile} 0\r\na=rtpmap:0 PCMU/8000\r\na=sendrecv\r\na=ptime:20\r\n"
        f"{crypto}"
    )


def _found(answer: dict[str, Value], pattern: bytes) -> bytes:
    sdp = answer.get("sdp")
    found = re.search(pattern, sdp) if isinstance(sdp, bytes) else None
    if found is None:
        raise RuntimeError(f"rtpengine answered {answer}")
    return found.group(1)
