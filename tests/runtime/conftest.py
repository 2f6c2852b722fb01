"""Fixtures of the runtime tests."""

from collections.abc import Iterator
from uuid import uuid4

import pytest

from tests.runtime.local_aws import Deployment, LocalAws


@pytest.fixture(scope="session")
def shared_aws() -> Iterator[LocalAws]:
    server = LocalAws()
    yield server
    server.stop()


@pytest.fixture
def aws(shared_aws: LocalAws, monkeypatch: pytest.MonkeyPatch) -> LocalAws:
    """One server for all tests, and this process's environment pointing at it."""
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    for name, value in shared_aws.environment.items():
        if name.startswith("AWS_"):
            monkeypatch.setenv(name, value)
    return shared_aws


@pytest.fixture
def deployment(aws: LocalAws) -> Deployment:
    return Deployment(aws, f"t{uuid4().hex[:12]}")
