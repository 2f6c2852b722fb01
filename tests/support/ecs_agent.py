"""A stand-in for the endpoint of ECS's container agent that protects tasks from scale-in.

Each task asks at a URI of its own, as ECS gives it in `ECS_AGENT_URI`; `PUT` sets the protection
and `GET` tells it. Answers have the shapes of the real agent: `protection`, or with status 200 a
`failure` of ECS's, or with another status an `error`.
"""

import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any, NamedTuple

_PATH = re.compile(r"/api/([^/]+)/task-protection/v1/state")
_MEMBERS = {"ProtectionEnabled", "ExpiresInMinutes"}
DEFAULT_MINUTES = 120
LONGEST_MINUTES = 2_880


class Refusal(NamedTuple):
    """What a task is told instead of its protection."""

    status: int
    """200: ECS has refused; otherwise the request has failed."""
    code: str
    """Such as DEPLOYMENT_BLOCKED of a failure, ThrottlingException of an error."""
    message: str = "told so by the test"

    def answer(self, arn: str) -> dict[str, object]:
        """Return the body."""
        if self.status == 200:
            return {"failure": {"Arn": arn, "Reason": self.code, "Detail": self.message}}
        return {"error": {"Arn": arn, "Code": self.code, "Message": self.message}}


BLOCKED = Refusal(200, "DEPLOYMENT_BLOCKED")
NO_SERVICE = Refusal(200, "TASK_NOT_VALID")
THROTTLED = Refusal(400, "ThrottlingException", "Rate exceeded")
DENIED = Refusal(403, "AccessDeniedException")
BROKEN = Refusal(500, "ServerException")


class Put(NamedTuple):
    """One request for a change that was understood, whatever became of it."""

    task: str
    is_enabled: bool
    minutes: int | None
    at: float
    """Monotonic."""


class EcsAgent:
    """Tasks come into being when they ask; ECS stops none that is protected."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        """`now` tells the epoch second that protections end by."""
        self.puts: list[Put] = []
        self.refuse: Callable[[str], Refusal | None] = lambda task: None
        """What a task is refused with at the moment; None lets it have what it asks for."""
        self._now = now
        self._until: dict[str, float] = {}
        self._lock = Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def uri(self, task: str) -> str:
        """Return what `ECS_AGENT_URI` is for a task."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/api/{task}"

    def is_protected(self, task: str) -> bool:
        """Tell whether ECS would leave a task alone now."""
        with self._lock:
            return self._now() < self._until.get(task, 0.0)

    def of(self, task: str) -> list[bool]:
        """Return what a task has asked for so far, one after the other."""
        with self._lock:
            return [it.is_enabled for it in self.puts if it.task == task]

    def close(self) -> None:
        """Answer nobody any more."""
        self._server.shutdown()
        self._server.server_close()

    def answer(self, task: str, body: bytes | None) -> tuple[int, dict[str, object]]:
        """Return status and body for a request; without a body it is a question."""
        arn = f"arn:aws:ecs:us-east-1:000000000000:task/ovc-edge/{task}"
        wanted = None if body is None else _change(body)
        if body is not None and wanted is None:
            refusal = Refusal(400, "InvalidParameterException", "no such request")
            return 400, refusal.answer("")
        # First: whoever sees the put may change what is refused.
        refused = self.refuse(task)
        if wanted is not None:
            with self._lock:
                self.puts.append(Put(task, *wanted, time.monotonic()))
        if refused is not None:
            return refused.status, refused.answer(arn)
        with self._lock:
            if wanted is not None:
                self._set(task, *wanted)
            return 200, {"protection": self._state(task, arn)}

    def _set(self, task: str, is_enabled: bool, minutes: int | None) -> None:
        self._until.pop(task, None)
        if is_enabled:
            self._until[task] = self._now() + 60 * (minutes or DEFAULT_MINUTES)

    def _state(self, task: str, arn: str) -> dict[str, object]:
        until = self._until.get(task, 0.0)
        state: dict[str, object] = {"ProtectionEnabled": self._now() < until, "TaskArn": arn}
        if state["ProtectionEnabled"]:
            state["ExpirationDate"] = datetime.fromtimestamp(until, UTC).isoformat()
        return state

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        agent = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._tell(None)

            def do_PUT(self) -> None:
                self._tell(self.rfile.read(int(self.headers.get("Content-Length", "0"))))

            def _tell(self, body: bytes | None) -> None:
                found = _PATH.fullmatch(self.path)
                status, answer = (404, {}) if found is None else agent.answer(found[1], body)
                told = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(told)))
                self.end_headers()
                self.wfile.write(told)

            # The base class calls it with arguments of any kind.
            def log_message(self, format: str, *_: Any) -> None:
                """Say nothing."""

        return Handler


def _change(body: bytes) -> tuple[bool, int | None] | None:
    """Return what a request wants; None when the agent, or ECS, would not understand it."""
    try:
        wanted = json.loads(body)
    except ValueError:
        return None
    if not isinstance(wanted, dict) or not wanted.keys() <= _MEMBERS:
        return None
    is_enabled, minutes = wanted.get("ProtectionEnabled"), wanted.get("ExpiresInMinutes")
    if not isinstance(is_enabled, bool):
        return None
    if minutes is not None and not (isinstance(minutes, int) and 1 <= minutes <= LONGEST_MINUTES):
        return None
    return is_enabled, minutes


@contextmanager
def ecs_agent() -> Iterator[EcsAgent]:
    """Run an agent until the end of the block."""
    agent = EcsAgent()
    try:
        yield agent
    finally:
        agent.close()
