"""The local front door: bytes in, event out, answer back."""

import http.client
import json
import socket
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from emulator.gateway import MAX_BODY_BYTES, GatewayUnavailable, RunningGateway

pytestmark = pytest.mark.sockets


class Recorder:
    """A handler that keeps the events and answers with a fixed one."""

    def __init__(self) -> None:
        self.events: list[Mapping[str, Any]] = []

    def __call__(self, event: Mapping[str, Any], context: object) -> dict[str, object]:
        self.events.append(event)
        return {
            "statusCode": 201,
            "headers": {"X-Test": "yes", "Date": "Fri, 02 Jan 2026 03:04:05 GMT"},
            "body": '{"a":"é"}',
            "isBase64Encoded": False,
        }


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def gateway(recorder: Recorder) -> Iterator[RunningGateway]:
    with RunningGateway(recorder) as running:
        yield running


def raw(gateway: RunningGateway, request: bytes) -> bytes:
    """Send bytes as they are and return the whole answer."""
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=5) as connection:
        connection.sendall(request)
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
    return answer


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        ("/phone-numbers/%2B12065550100", "/phone-numbers/%2B12065550100", ""),
        ("/phone-numbers/%252B12065550100", "/phone-numbers/%252B12065550100", ""),
        ("/a//b/../c/", "/a//b/../c/", ""),
        ("/%C3%A9%ff?x=%2F&y=a+b&y", "/%C3%A9%ff", "x=%2F&y=a+b&y"),
        ("/", "/", ""),
    ],
)
def test_path_and_query_arrive_as_they_were_sent(
    gateway: RunningGateway, recorder: Recorder, target: str, path: str, query: str
) -> None:
    # API S4, ARCHITECTURE A2
    raw(gateway, f"GET {target} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n".encode())
    (event,) = recorder.events
    assert (event["rawPath"], event["rawQueryString"]) == (path, query)
    assert event["version"] == "2.0"
    assert event["requestContext"]["http"]["method"] == "GET"
    assert event["requestContext"]["http"]["sourceIp"] == "127.0.0.1"
    assert "body" not in event


def test_headers_arrive_in_lower_case_and_repeated_ones_joined(
    gateway: RunningGateway, recorder: Recorder
) -> None:
    raw(
        gateway,
        b"GET / HTTP/1.1\r\nHost: voice.example.net:4080\r\nX-One: a\r\nx-one: b\r\n"
        b"Connection: close\r\n\r\n",
    )
    (event,) = recorder.events
    assert event["headers"]["host"] == "voice.example.net:4080"
    assert event["headers"]["x-one"] == "a,b"


@pytest.mark.parametrize(
    ("body", "text", "is_base64"),
    [("é".encode(), "é", False), (b"\xff\x00", "/wA=", True)],
)
def test_a_body_is_text_when_it_can_be_and_base64_otherwise(
    gateway: RunningGateway, recorder: Recorder, body: bytes, text: str, is_base64: bool
) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=5)
    connection.request("POST", "/", body)
    answer = connection.getresponse()
    assert (answer.status, answer.read()) == (201, '{"a":"é"}'.encode())
    connection.close()
    (event,) = recorder.events
    assert (event["body"], event["isBase64Encoded"]) == (text, is_base64)


def test_the_handlers_headers_go_out_and_no_others_of_the_server(gateway: RunningGateway) -> None:
    # API W7
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=5)
    connection.request("GET", "/")
    answer = connection.getresponse()
    answer.read()
    connection.close()
    assert answer.headers["X-Test"] == "yes"
    assert answer.headers.get_all("Date") == ["Fri, 02 Jan 2026 03:04:05 GMT"]
    assert "Server" not in answer.headers


@pytest.mark.parametrize(("size", "status"), [(MAX_BODY_BYTES, 201), (MAX_BODY_BYTES + 1, 413)])
def test_a_body_has_a_limit(
    gateway: RunningGateway, recorder: Recorder, size: int, status: int
) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=5)
    connection.request("POST", "/", b"x" * size)
    answer = connection.getresponse()
    assert answer.status == status
    document = json.loads(answer.read())
    connection.close()
    if status == 413:
        # API W7
        assert document == {"Message": "The body is larger than 1048576 bytes"}
        assert answer.headers["x-amzn-ErrorType"] == "RequestEntityTooLargeException"
        assert len(answer.headers["x-amzn-RequestId"]) == 36
    assert len(recorder.events) == (status == 201)


def test_bytes_that_are_no_http_leave_the_gateway_up(
    gateway: RunningGateway, recorder: Recorder
) -> None:
    assert raw(gateway, b"\x00\xff\r\n\r\n").startswith(b"HTTP/1.1 400")
    raw(gateway, b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
    assert len(recorder.events) == 1


def test_a_port_in_use_is_named(gateway: RunningGateway, recorder: Recorder) -> None:
    with pytest.raises(GatewayUnavailable, match=f"127.0.0.1:{gateway.port}: Address already"):
        RunningGateway(recorder, port=gateway.port)


def test_a_closed_gateway_frees_its_port(recorder: Recorder) -> None:
    with RunningGateway(recorder) as first:
        port = first.port
    with RunningGateway(recorder, port=port) as second:
        assert second.port == port
