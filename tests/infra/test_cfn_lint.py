"""cfn-lint over every template: nothing is found but what has a reason here."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.infra.synthesis import Assembly

pytestmark = [pytest.mark.node, pytest.mark.xdist_group("cdk")]

CFN_LINT = Path(sys.executable).parent / "cfn-lint"
ACCEPTED = {
    "W3005": "The CDK writes dependencies that a reference says already: they do no harm, and it "
    "cannot be told not to.",
}
"""Rule -> why what it finds is right as it is."""


def found(*templates: Path) -> list[str]:
    """Return what cfn-lint says, a line each."""
    done = subprocess.run(
        [
            *(str(CFN_LINT), "--format", "parseable", "--non-zero-exit-code", "none"),
            *("--template", *map(str, templates)),
        ],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


def test_nothing_is_found_but_what_is_accepted(
    assembly: Assembly,
    other_assembly: Assembly,
    front_assembly: Assembly,
    listed_assembly: Assembly,
) -> None:
    made = (assembly, other_assembly, front_assembly, listed_assembly)
    told = found(*(template for each in made for template in each.template_files()))
    assert [line for line in told if line.split(":")[5] not in ACCEPTED] == []
    assert {line.split(":")[5] for line in told} == set(ACCEPTED), "and what is, is still found"


def test_the_rules_do_look(tmp_path: Path) -> None:
    careless = tmp_path / "careless.template.json"
    careless.write_text('{"Resources": {"Bucket": {"Type": "AWS::S3::Bucket", "Properties": 1}}}')
    assert found(careless)
