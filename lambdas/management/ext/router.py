"""The operator's extensions: what the edge is doing, under /ext/, where AWS has no path.

docs/ext.md describes every resource. Requests are signed like any other one.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from lambdas.management.context import Context
from lambdas.management.errors import UnknownOperation
from lambdas.management.ext import calls, carriers, cdrs, nodes, recordings, usage
from lambdas.management.ext.query import Query
from lambdas.management.wire import query_parameters, timestamp

PREFIX = "/ext/"
_NAME = re.compile(r"[0-9A-Za-z-]{1,64}")


class Resource(NamedTuple):
    """What one method of one path does."""

    method: str
    path: str
    """With LABEL for the part that names one thing."""
    parameters: frozenset[str]
    function: Callable[[Context, Query], Mapping[str, object]]

    @property
    def name(self) -> str:
        """Return what the log calls it."""
        return f"{self.method} {self.path}"


LABEL = "{TransactionId}"
RECORDING = f"/ext/calls/{LABEL}/recording"
RESOURCES: Sequence[Resource] = (
    Resource("GET", "/ext/calls", calls.PARAMETERS, calls.list_calls),
    Resource("POST", RECORDING, recordings.ORDER_PARAMETERS, recordings.order),
    Resource("GET", RECORDING, recordings.NO_PARAMETERS, recordings.show),
    Resource("DELETE", RECORDING, recordings.NO_PARAMETERS, recordings.end),
    Resource("GET", "/ext/carriers", carriers.PARAMETERS, carriers.list_carriers),
    Resource("GET", "/ext/cdrs", cdrs.PARAMETERS, cdrs.list_records),
    Resource("GET", "/ext/nodes", nodes.PARAMETERS, nodes.list_nodes),
    Resource("GET", "/ext/usage", usage.PARAMETERS, usage.summarise),
)


class Wanted(NamedTuple):
    """A resource, and which of its things is meant."""

    resource: Resource
    label: str

    @property
    def name(self) -> str:
        """Return what the log calls it."""
        return self.resource.name


def is_extension(raw_path: str) -> bool:
    """Tell whether a path is ours and none of AWS's."""
    return raw_path.startswith(PREFIX)


def resource(method: str, raw_path: str) -> Wanted:
    """Return what is meant; raises UnknownOperation (EXT1)."""
    for it in RESOURCES:
        label = _label_in(raw_path, it.path) if method == it.method else None
        if label is not None:
            return Wanted(it, label)
    known = ", ".join(it.name for it in RESOURCES)
    raise UnknownOperation(f"No operation has {method} {raw_path[:200]}; there are {known}")


def answer(wanted: Wanted, context: Context, raw_query: str) -> bytes:
    """Return the JSON of a resource; raises BadRequest that names the parameter at fault."""
    found = wanted.resource
    query = Query(query_parameters(raw_query), found.parameters, wanted.label)
    document = _written(found.function(context, query))
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()


def _label_in(raw_path: str, path: str) -> str | None:
    """Return what stands for LABEL, nothing where there is none; None when the paths differ."""
    before, has_label, after = path.partition(LABEL)
    label = raw_path[len(before) : len(raw_path) - len(after)] if has_label else ""
    fits = raw_path == before + label + after
    return label if fits and (not has_label or _NAME.fullmatch(label)) else None


def _written(value: object) -> object:
    """Return a value as JSON has it; members that are None are left out."""
    match value:
        case Mapping():
            return {name: _written(it) for name, it in value.items() if it is not None}
        case datetime():
            return timestamp(value)
        case str() | int() | float():
            return value
        case Sequence():
            return [_written(entry) for entry in value]
    raise TypeError(f"an answer holds {type(value).__name__}")
