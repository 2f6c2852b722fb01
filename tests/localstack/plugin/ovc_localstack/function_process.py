"""A function's process: AWS's own runtime client for Python, and the Runtime API that it asks."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread

from ovc_localstack.runtime_api import (
    Exited,
    Invocation,
    News,
    NotInitialised,
    Ready,
    Result,
    RuntimeApi,
)

_ENDS_WITHIN_S = 2.0


class StartProblemError(Exception):
    """The process does not ask for work; the text has what it said last."""


class FunctionProcess:
    """One execution environment: it answers one invocation at a time."""

    def __init__(self, code: Path, handler: str, environment: Mapping[str, str]) -> None:
        """Start it in the directory of its code; `start_up` says when it can be used."""
        self._news: SimpleQueue[News] = SimpleQueue()
        self._api = RuntimeApi(self._news)
        self._failure: bytes | None = None
        # A file, because what was written is in it by the time the result comes; a pipe has to be
        # read by somebody, who may be late.
        self._log = tempfile.TemporaryFile()
        self._process = subprocess.Popen(
            [sys.executable, "-u", "-m", "awslambdaric", handler],
            cwd=code,
            env={**environment, "AWS_LAMBDA_RUNTIME_API": self._api.address},
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )
        Thread(target=self._tell_of_the_end, daemon=True).start()

    @property
    def has_ended(self) -> bool:
        """Tell whether the process is gone, so that another one is needed."""
        return self._process.poll() is not None

    def start_up(self, within_s: float) -> None:
        """Wait until the function's module is loaded, or is known to fail; raises
        StartProblemError for a process that says neither."""
        news: News | None
        try:
            news = self._news.get(timeout=within_s)
        except Empty:
            news = None
        if isinstance(news, NotInitialised):
            self._failure = news.body
        elif not isinstance(news, Ready):
            raise StartProblemError(f"the function does not start: {self.log()[-2_000:]}")

    def answer(self, invocation: Invocation, within_s: float) -> Result:
        """Return the function's result; what takes too long is killed, as Lambda does."""
        request_id = invocation.request_id
        if self._failure is not None:
            return Result(request_id, self._failure, is_error=True)
        deadline = time.monotonic() + within_s
        self._api.hand_out(invocation)
        while True:
            try:
                news = self._news.get(timeout=max(0.0, deadline - time.monotonic()))
            except Empty:
                self._end()
                return _failed(request_id, "Sandbox.Timedout", f"Task timed out after {within_s} s")
            if isinstance(news, Result) and news.request_id == request_id:
                return news
            if isinstance(news, Exited):
                reason = f"Runtime exited with code {news.code}"
                return _failed(request_id, "Runtime.ExitError", reason)

    def log(self, since: int = 0) -> str:
        """Return what the process has printed, from an octet on."""
        return os.pread(self._log.fileno(), self.log_length - since, since).decode(
            "utf-8", "replace"
        )

    @property
    def log_length(self) -> int:
        """Return how many octets the process has printed."""
        return os.fstat(self._log.fileno()).st_size

    def close(self) -> None:
        """End the process and all that belongs to it."""
        self._end()
        self._api.close()
        self._log.close()

    def _end(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(_ENDS_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _tell_of_the_end(self) -> None:
        self._news.put(Exited(self._process.wait()))


def _failed(request_id: str, kind: str, reason: str) -> Result:
    error = {"errorType": kind, "errorMessage": f"RequestId: {request_id} Error: {reason}"}
    return Result(request_id, json.dumps(error).encode(), is_error=True)
