"""Adapter for the events of an Application Load Balancer with a Lambda target (decision A2).

The balancer hands path and query on as they were sent, undecoded. Its target group may be told to
send "multi-value headers": then headers and query come as lists, under other names, and the
answer's headers must too. Without that setting only the last of a repeated header or parameter
arrives, so a request that repeats one does not verify; no client of this API does.
"""

from collections.abc import Iterator, Mapping
from http import HTTPStatus

from lambdas.management.event_fields import MalformedEvent, body, mapping, text
from lambdas.management.http import HttpAnswer, HttpRequest


def is_load_balancer(event: Mapping[str, object]) -> bool:
    """Tell whether an event is a balancer's."""
    context = event.get("requestContext")
    return isinstance(context, Mapping) and "elb" in context


def request_from(event: Mapping[str, object]) -> HttpRequest:
    """Return the HTTP request of an event; raises MalformedEvent."""
    query = _pairs(event, "queryStringParameters", "multiValueQueryStringParameters")
    headers: dict[str, str] = {}
    for given, value in _pairs(event, "headers", "multiValueHeaders"):
        name = given.lower()
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    return HttpRequest(
        method=text(event.get("httpMethod"), "httpMethod").upper(),
        raw_path=text(event.get("path"), "path") or "/",
        raw_query="&".join(f"{name}={value}" for name, value in query),
        headers=headers,
        body=body(event),
    )


def event_answer(answer: HttpAnswer, event: Mapping[str, object]) -> dict[str, object]:
    """Return an answer in the form that the balancer expects for this event."""
    written: dict[str, object] = {
        "statusCode": answer.status,
        "statusDescription": f"{answer.status} {HTTPStatus(answer.status).phrase}",
        "body": answer.body.decode(),
        "isBase64Encoded": False,
    }
    if "multiValueHeaders" in event:
        written["multiValueHeaders"] = {name: [value] for name, value in answer.headers.items()}
    else:
        written["headers"] = dict(answer.headers)
    return written


def _pairs(event: Mapping[str, object], single: str, multiple: str) -> Iterator[tuple[str, str]]:
    """Yield names and values, in the order of the event, whichever form it has."""
    if multiple not in event:
        for name, value in mapping(event.get(single) or {}, single).items():
            yield name, text(value, name)
        return
    for name, values in mapping(event[multiple] or {}, multiple).items():
        if not isinstance(values, list):
            raise MalformedEvent(f"{multiple} has {name} as no list")
        for value in values:
            yield name, text(value, name)
