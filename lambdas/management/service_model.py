"""AWS's own description of the API: operations, shapes and their constraints (decision A1).

The file beside this module is botocore's model, unchanged; see aws_model/NOTICE.
"""

import gzip
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache
from pathlib import Path
from typing import TypedDict
from urllib.parse import parse_qsl

MODEL_FILE = Path(__file__).parent / "aws_model" / "service-2.json.gz"

DEFAULT_STATUS = 200
"""Of the five operations whose model names none (API W6)."""

PATTERNS_INSTEAD = {"VoiceConnectorId": r".*\S.*"}
"""Deviates: an id that no connector can have is unknown, 404, as the older model has it (VC1)."""

REQUIRED_INSTEAD: Mapping[str, list[str]] = {"UpdateGlobalSettingsRequest": []}
"""Clients of the older model may send an empty body there, which changes nothing (GS1)."""


class Kind(Enum):
    """What a shape's value is in JSON."""

    STRUCTURE = "structure"
    LIST = "list"
    MAP = "map"
    STRING = "string"
    INTEGER = "integer"
    FLOAT = "float"
    BOOLEAN = "boolean"
    TIMESTAMP = "timestamp"


class Location(Enum):
    """Where an input member travels."""

    URI = "uri"
    QUERY = "querystring"
    BODY = "body"


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One member of a structure."""

    shape: str
    location: Location
    wire_name: str
    """Its name in the path template, query or body."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A type of the model with its constraints."""

    kind: Kind
    members: Mapping[str, Member]
    """Of a structure; empty otherwise."""
    required: tuple[str, ...]
    element: str | None
    """Shape of a list's elements or a map's values."""
    minimum: float | None
    """Smallest value of a number, shortest length of a string or list."""
    maximum: float | None
    pattern: str | None
    choices: frozenset[str]
    """The enum; empty when any value will do."""
    sensitive: bool
    """Its values are shown in no message and no log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation: its HTTP form, shapes and errors."""

    name: str
    method: str
    path: str
    """Template, e.g. /voice-connectors/{voiceConnectorId}."""
    constant_query: Mapping[str, str]
    """What the query must hold for this operation to be meant (API W2)."""
    status: int
    input: str | None
    output: str | None
    errors: frozenset[str]
    """Names of the error shapes that it may answer with (API E6)."""


@dataclass(frozen=True, slots=True)
class ServiceModel:
    """The whole model."""

    operations: Mapping[str, Operation]
    shapes: Mapping[str, Shape]


class _MemberJson(TypedDict, total=False):
    shape: str
    location: str
    locationName: str


class _ShapeJson(TypedDict, total=False):
    type: str
    members: dict[str, _MemberJson]
    required: list[str]
    member: _MemberJson
    value: _MemberJson
    min: float
    max: float
    pattern: str
    enum: list[str]
    sensitive: bool


class _HttpJson(TypedDict, total=False):
    method: str
    requestUri: str
    responseCode: int


class _OperationJson(TypedDict, total=False):
    name: str
    http: _HttpJson
    input: _MemberJson
    output: _MemberJson
    errors: list[_MemberJson]


class _ModelJson(TypedDict):
    operations: dict[str, _OperationJson]
    shapes: dict[str, _ShapeJson]


def load(path: Path = MODEL_FILE) -> ServiceModel:
    """Read a service model file of botocore, gzipped."""
    document: _ModelJson = json.loads(gzip.decompress(path.read_bytes()))
    return ServiceModel(
        operations={name: _operation(entry) for name, entry in document["operations"].items()},
        shapes={name: _shape(name, entry) for name, entry in document["shapes"].items()},
    )


@cache
def compiled(pattern: str) -> re.Pattern[str]:
    """Return a pattern of the model; it is meant for the whole value (API V2)."""
    return re.compile(pattern, re.ASCII)


def _operation(entry: _OperationJson) -> Operation:
    http = entry["http"]
    path, _, query = http["requestUri"].partition("?")
    return Operation(
        name=entry["name"],
        method=http["method"],
        path=path,
        constant_query=dict(parse_qsl(query)),
        status=http.get("responseCode", DEFAULT_STATUS),
        input=entry["input"]["shape"] if "input" in entry else None,
        output=entry["output"]["shape"] if "output" in entry else None,
        errors=frozenset(error["shape"] for error in entry.get("errors", [])),
    )


def _shape(name: str, entry: _ShapeJson) -> Shape:
    element = entry.get("member", entry.get("value"))
    return Shape(
        kind=Kind(entry["type"]),
        members={member: _member(member, it) for member, it in entry.get("members", {}).items()},
        required=tuple(REQUIRED_INSTEAD.get(name, entry.get("required", []))),
        element=None if element is None else element["shape"],
        minimum=entry.get("min"),
        maximum=entry.get("max"),
        pattern=PATTERNS_INSTEAD.get(name, entry.get("pattern")),
        choices=frozenset(entry.get("enum", ())),
        sensitive=entry.get("sensitive", False),
    )


def _member(name: str, entry: _MemberJson) -> Member:
    return Member(
        shape=entry["shape"],
        location=Location(entry.get("location", "body")),
        wire_name=entry.get("locationName", name),
    )
