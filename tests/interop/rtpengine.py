"""rtpengine between a plain phone and the edge: an SRTP peer that shares no line with us.

It is driven by its ng protocol and rewrites session descriptions as a proxy's media relay does:
the phone's side is RTP/AVP, the edge's RTP/SAVP.
"""

import socket
import subprocess
from pathlib import Path
from tempfile import mkdtemp

from bench.relay.ng import NgControl, Value
from tests.e2e.sipp import free_host

_ENDS_WITHIN_S = 5.0
_PORTS = ("--port-min=7000", "--port-max=9999")
"""Below those of the edge, which refuses media at its own ports on this machine (EDGE S11)."""


class Rtpengine:
    """A daemon in user space; the `with` block ends it."""

    def __init__(self, folder: Path) -> None:
        """Start it; it binds media ports at an address of its own."""
        self.host = free_host()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind(("127.0.0.1", 0))
            control = probe.getsockname()[1]
        self._log = (Path(mkdtemp(prefix="rtpengine-", dir=folder)) / "log").open("w")
        self._process = subprocess.Popen(
            [
                *("rtpengine", "--no-fallback", "--table=-1", f"--interface={self.host}", *_PORTS),
                *(f"--listen-ng=127.0.0.1:{control}", "--foreground", "--log-stderr"),
                *("--log-level=7", "--num-threads=1"),
            ],
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
        )
        self._control = NgControl(control)

    def call(self, name: str, **more: Value) -> "RelayedCall":
        """Return a call that is yet to be described; `more` goes into every command."""
        return RelayedCall(self._control, {"call-id": name, **more})

    def __enter__(self) -> "Rtpengine":
        return self

    def __exit__(self, *_: object) -> None:
        self._control.close()
        self._process.terminate()
        try:
            self._process.wait(_ENDS_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()


class RelayedCall:
    """One call through it."""

    def __init__(self, control: NgControl, named: dict[str, Value]) -> None:
        self._control = control
        self._always: dict[str, Value] = {
            **named,
            "ICE": "remove",
            "replace": ["origin"],
            "flags": ["trust-address"],
        }

    def offer(self, sdp: bytes, profile: str, *, is_first: bool = True) -> bytes:
        """Return an offer as it goes on, with another profile; a later one is a re-INVITE's."""
        tags: dict[str, Value] = {"from-tag": "a"} if is_first else {"from-tag": "a", "to-tag": "b"}
        return self._ask("offer", sdp, {**tags, "transport-protocol": profile})

    def answer(self, sdp: bytes) -> bytes:
        """Return an answer as it goes back, with the profile of the offer."""
        return self._ask("answer", sdp, {"from-tag": "a", "to-tag": "b"})

    def _ask(self, command: str, sdp: bytes, more: dict[str, Value]) -> bytes:
        question: dict[str, Value] = {**self._always, **more, "command": command, "sdp": sdp}
        answered = self._control.ask(question)["sdp"]
        assert isinstance(answered, bytes)
        return answered


def with_suite_alone(sdp: bytes, suite: str) -> bytes:
    """Return a description without the a=crypto lines of other suites: a peer that has just one."""
    lines = sdp.split(b"\r\n")
    kept = [it for it in lines if not it.startswith(b"a=crypto:") or suite.encode() in it.split()]
    return b"\r\n".join(kept)
