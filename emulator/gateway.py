"""The local front door: HTTP in, Function URL events (payload 2.0) to a handler, its answer out.

The path travels as it was sent, undecoded, because the signature is computed over it (API S4).
"""

import base64
import socket
import threading
import time
import uuid
from collections.abc import Mapping
from types import TracebackType

import uvicorn
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from lambdas.management.composition import Handler

MAX_BODY_BYTES = 1024 * 1024
"""Far above the largest valid request; Lambda itself takes 6 MB."""
READY_WITHIN_S = 10.0
_END_WITHIN_S = 2
_POLL_S = 0.01


class GatewayUnavailable(RuntimeError):
    """The gateway could not be started; the text says why and names the port."""


class Gateway:
    """An ASGI application in front of one handler."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        try:
            body = await _limited_body(request)
        except ClientDisconnect:
            return
        if body is None:
            response: Response = _too_large()
        else:
            answer = await run_in_threadpool(self._handler, event_of(request, body), None)
            response = _response(answer)
        await response(scope, receive, send)


class RunningGateway:
    """A gateway that serves in a thread of its own; ends with close() or the `with` block."""

    def __init__(self, handler: Handler, *, host: str = "127.0.0.1", port: int = 0) -> None:
        self._socket = _bound(host, port)
        self.port: int = self._socket.getsockname()[1]
        self.url = f"http://{host}:{self.port}"
        self._server = uvicorn.Server(
            uvicorn.Config(
                Gateway(handler),
                lifespan="off",
                log_level="error",
                access_log=False,
                server_header=False,
                date_header=False,
                timeout_graceful_shutdown=_END_WITHIN_S,
            )
        )
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True
        )
        self._thread.start()
        self._wait_until_started()

    def close(self) -> None:
        """Stop serving and free the port."""
        self._server.should_exit = True
        self._thread.join()
        self._socket.close()

    def __enter__(self) -> "RunningGateway":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _wait_until_started(self) -> None:
        deadline = time.monotonic() + READY_WITHIN_S
        while not self._server.started:
            if time.monotonic() > deadline or not self._thread.is_alive():
                self.close()
                raise GatewayUnavailable(f"the gateway on {self.url} did not become ready")
            time.sleep(_POLL_S)


def event_of(request: Request, body: bytes) -> dict[str, object]:
    """Return the Function URL event of a request, as AWS would make it."""
    raw_path = request.scope["raw_path"].decode("latin-1")
    text, is_base64 = _event_body(body)
    event: dict[str, object] = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": raw_path,
        "rawQueryString": request.scope["query_string"].decode("latin-1"),
        "headers": _joined_headers(request),
        "requestContext": {
            "domainName": request.headers.get("host", ""),
            "http": {
                "method": request.method,
                "path": raw_path,
                "protocol": f"HTTP/{request.scope['http_version']}",
                "sourceIp": request.client.host if request.client is not None else "",
                "userAgent": request.headers.get("user-agent", ""),
            },
            "routeKey": "$default",
            "stage": "$default",
        },
        "isBase64Encoded": is_base64,
    }
    if text:
        event["body"] = text
    return event


def _joined_headers(request: Request) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name, value in request.headers.items():
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    return headers


def _event_body(body: bytes) -> tuple[str, bool]:
    try:
        return body.decode(), False
    except UnicodeDecodeError:
        return base64.b64encode(body).decode(), True


async def _limited_body(request: Request) -> bytes | None:
    """Return the body, None as soon as it is over the limit."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            return None
    return bytes(body)


def _response(answer: Mapping[str, object]) -> Response:
    status, headers, body = answer["statusCode"], answer["headers"], answer["body"]
    assert isinstance(status, int) and isinstance(headers, dict) and isinstance(body, str)
    return Response(content=body.encode(), status_code=status, headers=headers)


def _too_large() -> Response:
    """Return the refusal of a body that no handler saw, in the form of the API's own errors."""
    return JSONResponse(
        {"Message": f"The body is larger than {MAX_BODY_BYTES} bytes"},
        status_code=413,
        headers={
            "x-amzn-ErrorType": "RequestEntityTooLargeException",
            "x-amzn-RequestId": str(uuid.uuid4()),
        },
    )


def _bound(host: str, port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise GatewayUnavailable(f"the gateway on {host}:{port}: {error.strerror}") from error
    return listener
