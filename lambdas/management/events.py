"""Which front door an event came through, told by its form (decision A2)."""

from collections.abc import Mapping

from lambdas.management import function_url, load_balancer
from lambdas.management.http import HttpAnswer, HttpRequest


def request_from(event: Mapping[str, object]) -> HttpRequest:
    """Return the HTTP request of an event; raises MalformedEvent."""
    if load_balancer.is_load_balancer(event):
        return load_balancer.request_from(event)
    return function_url.request_from(event)


def event_answer(answer: HttpAnswer, event: Mapping[str, object]) -> dict[str, object]:
    """Return an answer in the form that the front door of `event` expects."""
    if load_balancer.is_load_balancer(event):
        return load_balancer.event_answer(answer, event)
    return function_url.event_answer(answer)
