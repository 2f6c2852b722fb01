"""A client of the operator's extensions, signed as docs/ext.md shows it."""

import json
import urllib.request
from typing import Any

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

LONGEST_S = 10.0


def ext(
    api_url: str, target: str, method: str = "GET", key: tuple[str, str] = ("test", "test")
) -> Any:
    """Return the answer to a request to /ext/..., as JSON has it."""
    request = AWSRequest(method, api_url + target)
    SigV4Auth(Credentials(*key), "chime", "us-east-1").add_auth(request)
    headers = dict(request.headers.items())
    signed = urllib.request.Request(api_url + target, headers=headers, method=method)
    with urllib.request.urlopen(signed, timeout=LONGEST_S) as answer:
        return json.load(answer)
