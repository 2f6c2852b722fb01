"""The CDK app: run by the CDK CLI, or alone (`make synth`), with the same result."""

import json
import os
import sys
from pathlib import Path

from infra.application import assembled
from infra.management_asset import AssetProblemError
from infra.setting_checks import DeploymentProblemError

ROOT = Path(__file__).parent


def main() -> None:
    """Write the cloud assembly into cdk.out, or wherever the CDK CLI wants it."""
    # The CLI reads cdk.json itself, and its -c options come first; alone, nobody else reads it.
    context = json.loads((ROOT / "cdk.json").read_text())["context"]
    try:
        app = assembled(context, os.environ.get("CDK_OUTDIR", str(ROOT / "cdk.out")))
    except (DeploymentProblemError, AssetProblemError) as problem:
        sys.exit(f"ovc: {problem}")
    app.synth()


if __name__ == "__main__":
    main()
