"""Further assemblies, made once for all tests that read them."""

from pathlib import Path

import pytest

from tests.infra.synthesis import Assembly, bare_environment, run


@pytest.fixture(scope="session")
def assemblies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the directory of the assemblies that tests/infra/assemblies.py makes."""
    directory = tmp_path_factory.mktemp("assemblies")
    environment = bare_environment(directory)
    run("-m", "tests.infra.assemblies", str(directory), environment=environment)
    return directory


@pytest.fixture(scope="session")
def other_assembly(assemblies: Path) -> Assembly:
    """Return the app of a deployment in which everything is chosen."""
    return Assembly(assemblies / "other")


@pytest.fixture(scope="session")
def front_assembly(assemblies: Path) -> Assembly:
    """Return the app of a deployment whose API has a domain and a firewall of its own, and whose
    data has a key of its own."""
    return Assembly(assemblies / "front")


@pytest.fixture(scope="session")
def large_assembly(assemblies: Path) -> Assembly:
    """Return the app of a deployment of the largest profile, on arm64."""
    return Assembly(assemblies / "large")


@pytest.fixture(scope="session")
def fixed_assembly(assemblies: Path) -> Assembly:
    """Return the app of a deployment whose nodes have fixed addresses."""
    return Assembly(assemblies / "fixed")


@pytest.fixture(scope="session")
def listed_assembly(assemblies: Path) -> Assembly:
    """Return the like on arm64, with addresses that there were before."""
    return Assembly(assemblies / "listed")
