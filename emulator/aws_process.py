"""The child process that is AWS for the local run: moto's server on loopback.

Started as `python -m emulator.aws_process PORT` (0 picks a free one). Says on standard output that
it is ready and on which port, or why not; ends when its standard input does, so that even the
parent's sudden death leaves nothing running.
"""

import json
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING

from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from werkzeug.serving import make_server

from emulator import moto_reads, moto_transactions

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

HOST = "127.0.0.1"


class OneAtATime:
    """A WSGI application whose requests run one after the other.

    moto's DynamoDB reads, judges and writes an item without a lock: two requests at once would lose
    an update that the real service keeps.
    """

    def __init__(self, application: "WSGIApplication") -> None:
        self._application = application
        self._lock = threading.Lock()

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Answer one request."""
        with self._lock:
            return list(self._application(environ, start_response))


def main() -> int:
    """Serve until standard input ends; returns the exit code."""
    # The terminal sends Ctrl-C to the whole group; the parent decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    moto_transactions.install()
    moto_reads.install()
    application = OneAtATime(DomainDispatcherApplication(create_backend_app))
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, int(sys.argv[1])))
        listener.listen()
    except OSError as error:
        _say({"event": "failed", "process": "aws", "reason": error.strerror})
        return 1
    port: int = listener.getsockname()[1]
    server = make_server(
        HOST,
        port,
        application,
        threaded=True,
        request_handler=MotoRequestHandler,
        fd=listener.fileno(),
    )
    threading.Thread(target=_exit_when_orphaned, daemon=True).start()
    _say({"event": "ready", "process": "aws", "port": port})
    server.serve_forever()
    return 0


def _exit_when_orphaned() -> None:
    # Not through sys.stdin, whose lock would trouble the interpreter's own end.
    while os.read(sys.stdin.fileno(), 1024):
        pass
    os._exit(0)


def _say(line: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
