"""Requests of Terraform's AWS provider: headers and signature as the AWS SDK for Go has them."""

import http.client
import json
import uuid
from datetime import UTC, datetime
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from tests.management.signing import signed_headers

RETRIES = "attempt=1; max=25"
FORM = "application/x-www-form-urlencoded"
SIGNED_WITH_BODY = "amz-sdk-invocation-id;amz-sdk-request;content-length;content-type;host"
SIGNED_WITHOUT_BODY = "amz-sdk-invocation-id;amz-sdk-request;host"


class Answer(NamedTuple):
    """What came back."""

    status: int
    error_type: str | None
    body: bytes

    @property
    def document(self) -> Any:
        """The JSON of the body."""
        return json.loads(self.body)


class GoClient:
    """A client that sends each request once, on a connection of its own."""

    def __init__(self, url: str) -> None:
        self._host = urlsplit(url).netloc

    def get(self, path: str) -> Answer:
        """Read a resource."""
        return self._send("GET", path)

    def delete(self, path: str) -> Answer:
        """Delete a resource."""
        return self._send("DELETE", path)

    def put(self, path: str, document: object) -> Answer:
        """Replace a resource."""
        return self._send("PUT", path, json.dumps(document).encode())

    def post(self, path: str, document: object) -> Answer:
        """Create a resource, or ask for an action on one."""
        return self._send("POST", path, json.dumps(document).encode())

    def caller_identity(self) -> Answer:
        """Ask STS whose keys these are."""
        form = b"Action=GetCallerIdentity&Version=2011-06-15"
        return self._send("POST", "/", form, service="sts", content_type=FORM)

    def _send(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        *,
        service: str = "chime",
        content_type: str = "application/json",
    ) -> Answer:
        given = {
            "Host": self._host,
            "amz-sdk-invocation-id": str(uuid.uuid4()),
            "amz-sdk-request": RETRIES,
        }
        if body:
            given |= {"Content-Length": str(len(body)), "Content-Type": content_type}
        headers = signed_headers(
            method, path, body, moment=datetime.now(UTC), service=service, headers=given
        )
        # Else this would not be the client that it claims to be (API S3).
        signed = SIGNED_WITH_BODY if body else SIGNED_WITHOUT_BODY
        assert f"SignedHeaders={signed};x-amz-date," in headers["authorization"]
        connection = http.client.HTTPConnection(self._host, timeout=30)
        try:
            connection.request(method, path, body or None, headers)
            response = connection.getresponse()
            return Answer(response.status, response.headers["x-amzn-ErrorType"], response.read())
        finally:
            connection.close()
