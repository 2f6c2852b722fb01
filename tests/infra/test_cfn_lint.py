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


def found(*templates: Path, ignored: tuple[str, ...] = ()) -> list[str]:
    """Return what cfn-lint says, a line each."""
    done = subprocess.run(
        [
            *(str(CFN_LINT), "--format", "parseable", "--non-zero-exit-code", "none"),
            *("--ignore-checks", *(ignored or ("none",)), "--template", *map(str, templates)),
        ],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


def test_nothing_is_found(
    assembly: Assembly,
    other_assembly: Assembly,
    front_assembly: Assembly,
    listed_assembly: Assembly,
) -> None:
    for made in (assembly, other_assembly, front_assembly, listed_assembly):
        templates = made.directory.glob("*.template.json")
        assert found(*templates, ignored=tuple(ACCEPTED)) == []


def test_what_is_accepted_is_still_found(assembly: Assembly) -> None:
    told = found(*assembly.directory.glob("*.template.json"))
    assert {line.split(":")[5] for line in told} == set(ACCEPTED)


def test_the_rules_do_look(tmp_path: Path) -> None:
    careless = tmp_path / "careless.template.json"
    careless.write_text('{"Resources": {"Bucket": {"Type": "AWS::S3::Bucket", "Properties": 1}}}')
    assert found(careless)
