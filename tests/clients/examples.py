"""Runs an example as a user would: in its own process, with the variables of `ovc env` alone."""

import os
import subprocess
from pathlib import Path

from emulator.environment import isolated
from tests.management.stand import Stand

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
LONGEST_S = 600.0


def client_environment(stand: Stand) -> dict[str, str]:
    """Return the environment of a shell after `eval "$(ovc env)"`, as far as the API goes."""
    environment = isolated(os.environ) | {
        "AWS_ENDPOINT_URL_CHIME_SDK_VOICE": stand.url,
        "AWS_ENDPOINT_URL_STS": stand.url,
        "AWS_ACCESS_KEY_ID": stand.key.access_key_id,
        "AWS_SECRET_ACCESS_KEY": stand.key.secret,
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    # As a proxy the gateway keeps the host that it is asked for, which nobody can resolve.
    return environment | ({"http_proxy": f"http://{stand.gateway}"} if stand.gateway else {})


def run(*command: str | Path, environment: dict[str, str], folder: Path = EXAMPLES) -> str:
    """Run a command, which must succeed, and return what it printed."""
    done = subprocess.run(
        [str(it) for it in command],
        env=environment,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LONGEST_S,
    )
    assert done.returncode == 0, f"{done.stdout[-4_000:]}\n{done.stderr[-4_000:]}"
    return done.stdout
