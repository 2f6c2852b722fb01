"""Batches of rows as they reach DynamoDB, and what its answers become."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError
from botocore.parsers import ResponseParserError

from edge.runtime.batch_writes import BatchWrites
from edge.runtime.row_writer import Request
from model.tables import CALLS
from tests.runtime.local_aws import REGION, Deployment

pytestmark = pytest.mark.sockets

ROWS: list[Request] = [
    {"PutRequest": {"Item": {"transaction_id": {"S": "a é"}, "answered": {"BOOL": True}}}},
    {"DeleteRequest": {"Key": {"transaction_id": {"S": "b"}}}},
]


NOTHING_LEFT = b'{"UnprocessedItems":{}}'


class Table(HTTPServer):
    """Gives one answer to everything and keeps what it was asked."""

    answer: tuple[int, bytes] = (200, NOTHING_LEFT)
    asked: list[tuple[dict[str, str], dict[str, object]]]


class _Handler(BaseHTTPRequestHandler):
    server: Table

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked.append((dict(self.headers.items()), json.loads(body)))
        status, content = self.server.answer
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""


@contextmanager
def table(status: int = 200, answer: bytes = NOTHING_LEFT) -> Iterator[Table]:
    with Table(("127.0.0.1", 0), _Handler) as server:
        server.answer, server.asked = (status, answer), []
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> boto3.Session:
    for name in ("REQUESTS_CA_BUNDLE", "AWS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    return boto3.Session("key-id", "secret", "a-token", region_name=REGION)


def writes_at(
    server: Table, session: boto3.Session, monkeypatch: pytest.MonkeyPatch
) -> BatchWrites:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_address[1]}")
    return BatchWrites(session)


def test_a_batch_is_what_the_service_defines_and_signed(
    session: boto3.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    with table(answer=b'{"UnprocessedItems":{}}') as server:
        assert writes_at(server, session, monkeypatch).to("calls")(ROWS) == []
        ((headers, body),) = server.asked
    assert body == {"RequestItems": {"calls": ROWS}}
    assert headers["X-Amz-Target"] == "DynamoDB_20120810.BatchWriteItem"
    assert headers["Content-Type"] == "application/x-amz-json-1.0"
    assert headers["X-Amz-Security-Token"] == "a-token"
    scope = f"Credential=key-id/{headers['X-Amz-Date'][:8]}/{REGION}/dynamodb/aws4_request"
    assert headers["Authorization"].startswith(f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=")
    assert "content-type;host;x-amz-date" in headers["Authorization"]


def test_what_the_table_did_not_take_comes_back(
    session: boto3.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = {"UnprocessedItems": {"calls": ROWS[1:], "others": ROWS[:1]}}
    with table(answer=json.dumps(answer).encode()) as server:
        assert writes_at(server, session, monkeypatch).to("calls")(ROWS) == ROWS[1:]


@pytest.mark.parametrize(
    ("status", "answer", "code", "message"),
    [
        (400, b'{"__type":"com.amazon.coral#ValidationException","message":"bad"}',
         "ValidationException", "bad"),
        (400, b'{"__type":"com.amazonaws.dynamodb#ThrottlingException","Message":"slow"}',
         "ThrottlingException", "slow"),
        (502, b"<html>", "502", "no reason is given"),
        (500, b"[]", "500", "no reason is given"),
    ],
)  # fmt: skip
def test_a_refusal_is_what_botocore_makes_of_it(
    status: int,
    answer: bytes,
    code: str,
    message: str,
    session: boto3.Session,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with table(status, answer) as server:
        write = writes_at(server, session, monkeypatch).to("calls")
        with pytest.raises(ClientError, match="BatchWriteItem") as caught:
            write(ROWS)
    assert caught.value.response["Error"] == {"Code": code, "Message": message}


def test_nobody_at_the_other_end_is_told_as_botocore_does(
    session: boto3.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    with table() as server:
        write = writes_at(server, session, monkeypatch).to("calls")
    with pytest.raises(EndpointConnectionError):
        write(ROWS)


def test_without_credentials_nothing_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    with table() as server:
        session = boto3.Session(region_name=REGION)
        monkeypatch.setattr(session, "get_credentials", lambda: None)
        write = writes_at(server, session, monkeypatch).to("calls")
        with pytest.raises(NoCredentialsError):
            write(ROWS)
        assert server.asked == []


def test_rows_are_in_a_real_table(deployment: Deployment) -> None:
    write = BatchWrites(deployment.aws.session()).to(CALLS.physical_name(deployment.prefix))
    rows: list[Request] = [
        {"PutRequest": {"Item": {"transaction_id": {"S": str(number)}}}} for number in range(25)
    ]
    assert write(rows) == []
    assert len(deployment.rows(CALLS)) == 25


@pytest.mark.parametrize("answer", [b"{}", b"<html>Sign in</html>", b"[]"])
def test_an_answer_of_somebody_else_is_no_success(
    session: boto3.Session, monkeypatch: pytest.MonkeyPatch, answer: bytes
) -> None:
    # EDGE C9: a call waits for what it says
    with table(200, answer) as server:
        write = writes_at(server, session, monkeypatch).to("calls")
        with pytest.raises(ResponseParserError, match="says nothing of what was written"):
            write(ROWS)
