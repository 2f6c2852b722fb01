"""Terraform with a mirror of its AWS provider on disk, where this machine has both."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

MIRROR_VARIABLE = "OVC_TEST_TERRAFORM_MIRROR"
"""Names a directory that holds registry.terraform.io/hashicorp/aws."""
_PROVIDER = "registry.terraform.io/hashicorp/aws"
_LONGEST_S = 300.0


def mirror() -> Path | None:
    """Return the mirror, None when Terraform cannot run here."""
    named = os.environ.get(MIRROR_VARIABLE)
    if named is None or shutil.which("terraform") is None:
        return None
    return Path(named) if (Path(named) / _PROVIDER).is_dir() else None


def presence() -> str:
    """Return the line that says whether test_terraform.py runs."""
    found = mirror()
    if found is None:
        return f"terraform: not run, needs the binary and {MIRROR_VARIABLE} with {_PROVIDER}"
    return f"terraform: run with the providers of {found}"


class Terraform:
    """A folder that Terraform works in."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._folder = folder
        configuration = folder / "cli.tfrc"
        configuration.write_text(
            "provider_installation {\n  filesystem_mirror {\n"
            f'    path = "{mirror()}"\n    include = ["{_PROVIDER}"]\n  }}\n}}\n'
        )
        self._environment = {
            **environment,
            "TF_CLI_CONFIG_FILE": str(configuration),
            "TF_IN_AUTOMATION": "1",
            "TF_INPUT": "0",
            "CHECKPOINT_DISABLE": "1",
        }

    def run(self, *arguments: str, code: int = 0) -> str:
        """Run a command, which must end with a code, and return what it printed."""
        done = subprocess.run(
            ["terraform", *arguments],
            cwd=self._folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_LONGEST_S,
        )
        assert done.returncode == code, f"{done.stdout[-4_000:]}\n{done.stderr[-4_000:]}"
        return done.stdout

    def apply(self, *arguments: str) -> str:
        """Make the world as the configuration wants it."""
        return self.run("apply", "-auto-approve", "-no-color", *arguments)

    def assert_nothing_to_do(self, *arguments: str) -> None:
        """Plan; a plan that is not empty ends with 2."""
        self.run("plan", "-detailed-exitcode", "-no-color", *arguments)

    def output(self, name: str) -> str:
        """Return an output value."""
        return self.run("output", "-raw", name)
