"""The warm handler's own part: signed requests in this process, AWS answering at once.

The clients are botocore's and do all their work but the sending: answers are put in before it.
"""

import base64
import json
import logging
import uuid
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from time import perf_counter
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.session import Session

from lambdas.management.composition import AWS_CLIENT_CONFIG, Handler, build
from model.codec import encode_item
from model.connector import Connector
from model.connector_items import connector_members
from model.settings import Settings
from model.tables import PARTITION_KEY, SORT_KEY

HOST = "voice.example.net"
CONNECTORS = 100
"""In the table; the listing reads and returns all of them."""
_ID = "abcdefghijklmnopqrstuv"
_ROUTE = {"Host": "pbx.example.com", "Port": 5060, "Protocol": "UDP", "Priority": 1, "Weight": 1}


class Case(NamedTuple):
    """One line of the table."""

    name: str
    method: str
    target: str
    body: bytes
    status: int


CASES = (
    Case("GetVoiceConnector", "GET", f"/voice-connectors/{_ID}", b"", 200),
    Case(
        "CreateVoiceConnector",
        "POST",
        "/voice-connectors",
        json.dumps({"Name": "vc", "RequireEncryption": True}).encode(),
        201,
    ),
    Case(
        "PutVoiceConnectorOrigination",
        "PUT",
        f"/voice-connectors/{_ID}/origination",
        json.dumps({"Origination": {"Routes": [_ROUTE] * 10}}).encode(),
        200,
    ),
    Case(f"ListVoiceConnectors, {CONNECTORS}", "GET", "/voice-connectors", b"", 200),
)


class Measured(NamedTuple):
    """What one case took."""

    case: Case
    seconds: list[float]
    calls: list[str]
    """Operations on DynamoDB that one request needs."""


def measure(count: int) -> Iterator[Measured]:
    """Yield the seconds of `count` requests of each case, and what each asks of the database."""
    calls: list[str] = []
    handler = _handler(calls.append)
    for case in CASES:
        _answered(handler, case)  # compiles, fills caches, notes the key's use
        calls.clear()
        _answered(handler, case)
        asked = list(calls)
        yield Measured(case, [_answered(handler, case) for _ in range(count)], asked)


def _answered(handler: Handler, case: Case) -> float:
    event = _event(case)
    start = perf_counter()
    answer = handler(event, None)
    took = perf_counter() - start
    assert answer["statusCode"] == case.status, answer
    return took


def _event(case: Case) -> dict[str, object]:
    """Return a Function URL event, signed as boto3 does it."""
    url = f"https://{HOST}{case.target}"
    request = AWSRequest(method=case.method, url=url, data=case.body, headers={"Host": HOST})
    SigV4Auth(Credentials("test", "test"), "chime", "us-east-1").add_auth(request)
    parts = urlsplit(url)
    return {
        "version": "2.0",
        "rawPath": parts.path,
        "rawQueryString": parts.query,
        "headers": {name.lower(): value for name, value in request.headers.items()},
        "requestContext": {"http": {"method": case.method, "path": parts.path}},
        "body": base64.b64encode(case.body).decode(),
        "isBase64Encoded": True,
    }


def _handler(tell: Callable[[str], None]) -> Handler:
    session = Session()
    session.set_credentials("test", "test")
    dynamodb = session.create_client("dynamodb", "us-east-1", config=AWS_CLIENT_CONFIG)
    keys: Any = session.create_client("secretsmanager", "us-east-1", config=AWS_CLIENT_CONFIG)
    _answer_at_once(dynamodb, _database_answers(), tell)
    secret = json.dumps({"test": {"secret": "test", "active": True}})
    _answer_at_once(keys, {"GetSecretValue": {"SecretString": secret}}, lambda _: None)
    log = logging.getLogger("bench.api")
    log.setLevel(logging.CRITICAL)
    return build(
        settings=Settings(),
        table_prefix="ovc",
        access_keys_secret="ovc/access-keys",
        dynamodb=dynamodb,
        secretsmanager=keys,
        log=log,
    )


class _Answer:
    """What botocore looks at of an HTTP answer."""

    status_code = 200
    headers: Mapping[str, str] = {}


def _answer_at_once(
    client: Any, answers: Mapping[str, object], tell: Callable[[str], None]
) -> None:
    def answer(model: Any, **_: object) -> tuple[_Answer, object]:
        tell(model.name)
        return _Answer(), answers[model.name]

    client.meta.events.register("before-call", answer)


def _database_answers() -> dict[str, object]:
    items = [_item(_ID), *(_item(uuid.uuid4().hex[:22]) for _ in range(CONNECTORS - 1))]
    return {
        "GetItem": {"Item": items[0]},
        "Query": {"Items": items},
        "UpdateItem": {"Attributes": items[0]},
        "TransactWriteItems": {},
    }


def _item(connector_id: str) -> Mapping[str, object]:
    moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    connector = Connector(
        connector_id=connector_id,
        name="vc",
        region="us-east-1",
        require_encryption=False,
        created_at=moment,
        updated_at=moment,
        network_type="IPV4_ONLY",
        integration_type=None,
    )
    members = connector_members(connector)
    assert {PARTITION_KEY, SORT_KEY} <= members.keys()
    return encode_item(members)
