"""`ovc env`: the running stand as environment variables."""

import json
import shlex
import sys

from cli.stand import running_stand


def run(*, api_port: int | None, as_json: bool) -> None:
    """Print shell exports, or one flat JSON object."""
    environment = running_stand(api_port).environment()
    if as_json:
        text = json.dumps(environment, indent=2)
    else:
        text = "\n".join(f"export {name}={shlex.quote(it)}" for name, it in environment.items())
    sys.stdout.write(text + "\n")
