"""`ovc cdr` as a process: signals, pipes, credentials that are not there."""

import os
import pty
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cli.errors import ExitCode
from tests.cli.records.conftest import Shelf
from tests.cli.records.samples import a_call
from tests.runtime.local_aws import REGION

pytestmark = pytest.mark.sockets

ROOT = Path(__file__).parents[3]
OVC_CDR = [sys.executable, "-m", "cli.main", "cdr"]
PATIENCE_S = 60.0


def begun(shelf: Shelf, *arguments: str) -> "subprocess.Popen[str]":
    """Start a command on a deployment."""
    where = ["--prefix", shelf.deployment.prefix, "--region", REGION]
    return subprocess.Popen(
        [*OVC_CDR, *arguments, *where],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=shelf.deployment.aws.environment,
    )


def test_whoever_has_read_enough_may_close_the_pipe(shelf: Shelf) -> None:
    shelf.put(*(a_call(number) for number in range(300)))  # more than a pipe holds
    with begun(shelf, "export") as process:
        assert process.stdout is not None and process.stderr is not None
        assert process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait(PATIENCE_S) == ExitCode.FAILED


def test_ctrl_c_ends_a_tail_without_a_word(shelf: Shelf) -> None:
    shelf.put(a_call(started_at=datetime.now(UTC) - timedelta(minutes=1)))
    with begun(shelf, "tail") as process:
        assert process.stdout is not None and process.stderr is not None
        assert "Completed" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE_S) == 130
        assert (process.stdout.read(), process.stderr.read().strip()) == ("", "")


def on_a_terminal(shelf: Shelf, *arguments: str) -> bytes:
    """Run a command whose standard error is a terminal; return what that shows."""
    ours, theirs = pty.openpty()
    where = ["--prefix", shelf.deployment.prefix, "--region", REGION]
    environment = {**shelf.deployment.aws.environment, "TERM": "xterm", "COLUMNS": "100"}
    with subprocess.Popen(
        [*OVC_CDR, *arguments, *where],
        stdout=subprocess.DEVNULL,
        stderr=theirs,
        cwd=ROOT,
        env=environment,
    ) as process:
        os.close(theirs)
        shown = b""
        try:
            while part := os.read(ours, 65_536):
                shown += part
        except OSError:  # how a terminal tells that nobody is there any more
            pass
        assert process.wait(PATIENCE_S) == 0, shown
    os.close(ours)
    return shown


def test_a_terminal_shows_how_far_it_has_come(shelf: Shelf, tmp_path: Path) -> None:
    shelf.put(*(a_call(number) for number in range(5)))
    shelf.lay(a_call(9).key(), b"{}")
    shown = on_a_terminal(shelf, "export", "--out", str(tmp_path / "calls.csv"))
    assert b" records" in shown and b"\x1b[" in shown  # the bar is drawn, and taken away again
    assert b"is no call detail record: it has no member AwsAccountId" in shown
    assert b"calls.csv: records written: 5" in shown
    assert (tmp_path / "calls.csv").read_text().count("\n") == 6


@pytest.mark.parametrize("more", [[], ["--bucket", "any"]])
def test_without_credentials_it_is_said_what_to_set(more: list[str], tmp_path: Path) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    done = subprocess.run(
        [*OVC_CDR, "list", "--region", REGION, *more],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**kept, "AWS_EC2_METADATA_DISABLED": "true", "HOME": str(tmp_path)},
    )
    assert (done.returncode, done.stdout) == (ExitCode.FAILED, "")
    assert done.stderr.startswith("ovc: there are no AWS credentials: set AWS_PROFILE")
    assert "Traceback" not in done.stderr
