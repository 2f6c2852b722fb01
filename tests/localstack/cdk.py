"""The CDK CLI against LocalStack, and what CloudFormation says of what it did."""

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import boto3

from tests.infra.synthesis import Assembly, bare_environment, run
from tests.localstack.server import TOOLS, LocalStack

CDKLOCAL = TOOLS / "node" / "node_modules" / ".bin" / "cdklocal"
TOOLKIT = "CDKToolkit"
LONGEST_S = 300.0


def synthesised(folder: Path, context: Mapping[str, object]) -> Assembly:
    """Return what `make synth` writes with other values on its command line."""
    folder.mkdir()
    outdir = folder / "cdk.out"
    given = {
        "CDK_OUTDIR": str(outdir),
        "CDK_CONTEXT_JSON": json.dumps(context),
        "CDK_HOME": str(folder),
    }
    run("app.py", environment=bare_environment(folder) | given)
    return Assembly(outdir)


class Cdk:
    """cdklocal, which is the CDK CLI with LocalStack for AWS."""

    def __init__(self, localstack: LocalStack) -> None:
        self._folder = localstack.folder
        self._environment = localstack.environment | {
            "CDK_HOME": str(localstack.folder),
            "PATH": os.environ["PATH"],
            "CI": "true",
            "CDK_DISABLE_CLI_TELEMETRY": "true",
        }
        session = boto3.session.Session("test", "test", region_name="us-east-1")
        self._cloudformation: Any = session.client("cloudformation", endpoint_url=localstack.url)

    def bootstrap(self) -> None:
        """Make what the CLI itself needs in an account."""
        self._run("bootstrap", "aws://000000000000/us-east-1")

    def deploy(self, assembly: Assembly, *stacks: str) -> None:
        """Create or update stacks."""
        app = ("--app", str(assembly.directory))
        self._run("deploy", *app, *stacks, "--require-approval", "never")

    def destroy(self, assembly: Assembly, *stacks: str) -> None:
        """Delete stacks, as far as what they hold may be deleted."""
        self._run("destroy", "--app", str(assembly.directory), *stacks, "--force")

    def unprotect(self, stack: str) -> None:
        """Let a stack be deleted."""
        self._cloudformation.update_termination_protection(
            StackName=stack, EnableTerminationProtection=False
        )

    def outputs(self, stack: str) -> dict[str, str]:
        """Return a stack's outputs."""
        (found,) = self._cloudformation.describe_stacks(StackName=stack)["Stacks"]
        return {it["OutputKey"]: it["OutputValue"] for it in found["Outputs"]}

    def stacks(self) -> dict[str, str]:
        """Return the status of each stack that there is; LocalStack tells of deleted ones, too."""
        found = self._cloudformation.describe_stacks()["Stacks"]
        status = {it["StackName"]: str(it["StackStatus"]) for it in found}
        return {name: it for name, it in status.items() if it != "DELETE_COMPLETE"}

    def events(self, stack: str) -> list[dict[str, Any]]:
        """Return everything that happened to a stack."""
        pages = self._cloudformation.get_paginator("describe_stack_events").paginate(
            StackName=stack
        )
        return [event for page in pages for event in page["StackEvents"]]

    def resources(self, stack: str) -> dict[str, dict[str, Any]]:
        """Return a stack's resources by their logical ids."""
        pages = self._cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack)
        found = [it for page in pages for it in page["StackResourceSummaries"]]
        return {it["LogicalResourceId"]: it for it in found}

    def _run(self, *arguments: str) -> None:
        done = subprocess.run(
            [str(CDKLOCAL), *arguments, "--no-notices"],
            cwd=self._folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=LONGEST_S,
        )
        assert done.returncode == 0, done.stdout[-6_000:]
