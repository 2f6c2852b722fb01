"""Events as different front doors make them; no socket."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from lambdas.management.composition import Handler
from lambdas.management.event_fields import MalformedEvent
from lambdas.management.events import event_answer, request_from
from lambdas.management.http import HttpAnswer
from tests.management.signing import balancer_event, signed_headers

EVENTS = Path(__file__).parent / "events"
FILES = sorted(EVENTS.glob("*.json"))


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_a_recorded_event_is_verified_and_understood(handler: Handler, path: Path) -> None:
    # ARCHITECTURE A2, API PN1 S4: the right number is asked for, whichever form arrives
    for recorded in json.loads(path.read_text())["events"]:
        answer = handler(recorded["event"], None)
        assert answer["statusCode"] == recorded["status"], recorded["request"]
        assert recorded["contains"] in str(answer["body"]), recorded["request"]


@pytest.mark.parametrize(
    ("method", "target", "body", "status"),
    [
        ("GET", "/voice-connectors?max-results=5", b"", 200),
        ("GET", "/phone-numbers/%2B12065550100", b"", 404),
        ("POST", "/voice-connectors", b'{"Name":"a@b","RequireEncryption":true}', 400),
    ],
)
def test_a_domain_of_ones_own_is_what_clients_sign(
    handler: Handler, clock: datetime, method: str, target: str, body: bytes, status: int
) -> None:
    # ARCHITECTURE A2, API S2: by way of a balancer, which keeps the Host that the client sent
    own = {"Host": "api.voice.example.com"}
    headers = signed_headers(method, target, body, moment=clock, headers=own)
    assert headers["host"] == own["Host"]
    answer = handler(balancer_event(method, target, body, headers=headers), None)
    assert answer["statusCode"] == status
    for host in ("api.voice.example.com:443", "ovc-1234.eu-central-1.elb.amazonaws.com"):
        changed = balancer_event(method, target, body, headers=headers | {"host": host})
        refused = handler(changed, None)
        assert refused["statusCode"] == 403
        assert "signature" in str(refused["body"])


def test_there_is_an_event_of_every_front() -> None:
    # ARCHITECTURE A2
    fronts = {"aws", "gateway", "localstack", "alb", "alb_multi_value"}
    assert {path.stem for path in FILES} == fronts
    for path in FILES:
        targets = [it["request"] for it in json.loads(path.read_text())["events"]]
        assert targets[0].endswith("/phone-numbers/%2B12065552001"), path
        assert targets[1].endswith("/phone-numbers/%252B12065552001"), path


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"requestContext": {}},
        {"requestContext": {"http": {"method": "GET"}}},
        {"requestContext": {"http": {"method": "GET"}}, "rawPath": "/", "headers": []},
        {"requestContext": {"http": {"method": "GET"}}, "rawPath": "/", "headers": {"a": 1}},
        {
            "requestContext": {"http": {"method": "GET"}},
            "rawPath": "/",
            "body": "%",
            "isBase64Encoded": True,
        },
        {"requestContext": {"elb": {}}},
        {"requestContext": {"elb": {}}, "httpMethod": "GET"},
        {"requestContext": {"elb": {}}, "httpMethod": "GET", "path": "/", "headers": ["a"]},
        {"requestContext": {"elb": {}}, "httpMethod": "GET", "path": "/", "headers": {"a": 1}},
        {
            "requestContext": {"elb": {}},
            "httpMethod": "GET",
            "path": "/",
            "multiValueHeaders": {"a": "no list"},
        },
    ],
)
def test_what_is_no_event_of_a_front_door_is_refused(event: dict[str, object]) -> None:
    with pytest.raises(MalformedEvent):
        request_from(event)


def test_a_body_may_come_as_text_or_as_base64() -> None:
    context = {
        "requestContext": {"http": {"method": "post"}},
        "rawPath": "/",
        "headers": {"A": "b"},
    }
    text = request_from({**context, "body": "é", "isBase64Encoded": False})
    coded = request_from({**context, "body": "w6k=", "isBase64Encoded": True})
    assert text == coded
    assert text.body == "é".encode()
    assert (text.method, text.headers) == ("POST", {"a": "b"})
    assert request_from({**context, "body": None}).body == b""


BALANCER: dict[str, Any] = {"requestContext": {"elb": {}}, "httpMethod": "get", "path": "/a%2Fb"}


def test_a_balancer_hands_the_query_on_undecoded() -> None:
    # ARCHITECTURE A2, API S4
    single = {"queryStringParameters": {"arn": "a%3Ab", "flag": "", "x": "last"}}
    request = request_from({**BALANCER, "headers": {}, **single})
    assert (request.method, request.raw_path) == ("GET", "/a%2Fb")
    assert request.raw_query == "arn=a%3Ab&flag=&x=last"
    multiple = {"multiValueQueryStringParameters": {"x": ["1", "2%20"], "y": ["3"]}}
    request = request_from({**BALANCER, "multiValueHeaders": {}, **multiple})
    assert request.raw_query == "x=1&x=2%20&y=3"
    assert request_from({**BALANCER, "headers": None}).raw_query == ""


def test_repeated_headers_of_a_balancer_are_joined() -> None:
    headers = {"Host": ["h"], "X-One": ["a", "b"], "x-one": ["c"]}
    request = request_from({**BALANCER, "multiValueHeaders": headers})
    assert request.headers == {"host": "h", "x-one": "a,b,c"}


@pytest.mark.parametrize(
    ("status", "description"), [(201, "201 Created"), (403, "403 Forbidden"), (503, None)]
)
def test_a_balancer_is_answered_in_its_own_form(status: int, description: str | None) -> None:
    # ARCHITECTURE A2: headers come back in the form in which they came
    answer = HttpAnswer(status=status, headers={"A": "b"}, body="é".encode())
    common = {
        "statusCode": status,
        "statusDescription": description or "503 Service Unavailable",
        "body": "é",
        "isBase64Encoded": False,
    }
    event = {**BALANCER, "headers": {}}
    assert event_answer(answer, event) == common | {"headers": {"A": "b"}}
    event = {**BALANCER, "multiValueHeaders": {}}
    assert event_answer(answer, event) == common | {"multiValueHeaders": {"A": ["b"]}}


def test_a_function_url_is_answered_in_its_own_form() -> None:
    answer = HttpAnswer(status=204, headers={"A": "b"})
    event = {"requestContext": {"http": {"method": "GET"}}, "rawPath": "/"}
    assert event_answer(answer, event) == {
        "statusCode": 204,
        "headers": {"A": "b"},
        "body": "",
        "isBase64Encoded": False,
    }


def test_every_status_of_the_api_has_words_for_a_balancer() -> None:
    for status in (200, 201, 202, 204, 400, 401, 403, 404, 409, 413, 429, 500, 503):
        answer = event_answer(HttpAnswer(status=status, headers={}), {**BALANCER, "headers": {}})
        assert str(answer["statusDescription"]).startswith(f"{status} ")
