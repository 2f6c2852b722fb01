"""Certificates from files, for whoever asks by name; they may change at any time (EDGE W7-W9).

A file that cannot be used changes nothing: what was loaded before stays in use, and the log says
why. Only what has changed is loaded again.
"""

import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from edge.runtime.certificate_dates import not_after
from edge.runtime.log import Logger
from model.settings import TlsVerify

WARN_DAYS = (30, 7, 0)
"""Days before its end at which a certificate is complained about."""

_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""Of TLS 1.2; those of 1.3 are all of this kind (RFC 8446 §B.4)."""
_NO_PASSWORD = ""
_DAY_S = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFiles:
    """Where certificates are; PEM, chain first, the key behind it or in a file of its own."""

    certificate: Path | None = None
    """For every name that has none of its own."""
    key: Path | None = None
    """None: in the certificate's file."""
    directory: Path | None = None
    """Holds `<host>.pem` for connector hosts with certificates of their own (EDGE W8)."""
    ca: Path | None = None
    """Roots that are trusted besides the public ones when we connect to a peer (EDGE W9)."""

    @property
    def serves(self) -> bool:
        """Tell whether anything is said about our own certificates."""
        return self.certificate is not None or self.directory is not None


class _Pair(NamedTuple):
    certificate: Path
    key: Path | None


class _Loaded(NamedTuple):
    context: ssl.SSLContext
    ends_at: datetime | None


class Certificates:
    """What TLS needs on either side, as it is now."""

    def __init__(self, files: TlsFiles, verify: TlsVerify, log: Logger) -> None:
        self._files = files
        self._verify = verify
        self._log = log
        self._stamps: dict[Path, tuple[int, ...]] = {}
        self._loaded: dict[Path, _Loaded] = {}
        self._by_name: dict[str, ssl.SSLContext] = {}
        self._warned: dict[Path, int] = {}
        self.server: ssl.SSLContext | None = None
        """None as long as there is no certificate that can be used."""
        self.client = client_context(verify, None)

    def refresh(self, now: datetime) -> None:
        """Load what has changed, and complain about certificates that end soon."""
        if self._files.ca is not None and self._has_changed(self._files.ca):
            self._load_roots(self._files.ca)
        pairs = list(self._pairs())
        for pair in pairs:
            # Not `any` of them: each is to be looked at.
            changed = [self._has_changed(path) for path in pair if path is not None]
            if True in changed:
                self._load(pair)
        named = {pair.certificate for pair in pairs}
        for gone in set(self._loaded) - named - {self._files.certificate}:
            del self._loaded[gone]
            self._stamps.pop(gone, None)
            self._warned.pop(gone, None)
        self._by_name = {
            path.stem.lower(): it.context
            for path, it in self._loaded.items()
            if path != self._files.certificate
        }
        self.server = self._default()
        for path, it in self._loaded.items():
            self._warn(path, it.ends_at, now)

    def days_left(self, now: datetime) -> int | None:
        """Return the whole days until the first certificate in use ends, below zero when it has;
        None when no end is known."""
        ends = [it.ends_at for it in self._loaded.values() if it.ends_at is not None]
        return (min(ends) - now).days if ends else None

    def _pairs(self) -> Iterator[_Pair]:
        """Yield the files of each certificate, the default one's first."""
        if self._files.certificate is not None:
            yield _Pair(self._files.certificate, self._files.key)
        if self._files.directory is not None:
            for path in sorted(self._files.directory.glob("*.pem")):
                yield _Pair(path, None)

    def _default(self) -> ssl.SSLContext | None:
        if self._files.certificate in self._loaded:
            return self._loaded[self._files.certificate].context
        return next(iter([self._loaded[path].context for path in sorted(self._loaded)]), None)

    def _has_changed(self, path: Path) -> bool:
        stamp = _stamp(path)
        before = self._stamps.get(path)
        self._stamps[path] = stamp
        return stamp != before

    def _load(self, pair: _Pair) -> None:
        path = pair.certificate
        try:
            context = server_context(path, pair.key)
            context.sni_callback = self._choose
            self._loaded[path] = _Loaded(context, not_after(path.read_text()))
        except (OSError, ValueError) as error:
            self._refuse(path, error)
            return
        self._warned.pop(path, None)
        self._log("certificate-loaded", {"file": str(path)})

    def _load_roots(self, path: Path) -> None:
        try:
            self.client = client_context(self._verify, path)
        except (OSError, ValueError) as error:
            self._refuse(path, error)

    def _refuse(self, path: Path, error: OSError | ValueError) -> None:
        kept = "the one loaded before stays in use" if path in self._loaded else "there is none"
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        self._log("certificate-refused", {"file": str(path), "reason": reason, "hint": kept})

    def _choose(
        self, connection: ssl.SSLObject, name: str | None, context: ssl.SSLContext
    ) -> int | None:
        """Take the certificate of the name that the client asks for; unknown: the default (W8)."""
        chosen = None if name is None else self._by_name.get(name.lower())
        if chosen is not None:
            connection.context = chosen
        return None

    def _warn(self, path: Path, ends_at: datetime | None, now: datetime) -> None:
        if ends_at is None:
            return
        days = (ends_at - now).total_seconds() / _DAY_S
        reached = sum(days <= limit for limit in WARN_DAYS)
        if reached > self._warned.get(path, 0):
            self._warned[path] = reached
            event = "certificate-expired" if days <= 0 else "certificate-expires"
            self._log(event, {"file": str(path), "days": int(days), "ends": ends_at.isoformat()})


def server_context(certificate: Path, key: Path | None) -> ssl.SSLContext:
    """Return what TLS needs to be a server (EDGE W7); raises OSError or ValueError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _restrict(context)
    context.load_cert_chain(certificate, key, password=_NO_PASSWORD)
    return context


def client_context(verify: TlsVerify, ca: Path | None) -> ssl.SSLContext:
    """Return what TLS needs to be a client (EDGE W9); raises OSError or ValueError."""
    context = ssl.create_default_context()
    _restrict(context)
    if ca is not None:
        context.load_verify_locations(ca)
    context.check_hostname = verify is TlsVerify.FULL
    context.verify_mode = ssl.CERT_NONE if verify is TlsVerify.OFF else ssl.CERT_REQUIRED
    return context


def _restrict(context: ssl.SSLContext) -> None:
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_CIPHERS)
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    context.options |= ssl.OP_CIPHER_SERVER_PREFERENCE


def _stamp(path: Path) -> tuple[int, ...]:
    try:
        status = path.stat()
    except OSError:
        return ()
    return (status.st_mtime_ns, status.st_size, status.st_ino)
