"""SIP over TCP and TLS: all stream connections of a node, theirs and ours (EDGE W4-W6, F4).

A message goes over the connection that its flow names; when that is gone, or was never there, over
one of our own to the same place, which is opened if need be. A connection that a peer has opened
carries nothing but the answers to it and its dialogs (W6).
"""

import asyncio
import ipaddress
import socket
import ssl
from asyncio import AbstractEventLoop
from collections.abc import Callable, Coroutine
from contextlib import suppress
from itertools import count
from typing import Protocol, TypeAlias

from edge.flow import Address, Flow, Transport
from edge.policy.rate import RateLimiter
from edge.policy.stream_gate import StreamGate, StreamLimits
from edge.runtime.log import Logger
from edge.runtime.stream_connection import READ_BYTES, Connection, StreamReceiver

_LINE_EVERY_S = 10.0
"""Of log lines about one peer's connections; addresses are free to come back (EDGE S5)."""

Key: TypeAlias = tuple[Address, Transport, str]
"""What connections of ours are found by: where, how, and the name that was asked for."""


class Receiver(StreamReceiver, Protocol):
    """Takes what is heard of streams and of their ends."""

    def on_unreachable(self, remote: Address, transport: Transport) -> None:
        """Hear that no connection to a peer is to be had."""

    def on_closed(self, flow: Flow) -> None:
        """Hear that a connection has ended."""

    def knows(self, remote: Address) -> bool:
        """Tell whether somebody of whom the node knows is at an address."""


