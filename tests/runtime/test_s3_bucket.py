"""PUTs through obstore: the bytes, the condition, the credentials."""

import asyncio
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import boto3
import pytest
from obstore.exceptions import AlreadyExistsError

from edge.runtime.cdr_sink import is_denial
from edge.runtime.s3_bucket import S3Bucket
from tests.runtime.local_aws import REGION, Deployment, LocalAws
from tests.runtime.records import a_record

pytestmark = pytest.mark.sockets


def test_an_object_is_created_once_and_reads_back_byte_for_byte(deployment: Deployment) -> None:
    bucket, record = S3Bucket(deployment.bucket, deployment.aws.session()), a_record()

    async def run() -> None:
        await bucket.create(record.key(), record.body())
        with pytest.raises(AlreadyExistsError):
            await bucket.create(record.key(), b"something else")
        assert await bucket.read(record.key()) == record.body()
        with pytest.raises(FileNotFoundError):
            await bucket.read("no-such-key")

    asyncio.run(run())
    assert deployment.objects() == {record.key(): record.body()}
    s3 = deployment.aws.client("s3")
    head = s3.head_object(Bucket=deployment.bucket, Key=record.key())
    assert head["ContentType"] == "application/json"


def test_a_bucket_that_is_not_there_is_an_error_that_may_pass(aws: LocalAws) -> None:
    with pytest.raises(FileNotFoundError, match="NoSuchBucket"):
        asyncio.run(S3Bucket("no-such-bucket", aws.session()).create("k", b"v"))


class Refusing(BaseHTTPRequestHandler):
    """Plays S3 for whom the bucket's policy gives no right to write."""

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        body = b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
        self.send_response(403)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Keep the terminal quiet."""


def test_a_bucket_that_gives_no_right_is_known_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    # EDGE C10
    server = ThreadingHTTPServer(("127.0.0.1", 0), Refusing)
    thread = Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
    try:
        bucket = S3Bucket("theirs", boto3.Session("a", "b", region_name=REGION))
        with pytest.raises(Exception, match="AccessDenied") as raised:
            asyncio.run(bucket.create("k", b"v"))
        assert is_denial(raised.value)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert not is_denial(FileNotFoundError("NoSuchBucket"))


class Recorder(BaseHTTPRequestHandler):
    """Plays S3 and the credentials endpoint of an ECS task; keeps the headers of each PUT."""

    puts: list[dict[str, str]]

    def do_GET(self) -> None:
        body = json.dumps(
            {
                "AccessKeyId": "ASIATASKROLE",
                "SecretAccessKey": "secret",
                "Token": "session-token",
                "Expiration": "2999-01-01T00:00:00Z",
            }
        ).encode()
        self._answer(200 if self.path == "/credentials" else 404, body)

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.puts.append({"path": self.path, **{k.lower(): v for k, v in self.headers.items()}})
        self._answer(200, b"")

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("ETag", '"0"')
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Keep the terminal quiet."""


@pytest.fixture
def recorder() -> Iterator[ThreadingHTTPServer]:
    Recorder.puts = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Recorder)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_role_of_an_ecs_task_signs_the_request(
    recorder: ThreadingHTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"http://127.0.0.1:{recorder.server_port}"
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{url}/credentials")
    bucket = S3Bucket("b", boto3.Session(region_name=REGION), {"AWS_ENDPOINT_URL_S3": url})
    asyncio.run(bucket.create("key", b"body"))
    (put,) = Recorder.puts
    assert put["path"] == "/b/key" and put["if-none-match"] == "*"
    assert "Credential=ASIATASKROLE/" in put["authorization"]
    assert put["x-amz-security-token"] == "session-token"
