"""A node's streams on real sockets with short limits, and whatever they tell the Core."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from edge.flow import Address, Flow, Transport
from edge.policy.stream_gate import StreamLimits
from edge.runtime import stream_listener
from edge.runtime.certificates import TlsFiles
from edge.runtime.stream_node import StreamNode, StreamPlan
from model.settings import TlsVerify
from tests.runtime.scripted import Lines

HOST = "127.0.0.1"
ADVERTISED: Address = ("198.51.100.7", 5060)
MESSAGE = b"OPTIONS sip:h SIP/2.0\r\nContent-Length: 2\r\n\r\nab"
BROKEN = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"


class Heard:
    """A Receiver that keeps everything."""

    def __init__(self) -> None:
        self.messages: list[bytes] = []
        self.broken: list[bytes] = []
        self.flows: list[Flow] = []
        self.closed: list[Flow] = []
        self.idle: list[Flow] = []
        self.unreachable: list[tuple[Address, Transport]] = []
        self.turns = 0
        self.known: set[str] = set()

    def on_stream_message(self, data: bytes, flow: Flow, *, broken: bool) -> None:
        (self.broken if broken else self.messages).append(data)
        self.flows.append(flow)

    def on_unreachable(self, remote: Address, transport: Transport) -> None:
        self.unreachable.append((remote, transport))

    def on_closed(self, flow: Flow) -> None:
        self.closed.append(flow)

    def on_idle(self, flow: Flow) -> None:
        self.idle.append(flow)

    def on_turn_end(self) -> None:
        self.turns += 1

    def knows(self, remote: Address) -> bool:
        return remote[0] in self.known


class World:
    """The streams of a node."""

    def __init__(self, node: StreamNode, heard: Heard, log: Lines, tcp: Address) -> None:
        self.node, self.heard, self.log = node, heard, log
        self.streams = node.streams
        self.tcp = tcp
        self.tls: Address = (HOST, 0)

    async def connect(self, source: str = "127.0.0.2") -> "Peer":
        """Open a TCP connection to the node."""
        reader, writer = await asyncio.open_connection(*self.tcp, local_addr=(source, 0))
        return Peer(reader, writer)

    async def connect_tls(
        self, context: ssl.SSLContext, name: str, source: str = "127.0.0.2"
    ) -> "Peer":
        """Open a TLS connection to the node; raises OSError when it will not have it."""
        reader, writer = await asyncio.open_connection(
            *self.tls, ssl=context, server_hostname=name, local_addr=(source, 0)
        )
        return Peer(reader, writer)


class Peer:
    """The other end of a connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @property
    def address(self) -> Address:
        name = self.writer.get_extra_info("sockname")
        return (name[0], name[1])

    def say(self, data: bytes) -> None:
        self.writer.write(data)

    async def hear(self, count: int) -> bytes:
        return await asyncio.wait_for(self.reader.readexactly(count), 5.0)

    async def is_closed(self, within_s: float = 5.0) -> bool:
        """Wait for the end of the connection; tell whether it came."""
        try:
            await asyncio.wait_for(self.reader.read(), within_s)
        except TimeoutError:
            return False
        except ConnectionError:
            return True
        return True


class Server:
    """A peer that the node connects to."""

    def __init__(self) -> None:
        self.peers: list[Peer] = []
        self.address: Address = (HOST, 0)

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.peers.append(Peer(reader, writer))


@asynccontextmanager
async def served(context: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    """Give a server on a port of its own."""
    server = Server()
    listening = await asyncio.start_server(server.take, "127.0.0.3", 0, ssl=context)
    name = listening.sockets[0].getsockname()
    server.address = (name[0], name[1])
    try:
        yield server
    finally:
        listening.close()
        for peer in server.peers:
            peer.writer.close()


def free_port() -> Address:
    """Return an address where nobody listens."""
    with socket.socket() as sock:
        sock.bind((HOST, 0))
        host, port = sock.getsockname()
    return host, port


@asynccontextmanager
async def world(
    *,
    limits: StreamLimits | None = None,
    certificate: Path | None = None,
    directory: Path | None = None,
    ca: Path | None = None,
    verify: TlsVerify = TlsVerify.FULL,
) -> AsyncIterator[World]:
    """Give a node's streams on the running loop."""
    heard, log = Heard(), Lines()
    sock = stream_listener.bind((HOST, 0))
    tcp: Address = sock.getsockname()
    plan = StreamPlan(
        tcp_socket=sock,
        sip_address=ADVERTISED,
        tls_listen=free_port(),
        files=TlsFiles(certificate=certificate, directory=directory, ca=ca),
        verify=verify,
        limits=limits or StreamLimits(),
    )
    node = StreamNode(plan, heard, log)
    made = World(node, heard, log, tcp)
    made.tls = plan.tls_listen
    try:
        yield made
    finally:
        node.close()
        await asyncio.sleep(0)
