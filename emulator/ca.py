"""The local run's own certificate authority: made once for a user, so that phones trust it once.

Its key stays in a directory that only the user may read. A stand gets a certificate of its own,
which lives as long as the stand.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme

from emulator.stand_file import lasting_directory

_LEAF_DAYS = 397
"""Phones of some makers refuse longer ones."""
_ORGANIZATION = "Open Voice Connector"


CA_FILE = "ca.crt"


class LocalCa:
    """The CA of a directory."""

    def __init__(self, directory: Path) -> None:
        """Read it, or make it when there is none; raises OSError."""
        self.path = directory / CA_FILE
        """What has to be trusted, PEM."""
        key = directory / "ca.key"
        with _alone(directory):
            if self.path.exists() and key.exists():
                self._ca = trustme.CA.from_pem(self.path.read_bytes(), key.read_bytes())
                return
            self._ca = trustme.CA(organization_name=_ORGANIZATION, organization_unit_name="Local")
            _write(key, self._ca.private_key_pem.bytes(), 0o600)
            _write(self.path, self._ca.cert_pem.bytes(), 0o644)

    def issue(self, path: Path, *names: str) -> None:
        """Write a certificate for host names and addresses, with its key, into one file."""
        ends_at = datetime.now(UTC) + timedelta(days=_LEAF_DAYS)
        made = self._ca.issue_cert(*names, organization_name=_ORGANIZATION, not_after=ends_at)
        _write(path, made.private_key_and_cert_chain_pem.bytes(), 0o600)


def ca_directory() -> Path:
    """Return where this user's CA lives; raises OSError when no directory can be had."""
    directory = lasting_directory() / "ca"
    directory.mkdir(mode=0o700, exist_ok=True)
    return directory


@contextmanager
def _alone(directory: Path) -> Iterator[None]:
    """Keep other processes out: two stands that start together must not make two CAs."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _write(path: Path, data: bytes, mode: int) -> None:
    """Write a file whole or not at all."""
    new = path.with_name(f".{path.name}.{os.getpid()}")
    new.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    with os.fdopen(os.open(new, flags, mode), "wb") as file:
        file.write(data)
    new.replace(path)
