"""`ovc env`: the running stand as environment variables."""

import json
import os
import shlex
import sys
from collections.abc import Mapping

from cli.stand import running_stand

MISLEADING = ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_ENDPOINT_URL")
"""Variables that would lead a client elsewhere than the exported ones say."""


def run(*, api_port: int | None, as_json: bool) -> None:
    """Print shell exports, or one flat JSON object."""
    environment = running_stand(api_port).environment()
    text = json.dumps(environment, indent=2) if as_json else exports(environment, os.environ)
    sys.stdout.write(text + "\n")


def exports(environment: Mapping[str, str], present: Mapping[str, str]) -> str:
    """Return the shell lines; what would mislead and is present in the shell is unset."""
    misleading = [name for name in MISLEADING if name in present]
    lines = [f"unset {' '.join(misleading)}"] if misleading else []
    lines += [f"export {name}={shlex.quote(value)}" for name, value in environment.items()]
    return "\n".join(lines)
