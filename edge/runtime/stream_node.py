"""Everything of a node that has to do with TCP and TLS: ports, certificates, connections."""

import asyncio
import socket
from dataclasses import dataclass, field
from ssl import SSLContext

from edge.flow import Address, Transport
from edge.policy.stream_gate import StreamLimits
from edge.runtime import stream_listener
from edge.runtime.certificates import Certificates, TlsFiles
from edge.runtime.log import Logger, utc_now
from edge.runtime.stream_listener import StreamListener
from edge.runtime.streams import Receiver, Streams
from model.settings import TlsVerify

LOOK_EVERY_S = 5.0
"""How often certificates are looked at: a few stat calls."""
NO_CERTIFICATE = (
    "TLS stays closed, UDP and TCP serve: set OVC_TLS_CERTIFICATE and OVC_TLS_KEY, or "
    "OVC_TLS_DIRECTORY, to readable PEM files"
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
    verify: TlsVerify = TlsVerify.FULL
    limits: StreamLimits = field(default_factory=StreamLimits)


class StreamNode:
    """The streams of a node, on the running event loop."""

    def __init__(self, plan: StreamPlan, receiver: Receiver, log: Logger) -> None:
        self._plan = plan
        self._log = log
        self._loop = loop = asyncio.get_running_loop()
        self.certificates = Certificates(plan.files, plan.verify, log)
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
        if self._tls is None and not plan.files.serves:
            self._log("tls-closed", {"hint": NO_CERTIFICATE})

    @property
    def tls_is_open(self) -> bool:
        """Tell whether TLS connections are taken."""
        return self._tls is not None

    @property
    def certificate_days(self) -> int:
        """Return for how many days TLS serves yet; 0 while it is closed (EDGE X7)."""
        days = self.certificates.days_left(utc_now()) if self.tls_is_open else None
        return 0 if days is None else days

    def refresh(self) -> None:
        """Look at the certificates now; the first that can be used opens the port."""
        self.certificates.refresh(utc_now())
        if self._tls is None and self.certificates.server is not None:
            self._open_tls()

    def close(self) -> None:
        """End every connection and give the ports back."""
        if self._timer is not None:
            self._timer.cancel()
        for listener in (self._tcp, self._tls):
            if listener is not None:
                listener.close()
        self.streams.close()

    def _look(self) -> None:
        self.refresh()
        self._timer = self._loop.call_later(LOOK_EVERY_S, self._look)

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

    def _listener(self, sock: socket.socket, transport: Transport) -> StreamListener:
        accept = self.streams.accept
        return StreamListener(sock, transport, loop=self._loop, accept=accept)

    def _context(self, is_ours: bool) -> SSLContext | None:
        return self.certificates.client if is_ours else self.certificates.server

    def _local(self, transport: Transport) -> Address:
        host, port = self._plan.sip_address
        return (host, self._plan.tls_listen[1]) if transport is Transport.TLS else (host, port)
