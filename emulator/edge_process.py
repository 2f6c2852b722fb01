"""The edge as a child of the local run: it also ends when its parent does."""

import os
import signal
import sys
import threading

from edge.__main__ import main as run_edge


def main() -> int:
    """Run the edge; the end of standard input is as good as SIGTERM."""
    threading.Thread(target=_stop_when_orphaned, daemon=True).start()
    return run_edge()


def _stop_when_orphaned() -> None:
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    # Not sys.exit(): that would wait for threads that ask a DNS server which does not answer.
    os._exit(status)
