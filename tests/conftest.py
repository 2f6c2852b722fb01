"""What tests of several packages share."""

import pytest
from hypothesis import settings

from tests.clients import terraform
from tests.infra.synthesis import Assembly, bare_environment, run
from tests.support import botocore_models

COUNTED = "counted"
"""A property of a test whose value the reader of a run wants to see."""

settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
"""No example fails because the machine is busy: the tests measure no time."""

botocore_models.read_once()


def pytest_report_header() -> str:
    """Return what is tested only where this machine has it, so that nobody misses it unseen."""
    return terraform.presence()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show what tests have counted, whether or not they passed."""
    for report in (*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")):
        for name, said in report.user_properties:
            if name == COUNTED:
                terminalreporter.write_line(str(said))


@pytest.fixture(scope="session")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    """Return what `make synth` writes, made with neither Docker nor credentials in reach."""
    directory = tmp_path_factory.mktemp("synth")
    outdir = directory / "cdk.out"
    run("app.py", environment=bare_environment(directory) | {"CDK_OUTDIR": str(outdir)})
    return Assembly(outdir)
