"""Asks the node on this host whether it lives: `python -m edge.runtime.liveness_probe`.

The exit code is 0 when it does, 1 when not. A container's health check runs it every half minute,
so it imports next to nothing.
"""

import os
import socket
import sys

VARIABLE = "OVC_HEALTH_SOCKET"
TIMEOUT_S = 10.0
"""A node that is busy answers late, and its calls are worth waiting for."""


def is_alive(name: str, timeout_s: float = TIMEOUT_S) -> bool:
    """Ask the node whose socket has that name."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
        asking.settimeout(timeout_s)
        try:
            asking.connect(f"\0{name}")
            return bool(asking.recv(16))
        except OSError:
            return False


if __name__ == "__main__":
    sys.exit(0 if is_alive(os.environ[VARIABLE]) else 1)
