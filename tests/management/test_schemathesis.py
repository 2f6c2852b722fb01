"""Schemathesis drives the API by its published description: right and wrong input, all by HTTP.

It looks for answers that the description does not have: statuses, types, headers, members; and for
failures of the server.
"""

import json
from typing import Any

import pytest
import requests
import schemathesis
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import HealthCheck, Phase, settings
from requests.auth import AuthBase
from schemathesis import checks
from schemathesis.specs.openapi import checks as openapi_checks

from scripts.openapi import FILE
from tests.management.stand import Stand

pytestmark = [pytest.mark.sockets]

EXAMPLES = 6
"""Of each operation."""

CHECKS = [
    checks.not_a_server_error,
    openapi_checks.status_code_conformance,
    openapi_checks.content_type_conformance,
    openapi_checks.response_headers_conformance,
    openapi_checks.response_schema_conformance,
]

LONGEST_TARGET = 6_000
"""Front doors refuse what is much longer: Function URLs take 10 KB with all headers."""

OF_THE_CONNECTION = {
    "connection",
    "content-length",
    "expect",
    "host",
    "transfer-encoding",
    "upgrade",
}
"""Headers that say where a request ends and who gets it: with wrong ones it is no request."""

schema = schemathesis.openapi.from_dict(json.loads(FILE.read_text()))


@schema.hook
def filter_case(context: Any, case: Any) -> bool:
    """Leave out what no front door lets through, e.g. the model's tokens of 65,535 characters."""
    if OF_THE_CONNECTION & {name.lower() for name in case.headers or {}}:
        return False
    return len(case.as_transport_kwargs()["url"] + str(case.query)) < LONGEST_TARGET


class Signed(AuthBase):
    """Signs what is about to be sent, whatever it is."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Return the request with botocore's signature."""
        assert request.method is not None and request.url is not None
        url, _, _ = request.url.partition("#")
        body = request.body or b""
        signed = AWSRequest(method=request.method, url=url, data=body)
        SigV4Auth(Credentials("test", "test"), "chime", "us-east-1").add_auth(signed)
        request.headers.update(signed.headers.items())
        return request


@schema.parametrize()
@settings(
    max_examples=EXAMPLES,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_every_answer_is_as_described(case: Any, stand: Stand) -> None:
    # API W2 W5 W6 W7 E1 E2 E3 E6 V1
    case.call_and_validate(base_url=stand.url, auth=Signed(), checks=CHECKS)
