"""The load generator: compiled once per run, driven against one relay at a time."""

import json
import shutil
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path

SOURCE = Path(__file__).with_name("generator.c")
RELAY_CORE, LOAD_CORE = 0, 1
PACED_RATE = 50_000
"""Packets per second, both directions: 500 calls of G.711 at 20 ms."""
WINDOW = 256
"""Packets in flight of the saturated mode."""

ENDPOINT_PORTS = range(6000, 10_000)
"""Below the port ranges of both relays."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints:
    """The load's two ports; every session's peers are these two."""

    caller: int
    callee: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One measurement."""

    packets_per_second: float
    cpu_us: float
    """Of the relay process, all its threads, per packet forwarded."""
    cpu_share: float
    """Of one core."""
    loss_percent: float
    p50_us: float
    p99_us: float
    """Delay from the load's send to its receive."""


def compile_generator(directory: Path) -> Path | None:
    """Return the compiled generator, None when this machine has no C compiler."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        return None
    program = directory / "generator"
    subprocess.run([compiler, "-O2", "-Wall", "-o", program, SOURCE], check=True)
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
    return Endpoints(caller=caller, callee=callee)


def measure(
    generator: Path,
    sessions: Path,
    endpoints: Endpoints,
    pid: int,
    *,
    saturated: bool,
    seconds: float,
) -> Result:
    """Load a relay process whose session ports are in a file."""
    mode = ["-w", str(WINDOW)] if saturated else ["-r", str(PACED_RATE)]
    command = [
        *("taskset", "-c", str(LOAD_CORE), str(generator)),
        *("-a", str(endpoints.caller), "-b", str(endpoints.callee)),
        *("-p", str(pid), "-d", str(seconds), "-s", str(sessions), *mode),
    ]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return Result(**json.loads(done.stdout))
