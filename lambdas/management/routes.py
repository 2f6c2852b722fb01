"""Which operation a request means: method, path template and constant query (API W2)."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from lambdas.management.percent import decoded
from lambdas.management.service_model import Operation

SELECTOR = "operation"
"""Query parameter that only ever selects an operation: with an unknown value nothing matches."""


class Match(NamedTuple):
    """An operation and the path parameters that the request gives it."""

    operation: Operation
    labels: Mapping[str, str]
    """By the names in the path template, decoded once."""


class Router:
    """The operations by method and number of path segments."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        self._routes: dict[tuple[str, int], list[tuple[list[str], Operation]]] = defaultdict(list)
        for operation in operations:
            segments = _segments(operation.path)
            self._routes[operation.method, len(segments)].append((segments, operation))
        for routes in self._routes.values():
            routes.sort(key=lambda route: (_labels_in(route[0]), -len(route[1].constant_query)))

    def match(self, method: str, raw_path: str, query: Mapping[str, str]) -> Match | None:
        """Return the operation that is meant; None when there is none.

        The path is split before it is decoded, so that an encoded slash stays inside its segment.
        Literal segments win over labels, operations with a constant query over those without.
        """
        given = _segments(raw_path)
        for template, operation in self._routes.get((method, len(given)), ()):
            if _fits(template, given) and _query_fits(operation, query):
                return Match(operation, _labels(template, given))
        return None


def _segments(path: str) -> list[str]:
    return path.removeprefix("/").split("/")


def _is_label(segment: str) -> bool:
    return segment.startswith("{")


def _labels_in(template: list[str]) -> int:
    return sum(_is_label(segment) for segment in template)


def _fits(template: list[str], given: list[str]) -> bool:
    return all(_is_label(want) or want == have for want, have in zip(template, given, strict=True))


def _query_fits(operation: Operation, query: Mapping[str, str]) -> bool:
    constant = operation.constant_query
    if SELECTOR in query and SELECTOR not in constant:
        return False
    return all(query.get(name) == value for name, value in constant.items())


def _labels(template: list[str], given: list[str]) -> dict[str, str]:
    pairs = zip(template, given, strict=True)
    return {
        want.strip("{}"): decoded(have, f"Path parameter {want.strip('{}')}")
        for want, have in pairs
        if _is_label(want)
    }
