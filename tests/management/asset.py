"""The Lambda asset as a process: what Lambda would run, with nothing of the project beside it."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

from lambdas.management.composition import Handler

RUNNER = Path(__file__).parent / "asset_runner.py"
ASSET_VARIABLE = "OVC_TEST_ASSET"
"""Directory of an unzipped asset: when it is set, stands answer out of it."""
CALLS_VARIABLE = "OVC_TEST_ASSET_CALLS"
"""File that collects what the asset asked of AWS, one `function action target` a line."""


class Handlers(NamedTuple):
    """The functions of a deployment that an API needs."""

    management: Handler
    number_orders: Handler


class AssetProcess:
    """Handlers whose code is the asset; ends with the `with` block."""

    def __init__(self, asset: Path, environment: Mapping[str, str], *, aws_url: str) -> None:
        self._lock = threading.Lock()
        self._asset = asset
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(RUNNER), str(asset)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd="/",
            env={
                **environment,
                "PATH": os.environ["PATH"],
                "AWS_ENDPOINT_URL": aws_url,
                "AWS_REGION": "us-east-1",
                "AWS_DEFAULT_REGION": "us-east-1",
                "AWS_ACCESS_KEY_ID": "test",
                "AWS_SECRET_ACCESS_KEY": "test",
            },
        )
        self.calls: set[tuple[str, str, str]] = set()
        """What was asked of AWS, as (function, action, table or secret); known after the end."""

    def function(self, name: str) -> Handler:
        """Return one of the asset's handlers; one event at a time, as in Lambda."""

        def handle(event: Mapping[str, object], context: object) -> dict[str, object]:
            return self._answer({"function": name, "event": event})

        return handle

    def _answer(self, order: Mapping[str, object]) -> dict[str, object]:
        assert self._process.stdin is not None and self._process.stdout is not None
        with self._lock:
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        assert line, "the asset's process has ended; its standard error says why"
        answer: dict[str, object] = json.loads(line)
        assert "failure" not in answer, answer["failure"]
        return answer

    def __enter__(self) -> Handlers:
        return Handlers(self.function("management"), self.function("number_orders"))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        last, _ = self._process.communicate(timeout=60)
        if error is not None:
            return
        report = json.loads(last)
        assert report["foreign"] == [], "the asset needs what it does not hold"
        self.calls = {(function, action, target) for function, action, target in report["calls"]}
        if CALLS_VARIABLE in os.environ:
            with open(os.environ[CALLS_VARIABLE], "a") as collected:
                collected.writelines(" ".join(call) + "\n" for call in self.calls)
