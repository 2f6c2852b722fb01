"""examples/aws-cli: every operation in scope with the AWS CLI."""

import json
import sys
from pathlib import Path

import pytest
from botocore import xform_name

from tests.clients.examples import EXAMPLES, ROOT, client_environment, run
from tests.management.stand import Stand

pytestmark = [pytest.mark.sockets, pytest.mark.xdist_group("aws-cli")]

OPERATIONS = json.loads((ROOT / "docs/spec/operations.json").read_text())["operations"]
PROXY = "list-proxy-sessions"
"""The one of the eight deprecated operations that stands for all (API PX1)."""


def expected_operations() -> list[str]:
    """Return the names that the script must say, as the CLI spells them."""
    supported = [
        xform_name(it["operation"], "-")
        for it in OPERATIONS
        if it["in_scope"] and "Proxy" not in it["operation"]
    ]
    return sorted([*supported, PROXY])


def test_every_operation_answers_the_cli(stand: Stand) -> None:
    # API W1-W6 E1 E8 PX1: the script checks each answer.
    environment = client_environment(stand)
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    told = run("sh", EXAMPLES / "aws-cli/every-operation.sh", environment=environment).splitlines()
    assert told.pop() == "every operation answered"
    assert sorted(set(told)) == expected_operations()
    assert len(expected_operations()) == 57
