"""Certificates from files or a secret, for whoever asks by name; they may change at any time
(EDGE W7-W9).

What cannot be used changes nothing: what was loaded before stays in use, and the log says why.
Only what has changed is loaded again. A key is on a disk only where an operator has put it.
"""

import os
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import NamedTuple, TypeAlias

from edge.runtime.log import Logger
from edge.runtime.pem import Bundle, PemProblemError, read_bundle
from model.node import TlsState
from model.settings import TlsVerify

WARN_DAYS = (30, 7, 0)
"""Days before its end at which a certificate is complained about."""

_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""Of TLS 1.2; those of 1.3 are all of this kind (RFC 8446 §B.4)."""
_DAY_S = 86_400.0


class SecretId(str):
    """The name or the ARN of a secret that holds the default certificate."""


Source: TypeAlias = Path | SecretId


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
    bundle: Bundle


class Certificates:
    """What TLS needs on either side, as it is now."""

    def __init__(self, files: TlsFiles, verify: TlsVerify, domain: str, log: Logger) -> None:
        """`domain` is that of the connectors' hosts, which the default certificate is for."""
        self._files = files
        self._verify = verify
        self._domain = domain
        self._log = log
        self._stamps: dict[Path, tuple[int, ...]] = {}
        self._loaded: dict[Source, _Loaded] = {}
        self._by_name: dict[str, ssl.SSLContext] = {}
        self._warned: dict[Source, int] = {}
        self._default: Source | None = files.certificate
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
                self._load_files(pair, now)
        named: set[Source] = {pair.certificate for pair in pairs}
        for gone in set(self._loaded) - named - {self._default}:
            del self._loaded[gone]
            self._warned.pop(gone, None)
            if isinstance(gone, Path):
                self._stamps.pop(gone, None)
        self._choose_again()
        for source, it in self._loaded.items():
            self._warn(source, it.bundle.ends_at, now)

    def take(self, secret: SecretId, text: str, now: datetime) -> None:
        """Load the default certificate from the text of a secret."""
        self._default = secret
        known = self._loaded.get(secret)
        # Each AWS worker that is started tells it again.
        if known is None or known.bundle.text != text:
            self._load(secret, text, now)
        self.refresh(now)

    def days_left(self, now: datetime) -> int | None:
        """Return the whole days until the first certificate in use ends, below zero when it has;
        None when there is none."""
        ends = self._first_end
        return None if ends is None else (ends - now).days

    @property
    def state(self) -> TlsState:
        """Return what the node says of them; whether the port is open is not for them to say."""
        shown = [it.bundle for it in self._loaded.values() if it.context is self.server]
        covers = any(it.covers(self._domain) for it in shown)
        return TlsState(is_open=bool(shown), ends_at=self._first_end, covers_hosts=covers)

    @property
    def _first_end(self) -> datetime | None:
        return min((it.bundle.ends_at for it in self._loaded.values()), default=None)

    def _pairs(self) -> Iterator[_Pair]:
        """Yield the files of each certificate, the default one's first."""
        if self._files.certificate is not None:
            yield _Pair(self._files.certificate, self._files.key)
        if self._files.directory is not None:
            for path in sorted(self._files.directory.glob("*.pem")):
                yield _Pair(path, None)

    def _choose_again(self) -> None:
        own = {path: it for path, it in self._loaded.items() if path != self._default}
        self._by_name = {
            path.stem.lower(): it.context for path, it in own.items() if isinstance(path, Path)
        }
        if self._default is not None and self._default in self._loaded:
            self.server = self._loaded[self._default].context
        else:
            self.server = next(iter([own[path].context for path in sorted(own, key=str)]), None)

    def _has_changed(self, path: Path) -> bool:
        stamp = _stamp(path)
        before = self._stamps.get(path)
        self._stamps[path] = stamp
        return stamp != before

    def _load_files(self, pair: _Pair, now: datetime) -> None:
        try:
            text = "\n".join(path.read_text() for path in pair if path is not None)
        except (OSError, UnicodeDecodeError) as error:
            self._refuse(pair.certificate, error)
        else:
            self._load(pair.certificate, text, now)

    def _load(self, source: Source, text: str, now: datetime) -> None:
        try:
            bundle = read_bundle(text)
            before = self._loaded.get(source)
            if before is not None and bundle.ends_at <= now < before.bundle.ends_at:
                raise PemProblemError(f"it has ended already, {bundle.ends_at.isoformat()}")
            context = server_context(bundle)
        except (OSError, ValueError) as error:
            self._refuse(source, error)
            return
        context.sni_callback = self._choose
        self._loaded[source] = _Loaded(context, bundle)
        self._warned.pop(source, None)
        ends = bundle.ends_at.isoformat()
        names = " ".join(bundle.names)
        self._log("certificate-loaded", {**_shown(source), "names": names, "ends": ends})
        if source == self._default and not bundle.covers(self._domain):
            hint = f"clients that connect to hosts of connectors refuse it; wanted *.{self._domain}"
            self._log("certificate-misses-hosts", {**_shown(source), "names": names, "hint": hint})

    def _load_roots(self, path: Path) -> None:
        try:
            self.client = client_context(self._verify, path)
        except (OSError, ValueError) as error:
            self._refuse(path, error)

    def _refuse(self, source: Source, error: OSError | ValueError) -> None:
        kept = "the one loaded before stays in use" if source in self._loaded else "there is none"
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        self._log("certificate-refused", {**_shown(source), "reason": reason, "hint": kept})

    def _choose(
        self, connection: ssl.SSLObject, name: str | None, context: ssl.SSLContext
    ) -> int | None:
        """Take the certificate of the name that the client asks for; unknown: the default (W8)."""
        chosen = None if name is None else self._by_name.get(name.lower())
        if chosen is not None:
            connection.context = chosen
        return None

    def _warn(self, source: Source, ends_at: datetime, now: datetime) -> None:
        days = (ends_at - now).total_seconds() / _DAY_S
        reached = sum(days <= limit for limit in WARN_DAYS)
        if reached > self._warned.get(source, 0):
            self._warned[source] = reached
            event = "certificate-expired" if days <= 0 else "certificate-expires"
            self._log(event, {**_shown(source), "days": int(days), "ends": ends_at.isoformat()})


def server_context(bundle: Bundle) -> ssl.SSLContext:
    """Return what TLS needs to be a server (EDGE W7); raises OSError or ValueError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _restrict(context)
    # The module takes files only. This one is in memory, and gone when it is closed.
    descriptor = os.memfd_create("certificate", os.MFD_CLOEXEC)
    with os.fdopen(descriptor, "w", encoding="ascii", errors="ignore") as file:
        file.write(bundle.text)
        file.flush()
        context.load_cert_chain(f"/proc/self/fd/{descriptor}")
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


def _shown(source: Source) -> dict[str, str]:
    return {"file" if isinstance(source, Path) else "secret": str(source)}


def _stamp(path: Path) -> tuple[int, ...]:
    try:
        status = path.stat()
    except OSError:
        return ()
    return (status.st_mtime_ns, status.st_size, status.st_ino)
