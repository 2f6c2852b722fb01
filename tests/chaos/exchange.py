"""One HTTP request and its answer, as a proxy between the edge and AWS sees them."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple, TypeAlias
from urllib.parse import urlsplit

_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "expect"}
_TARGET = "x-amz-target"


class HttpError(ValueError):
    """What came is no HTTP/1.1 that this proxy reads; the text shows it."""


class Request(NamedTuple):
    """A request, whole."""

    method: str
    target: str
    headers: Mapping[str, str]
    """By names in lower case; what holds between two neighbours alone is left out."""
    body: bytes

    @property
    def operation(self) -> str:
        """Return DynamoDB's name of what is asked, of S3 the method."""
        return self.headers.get(_TARGET, self.method).rpartition(".")[2]

    @property
    def is_dynamodb(self) -> bool:
        """Tell whether it is for DynamoDB; what else passes here is for S3."""
        return self.headers.get(_TARGET, "").startswith("DynamoDB_")


class Answer(NamedTuple):
    """An answer, whole."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    length: int | None = None
    """Of the body that HEAD leaves out."""


Forward: TypeAlias = Callable[[Request], Awaitable[Answer]]
"""Puts a request to AWS; raises OSError, HttpError or EOFError when AWS does not answer."""


async def read_request(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> Request | None:
    """Return the next request of a connection, None at its end; raises HttpError or OSError."""
    head = await _head(reader)
    if head is None:
        return None
    first, headers = head
    parts = first.split(" ")
    if len(parts) != 3:
        raise HttpError(first)
    if headers.get("expect", "").lower() == "100-continue":
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    body = await _body(reader, headers, until_end=False)
    return Request(parts[0], parts[1], _end_to_end(headers), body)


def write_answer(writer: asyncio.StreamWriter, answer: Answer) -> None:
    """Send an answer and keep the connection."""
    length = len(answer.body) if answer.length is None else answer.length
    lines = [f"HTTP/1.1 {answer.status} From AWS"]
    lines += [f"{name}: {value}" for name, value in answer.headers.items()]
    lines += [f"content-length: {length}", "", ""]
    writer.write("\r\n".join(lines).encode("latin-1") + answer.body)


def forwarding_to(url: str) -> Forward:
    """Return what puts requests to a server, each over a connection of its own."""
    host, port = urlsplit(url).hostname, urlsplit(url).port
    assert host is not None and port is not None, url

    async def forward(request: Request) -> Answer:
        reader, writer = await asyncio.open_connection(host, port)
        try:
            lines = [f"{request.method} {request.target} HTTP/1.1"]
            lines += [f"{name}: {value}" for name, value in request.headers.items()]
            lines += ["connection: close", f"content-length: {len(request.body)}", "", ""]
            writer.write("\r\n".join(lines).encode("latin-1") + request.body)
            return await _read_answer(reader, is_head=request.method == "HEAD")
        finally:
            writer.close()

    return forward


async def _read_answer(reader: asyncio.StreamReader, *, is_head: bool) -> Answer:
    status = 100
    while status < 200:
        head = await _head(reader)
        if head is None:
            raise HttpError("the connection ended before the answer")
        first, headers = head
        status = int(first.split(" ")[1])
    if is_head or status in (204, 304):
        length = int(headers.get("content-length", "0"))
        return Answer(status, _end_to_end(headers), b"", length)
    body = await _body(reader, headers, until_end=True)
    return Answer(status, _end_to_end(headers), body)


async def _head(reader: asyncio.StreamReader) -> tuple[str, dict[str, str]] | None:
    """Return the first line and the header fields."""
    try:
        block = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise HttpError(repr(error.partial[:80])) from error
        return None
    except asyncio.LimitOverrunError as error:
        raise HttpError("a header without an end") from error
    first, *rest = block.decode("latin-1").split("\r\n")[:-2]
    fields = (line.partition(":") for line in rest)
    return first, {name.lower(): value.strip() for name, _, value in fields}


async def _body(
    reader: asyncio.StreamReader, headers: Mapping[str, str], *, until_end: bool
) -> bytes:
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return await _chunks(reader)
    if "content-length" in headers:
        return await reader.readexactly(int(headers["content-length"]))
    return await reader.read() if until_end else b""


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    found = bytearray()
    while length := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
        found += await reader.readexactly(length)
        await reader.readexactly(2)
    while await reader.readuntil(b"\r\n") != b"\r\n":
        pass  # trailers
    return bytes(found)


def _end_to_end(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name not in _HOP_BY_HOP}
