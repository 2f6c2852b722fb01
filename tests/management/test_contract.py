"""Every operation of AWS's model: implemented with its shapes and errors, or answered by E8."""

import json
import re
from datetime import datetime

import pytest

from lambdas.management.composition import Handler
from lambdas.management.errors import (
    BadRequest,
    Conflict,
    Forbidden,
    NotFound,
    ResourceLimitExceeded,
    ServiceFailure,
    ServiceUnavailable,
)
from lambdas.management.numbers import STATUSES
from lambdas.management.operations import CHANGES, READS
from lambdas.management.service_model import Kind, compiled, load
from tests.management.signing import event, signed_headers

MODEL = load()
IMPLEMENTED = READS.keys() | CHANGES.keys()
OUT_OF_SCOPE = sorted(MODEL.operations.keys() - IMPLEMENTED)

CHECKED_KINDS = {Kind.STRUCTURE, Kind.LIST, Kind.STRING, Kind.INTEGER, Kind.BOOLEAN}


def shapes_under(name: str) -> set[str]:
    """Return a shape and all that it consists of."""
    shape = MODEL.shapes[name]
    found = {name}
    for member in shape.members.values():
        found |= shapes_under(member.shape)
    if shape.element is not None:
        found |= shapes_under(shape.element)
    return found


def test_what_is_implemented_is_in_the_model() -> None:
    assert IMPLEMENTED <= MODEL.operations.keys()
    assert not READS.keys() & CHANGES.keys()
    assert len(MODEL.operations) == 96


@pytest.mark.parametrize("name", sorted(IMPLEMENTED))
def test_every_input_can_be_checked(name: str) -> None:
    # API V2
    wanted = MODEL.operations[name].input
    for shape_name in shapes_under(wanted) if wanted is not None else ():
        shape = MODEL.shapes[shape_name]
        assert shape.kind in CHECKED_KINDS, shape_name
        if shape.pattern is not None:
            assert compiled(shape.pattern)


def test_the_errors_are_shapes_of_the_model() -> None:
    # API E3
    for client_error in (BadRequest, Conflict, Forbidden, NotFound, ResourceLimitExceeded):
        assert client_error.shape in MODEL.shapes
    for server_error in (ServiceFailure, ServiceUnavailable):
        assert server_error.shape in MODEL.shapes
    assert set(MODEL.shapes["PhoneNumberStatus"].choices) == STATUSES


@pytest.mark.parametrize("name", OUT_OF_SCOPE)
def test_an_operation_without_a_function_says_so(
    handler: Handler, clock: datetime, name: str
) -> None:
    # API E8 W2
    operation = MODEL.operations[name]
    path = re.sub(r"\{[^}]*\}", "abc", operation.path)
    query = "&".join(f"{key}={value}" for key, value in operation.constant_query.items())
    target = f"{path}?{query}" if query else path
    headers = signed_headers(operation.method, target, moment=clock)
    answer = handler(event(operation.method, target, headers=headers), None)
    assert answer["statusCode"] == 403
    assert json.loads(str(answer["body"])) == {
        "Code": "Forbidden",
        "Message": f"{name} is not supported by this endpoint",
    }


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("GET", "/nowhere"),
        ("GET", "/"),
        ("PATCH", "/voice-connectors"),
        ("GET", "/voice-connectors/abc/def/ghi"),
        ("GET", "/search"),
        ("GET", "/search?type=other"),
        ("POST", "/voice-connectors/abc?operation=unheard-of"),
        ("POST", "/phone-numbers/abc?operation=unheard-of"),
    ],
)
def test_an_unknown_route_is_an_unknown_operation(
    handler: Handler, clock: datetime, method: str, target: str
) -> None:
    # API E8 W2
    headers = signed_headers(method, target, moment=clock)
    answer = handler(event(method, target, headers=headers), None)
    answer_headers = answer["headers"]
    assert isinstance(answer_headers, dict)
    assert answer["statusCode"] == 404
    assert answer_headers["x-amzn-ErrorType"] == "UnknownOperationException"
