"""The load generator: compiled once per run, driven against one relay at a time."""

import json
import shutil
import socket
import subprocess
import sys
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import NamedTuple

SOURCE = Path(__file__).with_name("generator.c")
RELAY_CORE, LOAD_CORE = 0, 1
PACED_RATE = 50_000
"""Packets per second, both directions: 500 calls of G.711 at 20 ms."""
WINDOW = 256
"""Packets in flight of the saturated mode."""

ENDPOINT_PORTS = range(6000, 10_000)
"""Below the port ranges of both relays."""


class Media(Enum):
    """What the callers' side is; the callees' is plain."""

    RTP = "RTP"
    SRTP = "SRTP"
    """AES_CM_128_HMAC_SHA1_80: one of two packets is decrypted, the other one encrypted."""


class Endpoints(NamedTuple):
    """The load's two ports; every session's peers are these two."""

    caller: int
    callee: int


class SessionLine(NamedTuple):
    """What the load has to know of a session."""

    caller_port: int
    """Of the relay, toward the caller."""
    callee_port: int
    caller_key: bytes = b""
    """Master key and salt of what the caller sends; empty for plain RTP."""
    relay_key: bytes = b""
    """Of what it gets."""

    def __str__(self) -> str:
        """Return a line of the load's file of sessions."""
        keys = f" {self.caller_key.hex()} {self.relay_key.hex()}" if self.caller_key else ""
        return f"{self.caller_port} {self.callee_port}{keys}\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One measurement."""

    packets_per_second: float
    cpu_us: float
    """Of the relay's processes, all their threads, per packet forwarded."""
    cpu_share: float
    """Of one core."""
    loss_percent: float
    p50_us: float
    p99_us: float
    """Delay from the load's send to its receive."""


def compile_generator(directory: Path) -> Path:
    """Return the compiled generator; ends the program when there is nothing to compile it with."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        sys.exit("bench.relay: no C compiler (gcc or cc) is here, the load needs one")
    program = directory / "generator"
    command = [compiler, "-O2", "-Wall", "-o", str(program), str(SOURCE), "-lcrypto"]
    if subprocess.run(command, check=False).returncode != 0:
        sys.exit("bench.relay: the load does not compile; are OpenSSL's headers (libssl-dev) here?")
    return program


def free_endpoints() -> Endpoints:
    """Return two UDP ports that are free now and that no relay would take for itself."""
    free: list[int] = []
    for port in ENDPOINT_PORTS:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            free.append(port)
        if len(free) == 2:
            break
    caller, callee = free
    return Endpoints(caller, callee)


def measure(
    generator: Path,
    sessions: list[SessionLine],
    endpoints: Endpoints,
    pids: tuple[int, ...],
    *,
    saturated: bool,
    seconds: float,
) -> Result:
    """Load the processes of a relay with these sessions."""
    file = generator.with_name("sessions")
    file.write_text("".join(map(str, sessions)))
    mode = ["-w", str(WINDOW)] if saturated else ["-r", str(PACED_RATE)]
    command = [
        *("taskset", "-c", str(LOAD_CORE), str(generator)),
        *("-a", str(endpoints.caller), "-b", str(endpoints.callee)),
        *[f"-p{pid}" for pid in pids],
        *("-d", str(seconds), "-s", str(file), *mode),
    ]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return Result(**json.loads(done.stdout))


def cpu_us(pids: tuple[int, ...]) -> float:
    """Return the CPU time that all threads of processes have had."""
    threads = [task for pid in pids for task in Path(f"/proc/{pid}/task").iterdir()]
    return sum(int((task / "schedstat").read_text().split()[0]) for task in threads) / 1e3
