"""LocalStack for the time of a test run: a process of this machine, or a container.

Without Docker it is localstack-core with the plugin beside this file, in an environment of its own
that `make localstack` has made. Where Docker runs it is the image of the last release that needs no
account. OVC_LOCALSTACK=host or container chooses.
"""

import json
import os
import shutil
import signal
import subprocess
import time
import urllib.request
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path

from emulator.environment import isolated
from tests.e2e.running import descendants, free_port
from tests.infra.synthesis import ROOT
from tests.runtime.processes import is_running

CHOICE = "OVC_LOCALSTACK"
HOST = "127.0.0.1"
TOOLS = ROOT / "build" / "localstack"
"""What `make localstack` has installed."""
PYTHON = TOOLS / "venv" / "bin" / "python"
IMAGE = "localstack/localstack:4.14.0"

READY_WITHIN_S = 120.0
"""It takes three seconds; a loaded machine, or an image that is fetched first, gets patience."""
_END_WITHIN_S = 20.0
_LOOK_EVERY_S = 0.1
_TAIL = 4_000

_ALWAYS = {
    "DISABLE_EVENTS": "1",
    "SKIP_SSL_CERT_DOWNLOAD": "1",
    "DNS_ADDRESS": "0",
    "EAGER_SERVICE_LOADING": "0",
    # The function answers browsers itself (API S9): its answers are what is tested.
    "DISABLE_CORS_CHECKS": "1",
    "DISABLE_CORS_HEADERS": "1",
    "DISABLE_PREFLIGHT_PROCESSING": "1",
    # Streams are looked at as often as the local run looks for orders.
    "LAMBDA_EVENT_SOURCE_MAPPING_POLL_INTERVAL_SEC": "0.25",
    "LAMBDA_EVENT_SOURCE_MAPPING_MAX_BACKOFF_ON_EMPTY_POLL_SEC": "0.25",
    "LAMBDA_EVENT_SOURCE_MAPPING_MAX_BACKOFF_ON_ERROR_SEC": "1",
}


class LocalStackProblemError(Exception):
    """LocalStack cannot be used; the text says why and what to do."""


class LocalStack(ABC):
    """A LocalStack that runs; the `with` block ends it and whatever it has started."""

    def __init__(self, folder: Path) -> None:
        """Start it; `folder` takes its files and its log."""
        self.folder = folder
        self.port = free_port()
        self.url = f"http://{HOST}:{self.port}"
        self._log = folder / "localstack.log"
        command, environment = self.command()
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                command,
                cwd=folder,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # A session of its own, by which what it has started is found again.
                start_new_session=True,
            )
        try:
            self._await_health(time.monotonic() + READY_WITHIN_S)
        except BaseException:
            self.close()
            raise

    @abstractmethod
    def command(self) -> tuple[list[str], Mapping[str, str]]:
        """Return what to run, with its environment; raises LocalStackProblemError."""

    @property
    def environment(self) -> dict[str, str]:
        """Return the environment of a program that takes this for AWS."""
        return isolated(os.environ) | {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ENDPOINT_URL_S3": self.url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
        }

    def said(self) -> str:
        """Return the end of its log."""
        return self._log.read_text(errors="replace")[-_TAIL:]

    def close(self) -> None:
        """End it; what it has left running is killed, and a failure."""
        started = descendants(self._process.pid) if self._process.poll() is None else []
        self._process.terminate()
        try:
            self._process.wait(_END_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        left = [pid for pid in started if is_running(pid)]
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        assert not left, f"LocalStack has left {len(left)} processes"

    def __enter__(self) -> "LocalStack":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _await_health(self, deadline: float) -> None:
        while not self._is_healthy():
            if self._process.poll() is not None:
                raise LocalStackProblemError(f"LocalStack has ended:\n{self.said()}")
            if time.monotonic() > deadline:
                raise LocalStackProblemError(f"LocalStack does not become ready:\n{self.said()}")
            time.sleep(_LOOK_EVERY_S)

    def _is_healthy(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/_localstack/health", timeout=5.0) as answer:
                return "services" in json.load(answer)
        except OSError:
            return False


class HostLocalStack(LocalStack):
    """localstack-core as a process, Lambda functions as its children, DynamoDB by moto."""

    def command(self) -> tuple[list[str], Mapping[str, str]]:
        """Return LocalStack's own entry point: its command line wants an account."""
        if not PYTHON.exists():
            raise LocalStackProblemError(f"{PYTHON} is not there: make localstack installs it")
        address = f"{HOST}:{self.port}"
        # Whatever it writes beside its own directory is found here as well.
        places = dict.fromkeys(("HOME", "TMPDIR", "FILESYSTEM_ROOT"), str(self.folder))
        environment = isolated(os.environ) | _ALWAYS | places
        environment |= {
            "PYTHONPATH": str(ROOT),
            "GATEWAY_LISTEN": address,
            # The default, with our port; S3 and the Function URL are named so.
            "LOCALSTACK_HOST": f"localhost.localstack.cloud:{self.port}",
            "OVERRIDE_IN_DOCKER": "0",
            "SQS_ENDPOINT_STRATEGY": "path",
            "LAMBDA_RUNTIME_EXECUTOR": "process",
            "PROVIDER_OVERRIDE_DYNAMODB": "moto",
            "PROVIDER_OVERRIDE_DYNAMODBSTREAMS": "moto",
        }
        return [str(PYTHON), "-m", "localstack.runtime.main"], environment


class ContainerLocalStack(LocalStack):
    """The image of the last release without an account; its functions are containers, too."""

    def command(self) -> tuple[list[str], Mapping[str, str]]:
        """Return `docker run`, which passes SIGTERM on and removes the container at its end."""
        variables = _ALWAYS | {
            "GATEWAY_LISTEN": f"0.0.0.0:{self.port}",
            # The functions are for arm64; their code is Python alone and runs on anything.
            "LAMBDA_IGNORE_ARCHITECTURE": "1",
        }
        options = [part for name in variables for part in ("--env", f"{name}={variables[name]}")]
        published = f"{HOST}:{self.port}:{self.port}"
        socket = "/var/run/docker.sock:/var/run/docker.sock"
        command = ["docker", "run", "--rm", "--publish", published, "--volume", socket, *options]
        return [*command, IMAGE], os.environ


def chosen() -> type[LocalStack]:
    """Return the kind that the environment asks for, by default the container if Docker runs."""
    choice = os.environ.get(CHOICE, "")
    kinds = {"host": HostLocalStack, "container": ContainerLocalStack}
    if choice and choice not in kinds:
        raise LocalStackProblemError(f"{CHOICE} is {choice!r}; host or container is wanted")
    return kinds[choice or ("container" if _docker_runs() else "host")]


def _docker_runs() -> bool:
    if shutil.which("docker") is None:
        return False
    asked = subprocess.run(["docker", "info"], capture_output=True, timeout=60.0)
    return asked.returncode == 0
