"""The app as a whole: the same for everybody, two deployments side by side, clear refusals."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.infra.synthesis import ROOT, Assembly, bare_environment

pytestmark = [pytest.mark.node, pytest.mark.xdist_group("cdk")]

STACKS = ("data", "api", "edge", "analytics", "observability", "dns")
ALL_STACKS = (*STACKS, "front")


def test_a_second_synthesis_says_the_same(assembly: Assembly, assemblies: Path) -> None:
    for stack in STACKS:
        name = f"ovc-{stack}.template.json"
        first, second = assembly.directory / name, assemblies / "nag" / name
        assert first.read_text() == second.read_text()


def test_no_account_is_asked_or_written_down(assembly: Assembly) -> None:
    manifest = json.loads((assembly.directory / "manifest.json").read_text())
    environments = {
        artifact["environment"]
        for artifact in manifest["artifacts"].values()
        if artifact["type"] == "aws:cloudformation:stack"
    }
    assert environments == {"aws://unknown-account/unknown-region"}
    assert "missing" not in manifest


def test_two_deployments_share_no_name(other_assembly: Assembly) -> None:
    for stack in ALL_STACKS:
        text = (other_assembly.directory / f"lab2-{stack}.template.json").read_text()
        assert "lab2" in text
        assert "ovc-" not in text
        # A path inside of a container is nobody else's.
        assert "ovc/" not in text.replace("/var/lib/ovc/", "")


def test_nothing_runs_during_a_deployment(assembly: Assembly) -> None:
    # Custom resources would be functions that nobody here has read, and local clouds skip them.
    kinds = {
        resource["Type"]
        for template in assembly.templates()
        for resource in template.document["Resources"].values()
    }
    assert kinds
    assert not [kind for kind in kinds if kind.startswith("Custom::") or "CustomResource" in kind]


def warnings(of: Assembly, stack: str) -> list[str]:
    metadata = json.loads((of.directory / f"{stack}.metadata.json").read_text())
    entries = [entry for found in metadata.values() for entry in found]
    return [it["data"] for it in entries if it["type"] == "aws:cdk:warning"]


def test_more_calls_than_media_can_do_are_warned_of(assembly: Assembly, assemblies: Path) -> None:
    (warning,) = warnings(Assembly(assemblies / "off"), "ovc-edge")
    assert "concurrent_calls is 1500, and the media of so large a task was measured" in warning
    assert not any("concurrent_calls" in it for it in warnings(assembly, "ovc-edge"))


def test_the_placeholder_domain_is_warned_of(assembly: Assembly, other_assembly: Assembly) -> None:
    (warning,) = warnings(assembly, "ovc-api")
    assert "voiceconnector.example.com: choose a domain of your own" in warning
    assert warnings(other_assembly, "lab2-api") == []


def test_a_bad_value_on_the_command_line_is_refused_in_one_line(tmp_path: Path) -> None:
    given = {"CDK_CONTEXT_JSON": json.dumps({"ovc:nodes": "many"}), "CDK_OUTDIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "app.py"],
        cwd=ROOT,
        env=bare_environment(tmp_path) | given,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "ovc: ovc:nodes: it is 'many'; wanted is a whole number\n" in done.stderr
    assert "Traceback" not in done.stderr
