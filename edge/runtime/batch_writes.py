"""BatchWriteItem for rows that have DynamoDB's own form already, at half of what boto3 takes.

A caller waits for a row, so batches are small and many. boto3 checks every attribute of every row
against the service's model and then writes it anew; here a batch becomes JSON at once, and botocore
signs and sends it: with its credentials, its proxies and its errors.
"""

import json
import os
import socket
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import ClientError, NoCredentialsError
from botocore.httpsession import URLLib3Session
from botocore.parsers import ResponseParserError
from botocore.utils import get_environ_proxies

from edge.runtime.row_writer import CONNECT_S, READ_S, Request, Write

OPERATION = "BatchWriteItem"
_HEADERS = {
    "Content-Type": "application/x-amz-json-1.0",
    "X-Amz-Target": f"DynamoDB_20120810.{OPERATION}",
}
_JSON = json.JSONEncoder(separators=(",", ":"))
# As botocore's own clients: otherwise the kernel waits 40 ms before it sends a body.
_NO_DELAY = [(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)]


class BatchWrites:
    """Writes batches of rows, from any thread."""

    def __init__(self, session: boto3.Session) -> None:
        """Write with a session's credentials to where its clients write."""
        meta = session.client("dynamodb").meta
        self._session = session
        self._url = f"{meta.endpoint_url.rstrip('/')}/"
        self._region = meta.region_name
        self._headers = {**_HEADERS, "Host": urlsplit(self._url).netloc}
        ca_bundle = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("AWS_CA_BUNDLE")
        self._http = URLLib3Session(
            verify=ca_bundle or True,  # type: ignore[arg-type]  # a path, as its clients give it
            proxies=get_environ_proxies(self._url),
            timeout=(CONNECT_S, READ_S),  # type: ignore[arg-type]  # both, as its clients give them
            socket_options=_NO_DELAY,  # type: ignore[arg-type]  # urllib3's are no texts
        )

    def to(self, table: str) -> Write:
        """Return the writing into one table.

        It raises ClientError when DynamoDB refuses, botocore's other errors when it is away, and
        its ResponseParserError when somebody else answers.
        """
        return partial(self._write, table)

    def _write(self, table: str, requests: list[Request]) -> list[Request]:
        credentials = self._session.get_credentials()
        if credentials is None:
            raise NoCredentialsError
        body = _JSON.encode({"RequestItems": {table: requests}}).encode("ascii")
        request = AWSRequest("POST", self._url, self._headers, body)
        keys = credentials.get_frozen_credentials()
        SigV4Auth(keys, "dynamodb", self._region).add_auth(request)
        response = self._http.send(request.prepare())
        answer = _read(response.content)
        if response.status_code != 200:
            raise _refusal(response.status_code, answer)
        if "UnprocessedItems" not in answer:
            # Whoever answers so is not DynamoDB, and nobody knows what has become of the rows.
            raise ResponseParserError(f"{OPERATION}: the answer says nothing of what was written")
        left: list[Request] = answer["UnprocessedItems"].get(table, [])
        return left


# What a service answers has no static type.
def _read(content: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(content)
    except ValueError:
        return {}  # from a proxy on the way
    return answer if isinstance(answer, dict) else {}


def _refusal(status: int, answer: dict[str, Any]) -> ClientError:
    """Return what botocore's client would raise."""
    code = str(answer.get("__type", status)).rpartition("#")[2]
    message = str(answer.get("message") or answer.get("Message") or "no reason is given")
    return ClientError({"Error": {"Code": code, "Message": message}}, OPERATION)
