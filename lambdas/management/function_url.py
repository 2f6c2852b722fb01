"""Adapter for Lambda Function URL events, payload format 2.0 (decision A2).

AWS leaves `rawPath` encoded as it was sent, LocalStack decodes it once; the local gateway does as
AWS does. Repeated headers arrive joined with a comma.
"""

from collections.abc import Mapping

from lambdas.management.event_fields import body, mapping, text
from lambdas.management.http import HttpAnswer, HttpRequest


def request_from(event: Mapping[str, object]) -> HttpRequest:
    """Return the HTTP request of an event; raises MalformedEvent."""
    http = mapping(mapping(event.get("requestContext"), "requestContext").get("http"), "http")
    headers = mapping(event.get("headers", {}), "headers")
    return HttpRequest(
        method=text(http.get("method"), "method").upper(),
        raw_path=text(event.get("rawPath"), "rawPath") or "/",
        raw_query=text(event.get("rawQueryString", ""), "rawQueryString"),
        headers={name.lower(): text(value, name) for name, value in headers.items()},
        body=body(event),
    )


def event_answer(answer: HttpAnswer) -> dict[str, object]:
    """Return an answer in the form that a Function URL expects."""
    return {
        "statusCode": answer.status,
        "headers": dict(answer.headers),
        "body": answer.body.decode(),
        "isBase64Encoded": False,
    }
