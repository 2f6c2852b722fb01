"""Writes docs/openapi.json: the API as OpenAPI 3.1, from AWS's model and what is implemented of it.

Several operations of the API share a path and a method and differ in a constant of the query,
e.g. `POST /phone-numbers/{phoneNumberId}` with and without `?operation=restore`. OpenAPI has one
operation for each path and method, and no query in a path. So the constant is written twice: as a
required parameter with one value, and behind a `#` in the path's key. A fragment never leaves a
client, so whoever appends the key to the server's URL and adds the parameters sends the right
request. AWS's services are described in this way elsewhere, too.

    python -m scripts.openapi [--check]
"""

import gzip
import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from lambdas.management.auth import ALGORITHM
from lambdas.management.errors import (
    ApiError,
    InvalidSignature,
    MissingAuthenticationToken,
    RequestExpired,
    UnknownOperation,
    UnrecognizedClient,
)
from lambdas.management.operations import CHANGES, READS
from lambdas.management.service_model import (
    MODEL_FILE,
    Kind,
    Location,
    Member,
    Operation,
    ServiceModel,
    Shape,
    load,
)
from lambdas.management.validation import LARGEST_INTEGER, Json

FILE = Path(__file__).parent.parent / "docs" / "openapi.json"
TYPED = "application/json"
SECURITY = "sigv4"
IN_FRONT: tuple[type[ApiError], ...] = (
    InvalidSignature,
    MissingAuthenticationToken,
    RequestExpired,
    UnrecognizedClient,
)
"""What is answered before there is an operation (API S5); the model does not have them."""

DESCRIPTION = """\
The Voice Connector operations of the Amazon Chime SDK, as far as this version serves them: a
subset of the service model that the AWS SDKs are made from (service id "Chime SDK Voice").

Requests carry an AWS Signature Version 4 for the service `chime` (any region).

Operations that share a path and a method differ in a constant query parameter. Each has a path key
of its own, with that constant behind a `#`, and the constant once more as a required parameter; the
fragment is not sent."""


def document() -> dict[str, Json]:
    """Return the whole description."""
    model = load()
    functions = {**READS, **CHANGES}
    operations = [model.operations[name] for name in sorted(functions)]
    summaries = {name: _first_line(function.__doc__) for name, function in functions.items()}
    statuses = _error_statuses()
    paths: dict[str, dict[str, Json]] = {}
    for operation in sorted(operations, key=_path_key):
        described = _operation(model, operation, summaries[operation.name], statuses)
        paths.setdefault(_path_key(operation), {})[operation.method.lower()] = described
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Open Voice Connector management API",
            "version": "2022-08-03",
            "description": DESCRIPTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "http://127.0.0.1:4080", "description": "The local run, `ovc up`"}],
        "security": [{SECURITY: []}],
        "paths": dict(paths),
        "components": {
            "schemas": {**_schemas(model, operations), "Error": _error_schema(model)},
            "headers": _answer_headers(),
            "securitySchemes": {
                SECURITY: {
                    "type": "apiKey",
                    "in": "header",
                    "name": "Authorization",
                    "description": f"AWS Signature Version 4 ({ALGORITHM}), service `chime`",
                    "x-amazon-apigateway-authtype": "awsSigv4",
                }
            },
        },
    }


def text() -> str:
    """Return the file's content."""
    return json.dumps(document(), indent=1, ensure_ascii=False) + "\n"


def main() -> None:
    """Write the file; with --check only tell whether it is up to date."""
    if sys.argv[1:] != ["--check"]:
        FILE.write_text(text())
    elif FILE.read_text() != text():
        sys.exit(f"{FILE} is not what the code says; make openapi writes it anew")


def _first_line(docstring: str | None) -> str:
    assert docstring is not None, "every operation's function says what it does"
    return docstring.partition("\n")[0]


def _path_key(operation: Operation) -> str:
    constants = "&".join(f"{name}={value}" for name, value in operation.constant_query.items())
    return f"{operation.path}#{constants}" if constants else operation.path


def _operation(
    model: ServiceModel, operation: Operation, summary: str, statuses: Mapping[str, int]
) -> dict[str, Json]:
    described: dict[str, Json] = {"operationId": operation.name, "summary": summary}
    members = {} if operation.input is None else model.shapes[operation.input].members
    required = () if operation.input is None else model.shapes[operation.input].required
    parameters: list[Json] = [
        {
            "name": name,
            "in": "query",
            "required": True,
            "description": "Tells this operation from others with the same path and method",
            "schema": {"type": "string", "const": value},
        }
        for name, value in operation.constant_query.items()
    ]
    parameters += [
        _parameter(model, name, member, name in required)
        for name, member in members.items()
        if member.location is not Location.BODY
    ]
    if parameters:
        described["parameters"] = parameters
    body = {name: it for name, it in members.items() if it.location is Location.BODY}
    if body:
        described["requestBody"] = _request_body(body, [it for it in required if it in body])
    described["responses"] = _responses(operation, statuses, has_body=bool(body))
    return described


def _parameter(model: ServiceModel, name: str, member: Member, required: bool) -> Json:
    schema = _schema(model.shapes[member.shape])
    if member.location is Location.URI:
        # An empty segment is another path (API W3).
        schema["minLength"] = 1
    return {
        "name": member.wire_name,
        "in": "path" if member.location is Location.URI else "query",
        "required": required or member.location is Location.URI,
        "description": name,
        "schema": schema,
    }


def _request_body(members: Mapping[str, Member], required: list[str]) -> Json:
    schema: dict[str, Json] = {
        "type": "object",
        "properties": {it.wire_name: _reference(it.shape) for it in members.values()},
    }
    if required:
        schema["required"] = [members[name].wire_name for name in required]
    return {"required": bool(required), "content": {TYPED: {"schema": schema}}}


