"""The REST-JSON wire protocol, driven by the model: requests in, answers out (API W1-W7)."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple, TypeAlias

from lambdas.management.errors import BadRequest, UnknownOperation
from lambdas.management.parameters import Parameters
from lambdas.management.percent import decoded
from lambdas.management.routes import Match, Router
from lambdas.management.service_model import Kind, Location, Operation, ServiceModel
from lambdas.management.validation import Json, Validator, from_text

Answer: TypeAlias = (
    "str | int | bool | datetime | Sequence[Answer] | Mapping[str, Answer | None] | None"
)
"""What an operation returns, by the member names of its output; None members are left out."""


class Call(NamedTuple):
    """A request that names an existing operation; its input is not yet checked."""

    operation: Operation
    match: Match
    query: Mapping[str, str]


class Wire:
    """Reads requests and writes answers by one service model."""

    def __init__(self, model: ServiceModel) -> None:
        self._model = model
        self._router = Router(model.operations.values())
        self._validator = Validator(model)

    def call(self, method: str, raw_path: str, raw_query: str) -> Call:
        """Return the operation that is meant; raises UnknownOperation or BadRequest."""
        query = query_parameters(raw_query)
        match = self._router.match(method, raw_path, query)
        if match is None:
            raise UnknownOperation(f"No operation has {method} {raw_path[:200]}")
        return Call(match.operation, match, query)

    def parameters(self, call: Call, body: bytes) -> Parameters:
        """Return the checked input; raises BadRequest that names what is wrong."""
        name = call.operation.input
        if name is None:
            return Parameters({})
        return Parameters(self._validator.structure(name, self._given(name, call, body)))

    def body(self, operation: Operation, answer: Answer) -> bytes:
        """Return the body of an answer; empty for an operation without output."""
        if operation.output is None:
            return b""
        document = self._written(operation.output, answer)
        return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()

    def _given(self, name: str, call: Call, body: bytes) -> dict[str, Json]:
        members = self._model.shapes[name].members
        given: dict[str, Json] = {}
        in_body = any(member.location is Location.BODY for member in members.values())
        document = _document(body) if in_body else {}
        for member_name, member in members.items():
            if member.location is Location.BODY:
                given[member_name] = document.get(member.wire_name)
                continue
            source = call.match.labels if member.location is Location.URI else call.query
            if member.wire_name in source:
                shape = self._model.shapes[member.shape]
                given[member_name] = from_text(shape, source[member.wire_name], member_name)
        return given

    def _written(self, name: str, value: Answer) -> Json:
        shape = self._model.shapes[name]
        match value:
            case Mapping():
                return {
                    member: self._written(shape.members[member].shape, content)
                    for member, content in value.items()
                    if content is not None
                }
            case datetime():
                return timestamp(value)
            case str() | int():
                return value
            case Sequence() if shape.kind is Kind.LIST and shape.element is not None:
                return [self._written(shape.element, entry) for entry in value]
        raise TypeError(f"an answer holds {type(value).__name__} where the model has {name}")


def timestamp(moment: datetime) -> str:
    """Return a moment as answers show it: RFC 3339, UTC, milliseconds, Z (API W5)."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def query_parameters(raw_query: str) -> dict[str, str]:
    """Return the decoded query; of a repeated parameter the last one counts."""
    pairs = (part.partition("=") for part in raw_query.split("&") if part)
    return {
        decoded(name, "A query parameter's name"): decoded(value, f"Query parameter {name[:64]}")
        for name, _, value in pairs
    }


def _document(body: bytes) -> dict[str, Json]:
    if not body.strip():
        return {}
    try:
        document: Json = json.loads(body.decode(), parse_constant=_refuse_constant)
    except UnicodeDecodeError as error:
        raise BadRequest("The body is not UTF-8") from error
    except RecursionError as error:
        raise BadRequest("The body is nested too deeply") from error
    except ValueError as error:
        raise BadRequest(f"The body is not JSON: {str(error)[:200]}") from error
    if not isinstance(document, dict):
        raise BadRequest("The body is not a JSON object")
    return document


def _refuse_constant(name: str) -> Json:
    raise ValueError(f"{name} is no JSON number")
