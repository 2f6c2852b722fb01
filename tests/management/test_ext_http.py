"""The operator's extensions over HTTP, signed as docs/ext.md shows it."""

import json
import urllib.request
from typing import Any

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

from lambdas.management.ext.router import RESOURCES
from tests.management.stand import Stand

pytestmark = pytest.mark.sockets


def ext(stand: Stand, target: str) -> Any:
    """Return the answer to /ext/..., as JSON has it."""
    request = AWSRequest("GET", stand.url + target)
    session = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test")
    SigV4Auth(session.get_credentials(), "chime", "us-east-1").add_auth(request)
    plain = urllib.request.Request(request.url, headers=dict(request.headers))
    with urllib.request.urlopen(plain) as answer:
        return json.load(answer)


LISTS = {
    "/ext/calls": {"Calls": []},
    "/ext/carriers": {"Carriers": []},
    "/ext/cdrs?number=%2B12065550100": {"CallDetailRecords": []},
    "/ext/nodes": {"Nodes": []},
}


@pytest.mark.parametrize("target", LISTS)
def test_lists_are_empty_where_no_edge_runs(stand: Stand, target: str) -> None:
    # EXT4 EXT5 EXT7 EXT8
    assert ext(stand, target) == LISTS[target]


def test_a_connector_without_calls_has_used_nothing(stand: Stand) -> None:
    # EXT5 EXT6
    connector_id = stand.new_connector()
    assert ext(stand, f"/ext/cdrs?connector-id={connector_id}") == {"CallDetailRecords": []}
    usage = ext(stand, f"/ext/usage?connector-id={connector_id}")
    assert usage["Complete"] and not usage["Days"]
    assert usage["Total"]["Termination"]["Calls"] == usage["Total"]["Origination"]["Calls"] == 0


def test_every_extension_is_tried_here() -> None:
    tried = {target.partition("?")[0] for target in LISTS} | {"/ext/usage"}
    assert tried == set(RESOURCES)
