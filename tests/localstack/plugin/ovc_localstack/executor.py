"""Lambda functions as processes of this machine: no Docker, no isolation, for tests alone.

What a function sees is what it sees on Lambda: its code, the variables of its configuration, and
AWS's runtime client. Which Python runs it is not: it is LocalStack's own.
"""

import os
import time
from pathlib import Path
from typing import Any

from localstack import config
from localstack.services.lambda_.invocation.lambda_models import FunctionVersion, InvocationResult
from localstack.services.lambda_.invocation.plugins import RuntimeExecutorPlugin
from localstack.services.lambda_.invocation.runtime_executor import RuntimeExecutor

from ovc_localstack.function_process import FunctionProcess
from ovc_localstack.runtime_api import HOST, Invocation


class ProcessExecutorPlugin(RuntimeExecutorPlugin):
    """Offers the executor under the name that LAMBDA_RUNTIME_EXECUTOR gives."""

    name = "process"

    def load(self, *args: Any, **kwargs: Any) -> "type[ProcessExecutor]":
        """Return the executor."""
        return ProcessExecutor


class ProcessExecutor(RuntimeExecutor):
    """One execution environment; a process that has ended is followed by another one."""

    def __init__(self, id: str, function_version: FunctionVersion) -> None:
        super().__init__(id, function_version)
        self._environment: dict[str, str] = {}
        self._process: FunctionProcess | None = None

    def start(self, env_vars: dict[str, Any]) -> None:
        """Start the process; LocalStack hands over numbers among the variables."""
        code = self._code
        given = {name: str(value) for name, value in env_vars.items()}
        self._environment = given | {
            "PATH": os.environ["PATH"],
            "LANG": "en_US.UTF-8",
            "TZ": "UTC",
            "PYTHONPATH": str(code),
            "LAMBDA_TASK_ROOT": str(code),
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{self.function_version.config.runtime}",
        }
        self._process = self._started()

    def stop(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.close()

    def invoke(self, payload: dict[str, str]) -> InvocationResult:
        """Return the function's result with its log."""
        process = self._running()
        mark, began = process.log_length, time.time()
        timeout_s = float(self.function_version.config.timeout)
        invocation = Invocation(
            request_id=payload["invoke-id"],
            payload=payload["payload"].encode(),
            function_arn=payload["invoked-function-arn"],
            trace_id=payload["trace-id"],
            deadline_ms=int((began + timeout_s) * 1_000),
        )
        result = process.answer(invocation, timeout_s)
        log = self._report(result.request_id, process.log(mark), time.time() - began)
        return InvocationResult(result.request_id, result.body, is_error=result.is_error, logs=log)

    def get_address(self) -> str:
        """Return where the process is."""
        return HOST

    def get_endpoint_from_executor(self) -> str:
        """Return where the process finds LocalStack."""
        return HOST

    def get_runtime_endpoint(self) -> str:
        """Return nothing: it is for a program inside a container that is not there."""
        return ""

    def get_logs(self) -> str:
        """Return what the process has printed."""
        return "" if self._process is None else self._process.log()

    @classmethod
    def prepare_version(cls, function_version: FunctionVersion) -> None:
        """Unpack the code."""
        function_version.config.code.prepare_for_execution()

    @classmethod
    def cleanup_version(cls, function_version: FunctionVersion) -> None:
        """Leave the code: LocalStack removes its own directory."""

    @property
    def _code(self) -> Path:
        return Path(self.function_version.config.code.get_unzipped_code_location())

    def _running(self) -> FunctionProcess:
        assert self._process is not None, "LocalStack starts an environment before it uses it"
        if self._process.has_ended:
            self._process.close()
            self._process = self._started()
        return self._process

    def _started(self) -> FunctionProcess:
        handler = self._environment["_HANDLER"]
        process = FunctionProcess(self._code, handler, self._environment)
        try:
            process.start_up(config.LAMBDA_RUNTIME_ENVIRONMENT_TIMEOUT)
        except BaseException:
            process.close()
            raise
        return process

    def _report(self, request_id: str, printed: str, lasted_s: float) -> str:
        version, memory = self.function_version.id.qualifier, self.function_version.config
        return (
            f"START RequestId: {request_id} Version: {version}\n{printed}"
            f"END RequestId: {request_id}\n"
            f"REPORT RequestId: {request_id}\tDuration: {lasted_s * 1_000:.2f} ms\t"
            f"Memory Size: {memory.memory_size} MB\n"
        )