def _responses(operation: Operation, statuses: Mapping[str, int], *, has_body: bool) -> Json:
    done: dict[str, Json] = {"description": "Done", "headers": _header_references()}
    if operation.output is not None:
        done["content"] = {TYPED: {"schema": _reference(operation.output)}}
    shapes: dict[int, list[str]] = {}
    # Without its constant query, no operation is meant (API E8).
    unknown: tuple[type[ApiError], ...] = (UnknownOperation,) if operation.constant_query else ()
    in_front = [it.shape for it in IN_FRONT + unknown]
    for shape in (*sorted(operation.errors), *in_front):
        shapes.setdefault(statuses[shape], []).append(shape)
    failures: dict[str, Json] = {str(status): _failure(shapes[status]) for status in sorted(shapes)}
    if has_body:
        failures["413"] = {"description": "The body is larger than the front door takes (W7)"}
    return {str(operation.status): done, **failures}


def _failure(shapes: list[str]) -> Json:
    kinds: dict[str, Json] = {
        "description": "The kind of error",
        "required": True,
        "schema": {"type": "string", "enum": list(shapes)},
    }
    return {
        "description": ", ".join(shapes),
        "headers": {"x-amzn-ErrorType": kinds, **_header_references()},
        "content": {TYPED: {"schema": _reference("Error")}},
    }


def _header_references() -> dict[str, Json]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in _answer_headers()}


def _answer_headers() -> dict[str, Json]:
    return {
        "x-amzn-RequestId": {
            "description": "Names this request in the log",
            "required": True,
            "schema": {"type": "string", "format": "uuid"},
        },
        "Date": {
            "description": "The server's clock, by which the SDKs correct theirs",
            "required": True,
            "schema": {"type": "string"},
        },
    }


def _error_statuses() -> dict[str, int]:
    """Return the HTTP status of every error shape."""
    shapes = json.loads(gzip.decompress(MODEL_FILE.read_bytes()))["shapes"]
    unmodelled: tuple[type[ApiError], ...] = (*IN_FRONT, UnknownOperation)
    modelled: dict[str, int] = {
        name: it["error"]["httpStatusCode"] for name, it in shapes.items() if "error" in it
    }
    return modelled | {it.shape: it.status for it in unmodelled}


def _error_schema(model: ServiceModel) -> Json:
    codes: list[Json] = list(sorted(model.shapes["ErrorCode"].choices))
    return {
        "type": "object",
        "properties": {
            "Code": {
                "type": "string",
                "enum": codes,
                "description": "Absent when the signature is what is wrong",
            },
            "Message": {"type": "string"},
        },
        "required": ["Message"],
    }


def _schemas(model: ServiceModel, operations: Iterable[Operation]) -> dict[str, Json]:
    """Return the schema of every shape in a body."""
    wanted: set[str] = set()
    for operation in operations:
        if operation.output is not None:
            _collect(model, operation.output, wanted)
        members = {} if operation.input is None else model.shapes[operation.input].members
        for member in members.values():
            if member.location is Location.BODY:
                _collect(model, member.shape, wanted)
    return {name: _schema(model.shapes[name]) for name in sorted(wanted)}


def _collect(model: ServiceModel, name: str, found: set[str]) -> None:
    if name in found:
        return
    found.add(name)
    shape = model.shapes[name]
    for inner in [*(it.shape for it in shape.members.values()), shape.element]:
        if inner is not None:
            _collect(model, inner, found)


def _reference(shape: str) -> dict[str, Json]:
    return {"$ref": f"#/components/schemas/{shape}"}


def _schema(shape: Shape) -> dict[str, Json]:
    match shape.kind:
        case Kind.STRUCTURE:
            return _structure(shape)
        case Kind.LIST:
            assert shape.element is not None, "every list of the model has an element shape"
            items: dict[str, Json] = {"type": "array", "items": _reference(shape.element)}
            return items | _limits(shape, "minItems", "maxItems")
        case Kind.STRING:
            return _string(shape)
        case Kind.INTEGER:
            bounds: dict[str, Json] = {"minimum": -LARGEST_INTEGER, "maximum": LARGEST_INTEGER}
            return {"type": "integer"} | bounds | _limits(shape, "minimum", "maximum")
        case Kind.BOOLEAN:
            return {"type": "boolean"}
        case Kind.TIMESTAMP:
            return {"type": "string", "format": "date-time"}
    raise ValueError(f"no operation that is served has a {shape.kind.value}")


def _structure(shape: Shape) -> dict[str, Json]:
    schema: dict[str, Json] = {
        "type": "object",
        "properties": {it.wire_name: _reference(it.shape) for it in shape.members.values()},
    }
    if shape.required:
        schema["required"] = [shape.members[name].wire_name for name in shape.required]
    return schema


def _string(shape: Shape) -> dict[str, Json]:
    schema: dict[str, Json] = {"type": "string"}
    if shape.choices:
        schema["enum"] = list(sorted(shape.choices))
    if shape.pattern is not None:
        # JSON Schema searches, the API matches the whole value (API V2).
        schema["pattern"] = f"^(?:{shape.pattern})$"
    return schema | _limits(shape, "minLength", "maxLength")


def _limits(shape: Shape, lowest: str, highest: str) -> dict[str, Json]:
    limits: dict[str, Json] = {}
    if shape.minimum is not None:
        limits[lowest] = int(shape.minimum)
    if shape.maximum is not None:
        limits[highest] = int(shape.maximum)
    return limits


if __name__ == "__main__":
    main()
