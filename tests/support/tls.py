"""Certificates of a CA that exists for one test (trustme), as the files that the edge reads."""

from datetime import datetime
from pathlib import Path
from ssl import SSLContext, create_default_context

import trustme


class TestCa:
    """A CA with its files in one directory."""

    __test__ = False

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._ca = trustme.CA()
        self.path = directory / "ca.crt"
        self._ca.cert_pem.write_to_path(str(self.path))

    def issue(self, *names: str, file: str, ends_at: datetime | None = None) -> Path:
        """Write a certificate and its key into one file, and return its path."""
        path = self.directory / file
        path.parent.mkdir(exist_ok=True)
        made = self._ca.issue_cert(*names, not_after=ends_at)
        made.private_key_and_cert_chain_pem.write_to_path(str(path))
        return path

    def client(self) -> SSLContext:
        """Return what a peer needs that trusts this CA."""
        context = create_default_context()
        self._ca.configure_trust(context)
        return context
