"""SIPp, the judge that shares no line with us: one process, one scenario, one verdict.

The scenarios lie in scenarios/*.xml. Where a file has a word between at-signs, as in @STATUS@, a
test puts its own value there; words in square brackets are SIPp's own or given with `-key`.
"""

import os
import re
import secrets
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from edge.flow import Address, Transport

SCENARIOS = Path(__file__).parent / "scenarios"
LONGEST_S = 45.0
"""SIPp ends itself after this long, and its calls are then failures."""
PATIENCE_S = 30.0
"""Until it has its port."""
_TAIL_CHARACTERS = 6_000
_TRANSPORTS = {Transport.UDP: "u1", Transport.TCP: "t1"}
"""SIPp's names; Debian's has no TLS."""

_MESSAGE = re.compile(
    r"^-{20,} \d{4}-\d\d-\d\d[^\n]*\n(?:UDP|TCP) message (sent|received) [\[(]\d+.*bytes.*:\n\n",
    re.M,
)


class Message(NamedTuple):
    """A message that SIPp has seen."""

    sent: bool
    """False for one that it received."""
    text: str

    @property
    def start_line(self) -> str:
        """Return the request or status line."""
        return self.text.split("\n", 1)[0].strip()

    def header(self, name: str) -> str | None:
        """Return the first value of a header, None when there is none."""
        for line in self.text.partition("\n\n")[0].split("\n")[1:]:
            key, _, value = line.partition(":")
            if key.strip().lower() == name.lower():
                return value.strip()
        return None


def free_host() -> str:
    """Return an address of this machine that nobody else is likely to use: of 16 million."""
    return f"127.{16 + secrets.randbelow(200)}.{secrets.randbelow(256)}.{secrets.randbelow(256)}"


def free_address(host: str) -> Address:
    """Return an address and UDP port that are free at this moment."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((host, 0))
        return host, int(probe.getsockname()[1])


class Sipp:
    """A SIPp process; the `with` block ends it, whatever it has come to."""

    def __init__(
        self,
        scenario: str,
        folder: Path,
        *,
        at: Address,
        to: Address | None = None,
        keys: Mapping[str, str] | None = None,
        words: Mapping[str, str | int] | None = None,
        calls: int = 1,
        options: tuple[str, ...] = (),
        traced: bool = True,
        transport: Transport = Transport.UDP,
        longest_s: float = LONGEST_S,
    ) -> None:
        """Run a scenario at `at`.

        A scenario that calls sends to `to`; `keys` fill words in square brackets, `words` those
        between at-signs. `traced` keeps every message. Over TCP all calls share a connection.
        """
        self.address = at
        self._transport = transport
        self._longest_s = longest_s
        self._folder = folder / f"{scenario}-{secrets.token_hex(4)}"
        self._folder.mkdir()
        self._scenario = self._file("scenario.xml")
        self._scenario.write_text(_filled(scenario, words or {}))
        self._output = self._file("output.txt").open("w")
        self.process = subprocess.Popen(
            self._command(to, keys or {}, calls, traced) + list(options),
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            cwd=self._folder,
            env={**os.environ, "TERM": "dumb"},
        )
        try:
            if to is None or transport is Transport.UDP:  # a caller over TCP has no port of its own
                self._await_port()
        except AssertionError:
            self.close()
            raise

    def call_id(self, number: int = 1) -> str:
        """Return the Call-ID of a call that it makes, counted from 1."""
        return f"{number}-{self.process.pid}@{self.address[0]}"

    def succeed(self) -> "Sipp":
        """Wait for the end; every call must have gone as the scenario has it."""
        try:
            code = self.process.wait(self._longest_s + 10.0)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"SIPp does not end\n{self._account()}") from None
        assert code == 0, f"SIPp says {code}\n{self._account()}"
        return self

    def messages(self) -> list[Message]:
        """Return what was sent and received so far, in order."""
        log = self._file("messages.log")
        if not log.exists():
            return []
        parts = _MESSAGE.split(log.read_text(errors="replace").replace("\r\n", "\n"))
        return [
            Message(kind == "sent", text)
            for kind, text in zip(parts[1::2], parts[2::2], strict=True)
        ]

    def received(self, start: str) -> Message:
        """Return the first message that came in whose first line begins so."""
        for message in self.messages():
            if not message.sent and message.start_line.startswith(start):
                return message
        raise AssertionError(f"no {start!r} came\n{self._account()}")

    def statistics(self) -> dict[str, str]:
        """Return the last row of SIPp's own counters."""
        rows = self._file("statistics.csv").read_text().splitlines()
        return dict(zip(rows[0].split(";"), rows[-1].split(";"), strict=False))

    def close(self) -> None:
        """End it at once."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._output.close()

    def __enter__(self) -> "Sipp":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _file(self, name: str) -> Path:
        return self._folder / name

    def _command(
        self, to: Address | None, keys: Mapping[str, str], calls: int, traced: bool
    ) -> list[str]:
        host, port = self.address
        command = ["sipp", *([f"{to[0]}:{to[1]}"] if to else []), "-sf", str(self._scenario)]
        command += ["-i", host, "-mi", host, "-ci", host, "-p", str(port), "-bind_local"]
        command += [
            "-t",
            _TRANSPORTS[self._transport],
            "-nostdin",
            "-m",
            str(calls),
            "-cid_str",
            "%u-%p@%s",
        ]
        command += [
            "-timeout",
            f"{self._longest_s:.0f}s",
            "-timeout_error",
            "-recv_timeout",
            "20000",
        ]
        command += ["-trace_err", "-error_file", str(self._file("errors.log"))]
        command += ["-trace_stat", "-stf", str(self._file("statistics.csv")), "-fd", "1"]
        if traced:
            command += ["-trace_msg", "-message_file", str(self._file("messages.log"))]
        for name, value in keys.items():
            command += ["-key", name, value]
        return command

    def _await_port(self) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not is_bound(self.address, self._transport):
            # A caller may be through before anybody looks.
            if self.process.poll() == 0:
                return
            assert self.process.poll() is None, f"SIPp does not start\n{self._account()}"
            assert time.monotonic() < deadline, f"SIPp has no port\n{self._account()}"
            time.sleep(0.01)

    def _account(self) -> str:
        told = []
        for name in ("errors.log", "messages.log", "output.txt"):
            if self._file(name).exists():
                text = self._file(name).read_text(errors="replace")[-_TAIL_CHARACTERS:]
                told.append(f"--- {self._folder.name}/{name}\n{text}")
        return "\n".join(told)


def _filled(scenario: str, words: Mapping[str, str | int]) -> str:
    text = (SCENARIOS / f"{scenario}.xml").read_text()
    for word, value in words.items():
        assert f"@{word}@" in text, f"{scenario}.xml has no @{word}@"
        text = text.replace(f"@{word}@", str(value))
    left = re.search(r"@[A-Z]+@", text)
    assert left is None, f"{scenario}.xml wants {left.group() if left else ''}"
    return text


def is_bound(address: Address, transport: Transport = Transport.UDP) -> bool:
    """Tell whether somebody on this machine has a port, from the kernel's own table."""
    octets = socket.inet_aton(address[0])[::-1].hex().upper()
    wanted = f"{octets}:{address[1]:04X}"
    table = "udp" if transport is Transport.UDP else "tcp"
    rows = Path(f"/proc/net/{table}").read_text().splitlines()[1:]
    return any(row.split()[1] == wanted for row in rows)
