"""The edge as a child of the local run: it starts when told and also ends when its parent does.

Its parent starts it early, so that it is loaded by the time there is a configuration to read, and
writes a line to its standard input when there is.
"""

import os
import signal
import sys
import threading

from edge.__main__ import main as run_edge


def main() -> int:
    """Run the edge; the end of standard input is as good as SIGTERM."""
    if not sys.stdin.buffer.readline():
        return 0
    threading.Thread(target=_stop_when_orphaned, daemon=True).start()
    return run_edge()


def _stop_when_orphaned() -> None:
    # Not through sys.stdin, whose lock would trouble the interpreter's own end.
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    # Not sys.exit(): that would wait for threads that ask a DNS server which does not answer.
    os._exit(status)
