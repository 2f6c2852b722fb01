"""Function URL events as different fronts make them; no socket."""

import json
from pathlib import Path

import pytest

from lambdas.management.composition import Handler
from lambdas.management.events import MalformedEvent, request_from

EVENTS = Path(__file__).parent / "events"
FILES = sorted(EVENTS.glob("*.json"))


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_a_recorded_event_is_verified_and_understood(handler: Handler, path: Path) -> None:
    # ARCHITECTURE A2, API PN1 S4: the right number is asked for, whichever form arrives
    for recorded in json.loads(path.read_text())["events"]:
        answer = handler(recorded["event"], None)
        assert answer["statusCode"] == recorded["status"], recorded["request"]
        assert recorded["contains"] in str(answer["body"]), recorded["request"]


def test_there_is_an_event_of_every_front() -> None:
    assert {path.stem for path in FILES} == {"aws", "gateway", "localstack"}


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
    ],
)
def test_what_is_no_function_url_event_is_refused(event: dict[str, object]) -> None:
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
