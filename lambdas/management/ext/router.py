"""The operator's extensions: what the edge is doing, under /ext/, where AWS has no path.

docs/ext.md describes every resource. All are read with GET, signed like any other request.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from lambdas.management.context import Context
from lambdas.management.errors import UnknownOperation
from lambdas.management.ext import calls, carriers, cdrs, nodes, usage
from lambdas.management.ext.query import Query
from lambdas.management.wire import query_parameters, timestamp

PREFIX = "/ext/"


class _Resource(NamedTuple):
    parameters: frozenset[str]
    answer: Callable[[Context, Query], Mapping[str, object]]


RESOURCES: Mapping[str, _Resource] = {
    "/ext/calls": _Resource(calls.PARAMETERS, calls.list_calls),
    "/ext/carriers": _Resource(carriers.PARAMETERS, carriers.list_carriers),
    "/ext/cdrs": _Resource(cdrs.PARAMETERS, cdrs.list_records),
    "/ext/nodes": _Resource(nodes.PARAMETERS, nodes.list_nodes),
    "/ext/usage": _Resource(usage.PARAMETERS, usage.summarise),
}


def is_extension(raw_path: str) -> bool:
    """Tell whether a path is ours and none of AWS's."""
    return raw_path.startswith(PREFIX)


def resource(method: str, raw_path: str) -> str:
    """Return the path of the resource that is meant; raises UnknownOperation (EXT1)."""
    if method != "GET" or raw_path not in RESOURCES:
        known = ", ".join(RESOURCES)
        raise UnknownOperation(f"No operation has {method} {raw_path[:200]}; GET works on {known}")
    return raw_path


def answer(path: str, context: Context, raw_query: str) -> bytes:
    """Return the JSON of a resource; raises BadRequest that names the parameter at fault."""
    wanted = RESOURCES[path]
    query = Query(query_parameters(raw_query), wanted.parameters)
    document = _written(wanted.answer(context, query))
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()


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
