"""What ECS offers over HTTP: its API, and to each task its metadata."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from tests.fleet.ecs import Ecs


class EcsServer(ThreadingHTTPServer):
    """Listens on loopback; whom it answers for is set once it is known."""

    daemon_threads = True
    ecs: Ecs

    @property
    def url(self) -> str:
        """Return the endpoint of the API."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def metadata_uri(self, task: str) -> str:
        """Return what ECS_CONTAINER_METADATA_URI_V4 says in a task."""
        return f"{self.url}/v4/{task}"


class _Handler(BaseHTTPRequestHandler):
    server: EcsServer

    def do_POST(self) -> None:
        """Answer a request to the API."""
        asked = self._body()
        match self.headers["X-Amz-Target"].rpartition(".")[2]:
            case "DescribeTasks":
                self._answer(200, self.server.ecs.describe_tasks(asked["tasks"]))
            case "DescribeServices":
                services = [self.server.ecs.describe_service()]
                self._answer(200, {"services": services, "failures": []})
            case operation:
                self._answer(400, {"__type": "InvalidAction", "message": operation})

    def do_GET(self) -> None:
        """Tell a task about itself."""
        version, name, what = self.path[1:].split("/")
        task = self.server.ecs.task(name)
        if task is None or (version, what) != ("v4", "task"):
            self._answer(404, {})
        else:
            self._answer(200, {"TaskARN": task.arn})

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def _body(self) -> Any:
        return json.loads(self.rfile.read(int(self.headers["Content-Length"])))

    def _answer(self, status: int, members: dict[str, Any]) -> None:
        body = json.dumps(members).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def ecs_server() -> Iterator[EcsServer]:
    """Run a server until the block ends."""
    with EcsServer(("127.0.0.1", 0), _Handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
