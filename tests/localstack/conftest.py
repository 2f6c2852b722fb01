"""One LocalStack for all tests of this directory, and the stacks on it."""

from collections.abc import Iterator

import pytest

from tests.infra.synthesis import Assembly
from tests.localstack.cdk import Cdk, synthesised
from tests.localstack.deployment import API, DATA, Deployment, context
from tests.localstack.server import LocalStack, chosen
from tests.management.stand import Key


@pytest.fixture(scope="session")
def localstack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    with chosen()(tmp_path_factory.mktemp("localstack")) as running:
        yield running


@pytest.fixture(scope="session")
def cdk(localstack: LocalStack) -> Cdk:
    """Return the CDK CLI of an account in which it has been bootstrapped."""
    made = Cdk(localstack)
    made.bootstrap()
    return made


@pytest.fixture(scope="session")
def first_assembly(tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    folder = tmp_path_factory.mktemp("assemblies") / "first"
    return synthesised(folder, context(private_addresses=True))


@pytest.fixture(scope="session")
def second_assembly(tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    """Return the app with one setting of the API changed."""
    folder = tmp_path_factory.mktemp("assemblies") / "second"
    return synthesised(folder, context(private_addresses=False))


@pytest.fixture(scope="session")
def deployment(localstack: LocalStack, cdk: Cdk, first_assembly: Assembly) -> Deployment:
    """Return the stacks of data and API, empty."""
    cdk.deploy(first_assembly, DATA, API)
    return Deployment(localstack, cdk)


@pytest.fixture(scope="session")
def key(deployment: Deployment) -> Key:
    return deployment.new_key()


@pytest.fixture
def gateway(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let clients of this process find the Function URL, whose name nobody resolves."""
    monkeypatch.setenv("http_proxy", deployment.localstack.url)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