class Streams:
    """The stream connections of a node."""

    def __init__(
        self,
        *,
        local: Callable[[Transport], Address],
        bound_to: str,
        contexts: Callable[[bool], ssl.SSLContext | None],
        loop: AbstractEventLoop,
        receiver: Receiver,
        log: Logger,
        limits: StreamLimits,
    ) -> None:
        """`local` gives what the node calls itself over a transport; connections of ours leave from
        the address `bound_to`; `contexts(is_ours)` gives what TLS needs at the moment."""
        self._local = local
        self._bound_to = None if ipaddress.ip_address(bound_to).is_unspecified else (bound_to, 0)
        self._contexts = contexts
        self._loop = loop
        self._receiver = receiver
        self._log = log
        self._limits = limits
        self._gate = StreamGate(limits, receiver.knows)
        self._is_closed = False
        self._numbers = count(1)
        self._open: dict[int, Connection] = {}
        self._ours: dict[Key, Connection] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._lines = RateLimiter(1_000)
        self._buffer = memoryview(bytearray(READ_BYTES))

    def send(self, data: bytes, flow: Flow) -> None:
        """Send one message."""
        connection = self._open.get(flow.connection) if flow.connection else None
        if connection is None or connection.is_ending:
            connection = self._connection_to(flow)
        if connection is None:
            self._receiver.on_unreachable(flow.remote, flow.transport)
        else:
            connection.send(data, flow)

    def close_flow(self, flow: Flow, ban_s: float) -> None:
        """Close a connection, and let its peer's address open no other for so long (EDGE S2)."""
        connection = self._open.get(flow.connection)
        if ban_s:
            self._gate.ban(flow.remote[0], ban_s, self._loop.time())
            self._say("connection-banned", flow.remote, flow.transport, "sends no useful requests")
        if connection is not None:
            connection.close()

    def accept(self, sock: socket.socket, remote: Address, transport: Transport) -> None:
        """Take a connection of a peer's, or close it if it may have none (EDGE W4, S9)."""
        context = self._contexts(False) if transport is Transport.TLS else None
        usable = transport is Transport.TCP or context is not None
        if not usable or not self._gate.opens(remote, transport, self._loop.time()):
            sock.close()
            self._say("connection-refused", remote, transport, "too many or too fast, or banned")
            return
        connection = self._connection(remote, transport, is_ours=False)
        self._spawn(self._welcome(sock, connection, context))

    def close(self) -> None:
        """End every connection; nobody is told."""
        self._is_closed = True
        for task in self._tasks:
            task.cancel()
        for connection in list(self._open.values()):
            connection.abort()

    @property
    def open_connections(self) -> int:
        """Return how many connections there are, those that are being made among them."""
        return len(self._open)

    # ConnectionOwner

    def on_lost(self, connection: Connection) -> None:
        """Take a connection off the books."""
        self._forget(connection)
        if not self._is_closed:
            self._receiver.on_closed(connection.flow)

    def on_impatience(self, connection: Connection, why: str) -> None:
        """Show why a connection ends."""
        self._say("connection-ended", connection.flow.remote, connection.flow.transport, why)

    def _connection(self, remote: Address, transport: Transport, *, is_ours: bool) -> Connection:
        number = next(self._numbers)
        connection = Connection(
            Flow(transport, self._local(transport), remote, number),
            is_ours=is_ours,
            loop=self._loop,
            limits=self._limits,
            receiver=self._receiver,
            owner=self,
            buffer=self._buffer,
        )
        self._open[number] = connection
        return connection

    def _forget(self, connection: Connection) -> None:
        flow = connection.flow
        del self._open[flow.connection]
        self._gate.closed(flow.remote[0])
        key = (flow.remote, flow.transport, flow.tls_name)
        if self._ours.get(key) is connection:
            del self._ours[key]

    async def _welcome(
        self, sock: socket.socket, connection: Connection, context: ssl.SSLContext | None
    ) -> None:
        timeout = None if context is None else self._limits.handshake_s
        try:
            await self._loop.connect_accepted_socket(
                lambda: connection, sock, ssl=context, ssl_handshake_timeout=timeout
            )
        except OSError as error:
            if not connection.was_up:
                self._forget(connection)
                sock.close()
            flow = connection.flow
            self._say("handshake-failed", flow.remote, flow.transport, _reason(error))

    def _connection_to(self, flow: Flow) -> Connection | None:
        """Return a connection of ours to where a flow leads, None when there can be none."""
        remote = flow.reconnect or flow.remote
        key = (remote, flow.transport, flow.tls_name)
        connection = self._ours.get(key)
        if connection is not None and not connection.is_ending:
            return connection
        context = self._contexts(True) if flow.transport is Transport.TLS else None
        plain = flow.transport is Transport.TCP
        if self._gate.is_full or not _is_usable(remote) or not (plain or context):
            return None
        self._gate.opened(remote[0])
        connection = self._ours[key] = self._connection(remote, flow.transport, is_ours=True)
        connection.flow = connection.flow._replace(tls_name=flow.tls_name)
        self._spawn(self._dial(connection, context))
        return connection

    async def _dial(self, connection: Connection, context: ssl.SSLContext | None) -> None:
        flow = connection.flow
        name = None if context is None else flow.tls_name or flow.remote[0]
        try:
            async with asyncio.timeout(self._limits.connect_s):
                await self._loop.create_connection(
                    lambda: connection,
                    *flow.remote,
                    ssl=context,
                    server_hostname=name,
                    local_addr=self._bound_to,
                )
        except OSError as error:
            if connection.was_up:
                return
            self._forget(connection)
            self._say("connect-failed", flow.remote, flow.transport, _reason(error))
            # What was meant for a connection that is gone waits under that one's address.
            for remote in {flow.remote, *(meant.remote for _, meant in connection.waiting)}:
                self._receiver.on_unreachable(remote, flow.transport)
            self._receiver.on_turn_end()

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _say(self, event: str, remote: Address, transport: Transport, why: str) -> None:
        key = f"{event} {remote[0]}"
        if self._lines.take(key, 1.0 / _LINE_EVERY_S, 1.0, self._loop.time()):
            peer = f"{remote[0]}:{remote[1]}"
            self._log(event, {"peer": peer, "transport": transport, "reason": why})


def _is_usable(remote: Address) -> bool:
    """Tell whether an address can be connected to without looking a name up."""
    with suppress(ValueError):
        return 0 < remote[1] < 65_536 and bool(ipaddress.ip_address(remote[0]))
    return False


def _reason(error: OSError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    if isinstance(error, ssl.SSLError):
        return error.reason or "TLS failed"
    return error.strerror or "no answer in time"
