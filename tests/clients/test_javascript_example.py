"""examples/javascript: a trunk with the AWS SDK for JavaScript v3."""

import hashlib
import os
import shutil
from pathlib import Path

import pytest

from tests.clients.examples import EXAMPLES, ROOT, client_environment, run
from tests.management.stand import Stand

pytestmark = [pytest.mark.sockets, pytest.mark.node, pytest.mark.xdist_group("clients")]

SOURCE = EXAMPLES / "javascript"
FILES = ("package.json", "package-lock.json")


def installed() -> Path:
    """Return a folder under build/ with the packages of the lock; made once for each lock."""
    locked = b"".join((SOURCE / name).read_bytes() for name in FILES)
    folder = ROOT / "build/examples" / f"javascript-{hashlib.sha256(locked).hexdigest()[:16]}"
    done = folder / ".installed"
    if not done.exists():
        folder.mkdir(parents=True, exist_ok=True)
        for name in FILES:
            shutil.copy(SOURCE / name, folder / name)
        quiet = ("--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error")
        # With the proxies of this shell, which a client of the local API must not see.
        run("npm", "ci", *quiet, environment=dict(os.environ), folder=folder)
        done.touch()
    return folder


def test_a_trunk_is_set_up_and_taken_down(stand: Stand) -> None:
    # API W5 E2 E3 VC7 S3 S6: the script itself checks types, dates and errors.
    environment = client_environment(stand)
    folder = installed()
    shutil.copy(SOURCE / "index.mjs", folder / "index.mjs")
    told = run("node", "index.mjs", environment=environment, folder=folder)
    assert told.splitlines()[-1] == "taken down again"
    assert "+1305" in told
    left = stand.client().list_voice_connectors()["VoiceConnectors"]
    assert [it for it in left if it["Name"] == "JavaScript example"] == []


def test_the_lock_names_no_address() -> None:
    assert '"resolved"' not in (SOURCE / "package-lock.json").read_text()
