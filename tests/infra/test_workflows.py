"""The files for GitHub and for Docker, which are not here: they are what their schemas want."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.infra.synthesis import ROOT
from tests.localstack.server import IMAGE

WORKFLOW = ROOT / ".github" / "workflows" / "ci.yml"
COMPOSITION = ROOT / "examples" / "localstack" / "compose.yaml"


def complaint(schema: str, file: Path) -> str:
    """Return what is wrong with a file by a schema that check-jsonschema brings along."""
    command = (sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(file))
    done = subprocess.run(command, capture_output=True, text=True)
    return "" if done.returncode == 0 else done.stdout + done.stderr


@pytest.mark.parametrize(
    ("schema", "file"),
    [("vendor.github-workflows", WORKFLOW), ("vendor.compose-spec", COMPOSITION)],
    ids=["workflow", "composition"],
)
def test_a_file_is_what_its_schema_wants(schema: str, file: Path, tmp_path: Path) -> None:
    assert complaint(schema, file) == ""
    wrong = tmp_path / file.name
    wrong.write_text(file.read_text() + "\nunheard-of: true\n")
    assert "unheard-of" in complaint(schema, wrong)


def test_the_workflow_runs_what_continuous_integration_runs() -> None:
    commands = re.findall(r"^make [a-z][a-z-]*", (ROOT / ".ci" / "run").read_text(), re.M)
    assert sorted(re.findall(r"- run: (make .*)$", WORKFLOW.read_text(), re.M)) == sorted(commands)


def test_the_composition_names_files_and_images_that_are_there() -> None:
    text = COMPOSITION.read_text()
    assert f"image: {IMAGE}\n" in text
    for name in re.findall(r"dockerfile: (\S+)", text):
        assert (ROOT / name).is_file()
    assert (ROOT / "examples/localstack/deploy.sh").is_file()
