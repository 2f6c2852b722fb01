"""Lambda's Runtime API for one function process: invocations go out, results come in.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html

The process asks for its next invocation and waits for it; that it asks is also how it says that it
is ready. What it tells is news for whoever holds the other end.
"""

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import SimpleQueue
from threading import Thread
from typing import NamedTuple

HOST = "127.0.0.1"
VERSION = "/2018-06-01"


class Invocation(NamedTuple):
    """One call of the function."""

    request_id: str
    payload: bytes
    function_arn: str
    trace_id: str
    deadline_ms: int
    """Since 1970."""


class Ready(NamedTuple):
    """The process asks for an invocation: it has none now."""


class Result(NamedTuple):
    """What the function answered, or the error that it ended with."""

    request_id: str
    body: bytes
    is_error: bool


class NotInitialised(NamedTuple):
    """The function's module could not be loaded."""

    body: bytes


class Exited(NamedTuple):
    """The process is gone."""

    code: int


News = Ready | Result | NotInitialised | Exited


class RuntimeApi:
    """A server on loopback for one process; ends with close()."""

    def __init__(self, news: "SimpleQueue[News]") -> None:
        """Serve at once, on a free port."""
        self._invocations: SimpleQueue[Invocation | None] = SimpleQueue()
        self._news = news
        self._server = _Server(self)
        Thread(target=self._server.serve_forever, daemon=True).start()
        self.address = f"{HOST}:{self._server.server_port}"

    def hand_out(self, invocation: Invocation) -> None:
        """Give the process an invocation, now or when it asks."""
        self._invocations.put(invocation)

    def next_invocation(self) -> Invocation | None:
        """Wait for an invocation; None when there will be no more."""
        self._news.put(Ready())
        return self._invocations.get()

    def take_in(self, news: Result | NotInitialised) -> None:
        """Pass on what the process has told."""
        self._news.put(news)

    def close(self) -> None:
        """Let go of a process that waits, and stop serving."""
        self._invocations.put(None)
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, api: RuntimeApi) -> None:
        super().__init__((HOST, 0), _Conversation)
        self.api = api


class _Conversation(BaseHTTPRequestHandler):
    """One connection of the process."""

    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        """Answer `/runtime/invocation/next`, the only question there is."""
        invocation = self.server.api.next_invocation()
        if invocation is None:
            self._answer(410)
            return
        self._answer(
            200,
            invocation.payload,
            {
                "Content-Type": "application/json",
                "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
                "Lambda-Runtime-Deadline-Ms": str(invocation.deadline_ms),
                "Lambda-Runtime-Invoked-Function-Arn": invocation.function_arn,
                "Lambda-Runtime-Trace-Id": invocation.trace_id,
            },
        )

    def do_POST(self) -> None:
        """Take the response or the error of an invocation, or why there can be none."""
        body = self._body()
        match self.path.removeprefix(f"{VERSION}/runtime/").split("/"):
            case ["init", "error"]:
                self.server.api.take_in(NotInitialised(body))
            case ["invocation", request_id, "response" | "error" as kind]:
                self.server.api.take_in(Result(request_id, body, kind == "error"))
            case _:
                self._answer(404)
                return
        self._answer(202, b'{"status":"OK"}')

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", "").lower():
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _answer(
        self, status: int, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: LocalStack logs invocations itself."""
