"""rtpengine's ng protocol: bencoded dictionaries in UDP, each answer with its question's cookie."""

import socket
import time
from typing import TypeAlias

Value: TypeAlias = "int | str | bytes | list[Value] | dict[str, Value]"
START_S = 10.0


class NgControl:
    """A client of one daemon; the `with` block closes it."""

    def __init__(self, port: int) -> None:
        """Speak to a daemon that takes commands at a port of 127.0.0.1."""
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.connect(("127.0.0.1", port))
        self._socket.settimeout(0.2)
        self._cookie = 0

    def __enter__(self) -> "NgControl":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the socket."""
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
