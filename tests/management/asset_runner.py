"""Runs in a Python that has nothing but the unzipped Lambda asset: no site-packages, no project.

One JSON event a line comes in, with the function that it is for; one JSON answer a line goes out,
as with Lambda's own runtime. At the end of the input a last line tells which modules came from
elsewhere and what was asked of AWS.

    python -I -S asset_runner.py <directory of the asset>
"""

import json
import logging
import os
import sys
import traceback
from importlib import import_module
from types import ModuleType

PARTS = {
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
}
"""Part of a transaction -> the permission that it needs."""


class Calls(logging.Handler):
    """Hears botocore tell what it sends: (function, action, table or secret)."""

    def __init__(self) -> None:
        super().__init__()
        self.made: set[tuple[str, str, str]] = set()
        self.function = ""
        """Which one is running."""

    def emit(self, record: logging.LogRecord) -> None:
        """Note one request; botocore's line carries the operation and the request as arguments."""
        if not str(record.msg).startswith("Making request for"):
            return
        assert isinstance(record.args, tuple)
        operation, request = record.args
        body = json.loads(request["body"])  # type: ignore[index]  # any object, to logging
        if "TransactItems" in body:
            for item in body["TransactItems"]:
                for part, arguments in item.items():
                    self.made.add((self.function, PARTS[part], arguments["TableName"]))
        else:
            action = str(getattr(operation, "name", operation))
            self.made.add((self.function, action, _target(body)))


def _target(body: dict[str, str]) -> str:
    """Return the resource that is asked: an index has a right of its own."""
    return body.get("IndexName") or body.get("TableName") or body["SecretId"]


def foreign_modules(asset: str) -> list[str]:
    """Return the modules that are neither the asset's nor Python's own."""
    own = (asset, os.path.dirname(os.__file__))
    files = {
        name: str(module.__file__)
        for name, module in sys.modules.items()
        if isinstance(module, ModuleType) and getattr(module, "__file__", None)
    }
    return sorted(
        f"{name} ({path})"
        for name, path in files.items()
        if name != "__main__" and not path.startswith(own)
    )


def main() -> None:
    """Answer events until there are no more."""
    asset = sys.argv[1]
    sys.path.insert(0, asset)
    # The function's log lines go to the standard output too; here that is for the answers.
    answers, sys.stdout = sys.stdout, open(os.devnull, "w")
    calls = Calls()
    spoken = logging.getLogger("botocore.endpoint")
    spoken.setLevel(logging.DEBUG)
    spoken.addHandler(calls)
    spoken.propagate = False
    handlers = {
        name: import_module(f"lambdas.{name}.handler").handler
        for name in ("management", "number_orders", "call_reaper")
    }
    for line in sys.stdin:
        order = json.loads(line)
        calls.function = order["function"]
        try:
            answer = handlers[order["function"]](order["event"], None)
        except Exception:
            answer = {"failure": traceback.format_exc()}
        print(json.dumps(answer), file=answers, flush=True)
    report = {"foreign": foreign_modules(asset), "calls": sorted(calls.made)}
    print(json.dumps(report), file=answers, flush=True)


if __name__ == "__main__":
    main()
