"""What the kernel counts of processes, and ports that are free."""

import os
import socket
import time
from pathlib import Path

from edge.flow import Address

POLL_S = 0.05
BOUND_WITHIN_S = 20.0


def cpu_s(pid: int) -> float:
    """Return the CPU time of all threads of a process, in seconds."""
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


def resident_kib(pid: int) -> float:
    """Return the resident memory of a process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1024


def children(pid: int) -> dict[int, str]:
    """Return the children of a process with their command lines."""
    found: dict[int, str] = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            line = Path(f"/proc/{child}/cmdline").read_bytes().replace(b"\0", b" ")
            found[int(child)] = line.decode(errors="replace")
    return found


def free_address(host: str) -> Address:
    """Return a host's UDP port that is free now."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
    return host, port


def wait_until_bound(address: Address) -> None:
    """Wait until somebody has a UDP address."""
    give_up_at = time.monotonic() + BOUND_WITHIN_S
    while time.monotonic() < give_up_at:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.bind(address)
            except OSError:
                return
        time.sleep(POLL_S)
    raise RuntimeError(f"nobody listens on {address[0]}:{address[1]}")
