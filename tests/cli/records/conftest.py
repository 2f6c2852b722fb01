"""A bucket on this machine, and `ovc` as it is typed, with AWS's variables pointing there."""

import io
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from typing import NamedTuple
from uuid import uuid4

import pytest

from cli.main import main
from model.cdr import CallDetailRecord
from model.tables import CONNECTORS, GLOBAL, PARTITION_KEY, SETTINGS, SORT_KEY
from tests.runtime.local_aws import REGION, Deployment, LocalAws


class Done(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


class Shelf:
    """A deployment of its own for each test."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment
        self.bucket = deployment.bucket
        self._s3 = deployment.aws.client("s3")

    def put(self, *records: CallDetailRecord) -> None:
        """Store records as a node does."""
        for record in records:
            self.lay(record.key(), record.body())

    def lay(self, key: str, body: bytes) -> None:
        """Store anything."""
        self._s3.put_object(Bucket=self.bucket, Key=key, Body=body)

    def take(self, key: str) -> None:
        """Remove an object."""
        self._s3.delete_object(Bucket=self.bucket, Key=key)

    def clear(self) -> None:
        """Name no bucket for records."""
        self.deployment.put(CONNECTORS, {PARTITION_KEY: SETTINGS, SORT_KEY: GLOBAL})

    def ovc(self, *arguments: str, command: tuple[str, ...] = ("cdr",)) -> Done:
        """Run `ovc cdr`, or another command, on this deployment."""
        where = ("--prefix", self.deployment.prefix, "--region", REGION)
        return ovc(*arguments, *where, command=command)


def ovc(*arguments: str, command: tuple[str, ...] = ("cdr",)) -> Done:
    """Run `ovc cdr`, or another command, in this process."""
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
    err = io.StringIO()
    code = 0
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setattr(sys, "argv", ["ovc", *command, *arguments])
        try:
            main()
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 0
    out.flush()
    buffer = out.buffer
    assert isinstance(buffer, io.BytesIO)
    return Done(code, buffer.getvalue().decode("utf-8", "replace"), err.getvalue())


@pytest.fixture(scope="session")
def records_aws() -> Iterator[LocalAws]:
    server = LocalAws()
    yield server
    server.stop()


@pytest.fixture
def shelf(records_aws: LocalAws, monkeypatch: pytest.MonkeyPatch) -> Shelf:
    """A bucket that GlobalSettings name."""
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    for name, value in records_aws.environment.items():
        if name.startswith("AWS_"):
            monkeypatch.setenv(name, value)
    deployment = Deployment(records_aws, f"t{uuid4().hex[:12]}")
    deployment.use_bucket()
    return Shelf(deployment)
