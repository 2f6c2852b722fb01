"""The streams of the local run: what a client writes goes to a handler, as a stream brings it.

moto's own streams carry all that was ever written to a table through each of its transactions, so
the tables here have none (emulator/aws.py). The writes of this process are seen where botocore
makes them instead; no other process of the local run writes configuration.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from botocore.client import BaseClient

from lambdas.management.composition import Handler
from model.tables import PARTITION_KEY, SORT_KEY

_WRITES = ("PutItem", "UpdateItem", "DeleteItem")
_ACTIONS = ("Put", "Update", "Delete")
_NOTED = "ovc_written"


class LocalStream:
    """Hands the keys of what a client writes into some tables to a handler, after each write."""

    def __init__(self, client: BaseClient, tables: Iterable[str], handler: Handler) -> None:
        self._tables = frozenset(tables)
        self._handler = handler
        events = client.meta.events
        events.register("before-parameter-build.dynamodb", self._note)
        events.register("after-call.dynamodb", self._hand_over)

    # botocore calls with keywords of its own; what they are depends on the event.
    def _note(self, params: Any, model: Any, context: Any, **_: Any) -> None:
        context[_NOTED] = [
            record for record in _records(model.name, params) if self._is_wanted(record)
        ]

    def _hand_over(self, http_response: Any, context: Any, **_: Any) -> None:
        records = context.get(_NOTED)
        if not records or http_response.status_code != 200:
            return
        try:
            self._handler({"Records": records}, None)
        except Exception:
            # As with a stream, the write stands; nodes find it with their next whole load (A9).
            return

    def _is_wanted(self, record: Mapping[str, Any]) -> bool:
        return str(record["eventSourceARN"]).split("/")[1] in self._tables


def _records(operation: str, params: Any) -> Iterator[dict[str, Any]]:
    if operation in _WRITES:
        yield _record(params)
    elif operation == "TransactWriteItems":
        for action in params["TransactItems"]:
            for kind, arguments in action.items():
                if kind in _ACTIONS:
                    yield _record(arguments)


def _record(arguments: Any) -> dict[str, Any]:
    key = arguments.get("Key") or arguments["Item"]
    keys = {name: key[name] for name in (PARTITION_KEY, SORT_KEY) if name in key}
    arn = f"arn:aws:dynamodb:local:0:table/{arguments['TableName']}/stream/local"
    return {"eventSourceARN": arn, "dynamodb": {"Keys": keys}}
