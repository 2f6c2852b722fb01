"""Everything of a node that has to do with TCP and TLS: ports, certificates, connections."""

import asyncio
import socket
from dataclasses import dataclass, field
from ssl import SSLContext

from edge.flow import Address, Transport
from edge.policy.stream_gate import StreamLimits
from edge.runtime import stream_listener
from edge.runtime.certificates import Certificates, SecretId, TlsFiles
from edge.runtime.log import Logger, utc_now
from edge.runtime.stream_listener import StreamListener
from edge.runtime.streams import Receiver, Streams
from model.node import TlsState
from model.settings import TlsVerify

LOOK_EVERY_S = 5.0
"""How often certificates are looked at: a few stat calls."""
NO_CERTIFICATE = (
    "TLS stays closed, UDP and TCP serve: in AWS deploy with ovc:tls_secret, elsewhere set "
    "OVC_TLS_CERTIFICATE and OVC_TLS_KEY, or OVC_TLS_DIRECTORY, to readable PEM files"
)
NO_GOOD_CERTIFICATE = (
    "TLS stays closed, UDP and TCP serve, until there is a certificate that can be used: see "
    "certificate-refused or secret-unreadable"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamPlan:
    """What a node's streams are made of."""

    tcp_socket: socket.socket
    """Listens already."""
    sip_address: Address
    """As advertised, of TCP."""
    tls_listen: Address
    files: TlsFiles = field(default_factory=TlsFiles)
    secret: SecretId | None = None
    """Where the default certificate is, if it is in no file."""
    domain: str = "voiceconnector.localhost"
    """Of the connectors' hosts."""
    verify: TlsVerify = TlsVerify.FULL
    limits: StreamLimits = field(default_factory=StreamLimits)


class StreamNode:
    """The streams of a node, on the running event loop."""

    def __init__(self, plan: StreamPlan, receiver: Receiver, log: Logger) -> None:
        self._plan = plan
        self._log = log
        self._loop = loop = asyncio.get_running_loop()
        self.certificates = Certificates(plan.files, plan.verify, plan.domain, log)
        self.streams = Streams(
            local=self._local,
            bound_to=plan.tcp_socket.getsockname()[0],
            contexts=self._context,
            loop=loop,
            receiver=receiver,
            log=log,
            limits=plan.limits,
        )
        self._tcp = self._listener(plan.tcp_socket, Transport.TCP)
        self._tls: StreamListener | None = None
        self._problem: int | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._look()

    @property
    def tls_is_open(self) -> bool:
        """Tell whether TLS connections are taken."""
        return self._tls is not None

    @property
    def tls_state(self) -> TlsState:
        """Return how it stands with TLS."""
        return self.certificates.state if self.tls_is_open else TlsState(is_open=False)

    @property
    def figures(self) -> dict[str, int]:
        """Return what a minute's metrics say of TLS (EDGE X7); a closed port has no days."""
        days = self.certificates.days_left(utc_now()) if self.tls_is_open else None
        told = {"TlsOpen": int(self.tls_is_open)}
        return told if days is None else told | {"CertificateDays": days}

    def take(self, secret_id: str, text: str) -> None:
        """Hear what is in a secret; that of the certificate opens the port, or is shown from now on
        to those who connect."""
        if secret_id == self._plan.secret:
            self.certificates.take(self._plan.secret, text, utc_now())
            self._open_with_certificate()

    def tell_closed(self) -> None:
        """Say that TLS is closed, if it is, and what to do."""
        if self._tls is None and self._problem is None:
            is_wanted = self._plan.files.serves or self._plan.secret is not None
            hint = NO_GOOD_CERTIFICATE if is_wanted else NO_CERTIFICATE
            self._log("tls-closed", {"hint": hint})

    def refresh(self) -> None:
        """Look at the certificates now; the first that can be used opens the port."""
        self.certificates.refresh(utc_now())
        self._open_with_certificate()

    def close(self) -> None:
        """End every connection and give the ports back."""
        if self._timer is not None:
            self._timer.cancel()
        for listener in (self._tcp, self._tls):
            if listener is not None:
                listener.close()
        self.streams.close()

    def _look(self) -> None:
        self._timer = self._loop.call_later(LOOK_EVERY_S, self._look)
        self.refresh()

    def _open_with_certificate(self) -> None:
        if self._tls is None and self.certificates.server is not None:
            self._open_tls()

    def _open_tls(self) -> None:
        try:
            sock = stream_listener.bind(self._plan.tls_listen)
        except OSError as error:
            host, port = self._plan.tls_listen
            if self._problem != error.errno:
                self._problem = error.errno
                hint = f"TCP port {port} of {host}: {error.strerror}; set OVC_TLS_LISTEN"
                self._log("tls-closed", {"hint": hint})
        else:
            self._tls = self._listener(sock, Transport.TLS)
            self._log("tls-open", {"port": self._plan.tls_listen[1]})

    def _listener(self, sock: socket.socket, transport: Transport) -> StreamListener:
        accept = self.streams.accept
        return StreamListener(sock, transport, loop=self._loop, accept=accept)

    def _context(self, is_ours: bool) -> SSLContext | None:
        return self.certificates.client if is_ours else self.certificates.server

    def _local(self, transport: Transport) -> Address:
        host, port = self._plan.sip_address
        return (host, self._plan.tls_listen[1]) if transport is Transport.TLS else (host, port)
