"""cdk-nag's AwsSolutions over the whole app: nothing is found that has no reason beside it."""

import json
from pathlib import Path

import pytest

pytestmark = [pytest.mark.node, pytest.mark.xdist_group("cdk")]


def findings(directory: Path) -> list[tuple[str, str]]:
    """Return rule and place of everything that was found in an assembly."""
    report = json.loads((directory / "validation-report.json").read_text())
    return [
        (violation["ruleName"], construct["constructPath"])
        for plugin in report["pluginReports"]
        for violation in plugin["violations"]
        for construct in violation["violatingConstructs"]
    ]


def test_nothing_is_found(assemblies: Path) -> None:
    assert findings(assemblies / "nag") == []
    assert findings(assemblies / "zoned") == []
    assert findings(assemblies / "front") == []
    assert findings(assemblies / "fixed") == []


def test_the_rules_do_look(assemblies: Path) -> None:
    assert ("AwsSolutions-S10", "careless/Bucket/Resource") in findings(assemblies / "control")
