"""The UDP transport: every datagram once, dead hosts at once, never deaf, never blocked."""

import asyncio
import socket

import pytest
import uvloop

from edge.flow import Address, Flow, Transport
from edge.runtime import udp
from edge.runtime.udp import READS_PER_TURN, UdpTransport, bind
from tests.runtime.scripted import until, within

pytestmark = pytest.mark.sockets

ADVERTISED = ("198.51.100.7", 5060)


class Heard:
    """A Receiver that keeps everything."""

    def __init__(self) -> None:
        self.datagrams: list[bytes] = []
        self.flows: list[Flow] = []
        self.unreachable: list[Address] = []
        self.turns: list[int] = []

    def on_datagram(self, data: bytes, flow: Flow) -> None:
        self.datagrams.append(data)
        self.flows.append(flow)

    def on_unreachable(self, remote: Address) -> None:
        self.unreachable.append(remote)

    def on_turn_end(self) -> None:
        self.turns.append(len(self.datagrams))


def opened() -> tuple[UdpTransport, Heard, socket.socket]:
    """Return a transport on the running loop, what it hears, and its socket."""
    sock, heard = bind(("127.0.0.1", 0)), Heard()
    loop = asyncio.get_running_loop()
    return UdpTransport(sock, advertised=ADVERTISED, loop=loop, receiver=heard), heard, sock


def peer() -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    sock.settimeout(5.0)
    return sock


def to(remote: Address) -> Flow:
    return Flow(Transport.UDP, ADVERTISED, remote)


def dead_port() -> Address:
    with peer() as sock:
        address: Address = sock.getsockname()
    return address


def test_datagrams_reach_the_receiver_with_their_flow() -> None:
    async def run() -> None:
        transport, heard, sock = opened()
        with peer() as sender:
            for data in (b"one", b"", b"\r\n\r\n", bytes(60_000)):
                sender.sendto(data, sock.getsockname())
            await until(lambda: len(heard.datagrams) == 4)
            assert heard.datagrams == [b"one", b"", b"\r\n\r\n", bytes(60_000)]
            # EDGE W14: the flow's own end is what the node calls itself.
            assert set(heard.flows) == {Flow(Transport.UDP, ADVERTISED, sender.getsockname())}
        transport.close()

    uvloop.run(run())


def test_a_turn_takes_a_bounded_batch() -> None:
    async def run() -> None:
        transport, heard, sock = opened()
        with peer() as sender:
            for number in range(READS_PER_TURN + 10):
                sender.sendto(b"%d" % number, sock.getsockname())
            await until(lambda: len(heard.datagrams) == READS_PER_TURN + 10)
            assert heard.turns[0] == READS_PER_TURN
            assert heard.turns[-1] == READS_PER_TURN + 10
        transport.close()

    uvloop.run(run())


@pytest.mark.parametrize("runner", [uvloop.run, asyncio.run], ids=["uvloop", "asyncio"])
def test_a_dead_host_is_reported_at_once_and_the_socket_lives_on(runner) -> None:  # type: ignore[no-untyped-def]  # two runners, two signatures
    # EDGE F4: ICMP unreachable tries the next route without waiting.
    async def run() -> None:
        transport, heard, sock = opened()
        dead = dead_port()
        with within(0.5):
            transport.send(b"anyone there?", to(dead))
            await until(lambda: heard.unreachable)
        assert set(heard.unreachable) == {dead}
        with peer() as sender:
            sender.sendto(b"still listening?", sock.getsockname())
            await until(lambda: heard.datagrams)
        transport.close()

    runner(run())


def test_an_error_of_one_peer_costs_another_peer_nothing() -> None:
    async def run() -> None:
        transport, heard, _ = opened()
        dead = dead_port()
        with peer() as alive:
            transport.send(b"lost", to(dead))
            # The kernel hands the dead peer's error to this call.
            transport.send(b"kept", to(alive.getsockname()))
            assert alive.recv(100) == b"kept"
            await until(lambda: heard.unreachable)
            assert set(heard.unreachable) == {dead}
        transport.close()

    uvloop.run(run())


@pytest.mark.parametrize(
    "remote",
    [("pbx.example.com", 5060), ("1.2.3.4.example.com", 5060), ("127.0.0.1", 0), ("::1", 5060)],
    ids=["name", "name that begins like an address", "port 0", "IPv6"],
)
def test_what_is_no_usable_address_is_unreachable_without_a_look_up(remote: Address) -> None:
    # EDGE W15, F4
    async def run() -> None:
        transport, heard, _ = opened()
        with within(0.1):
            transport.send(b"x", to(remote))
        assert heard.unreachable == [remote]
        transport.close()

    uvloop.run(run())


class NarrowSocket(socket.socket):
    """A real socket whose send buffer is full while `full` says so."""

    full = True

    def sendto(self, data: bytes, address: Address) -> int:  # type: ignore[override]  # the form used
        if self.full:
            raise BlockingIOError(11, "Resource temporarily unavailable")
        return super().sendto(data, address)


def test_a_full_send_buffer_delays_and_the_queue_has_an_end() -> None:
    async def run() -> None:
        sock, heard = NarrowSocket(socket.AF_INET, socket.SOCK_DGRAM), Heard()
        sock.setblocking(False)
        sock.bind(("127.0.0.1", 0))
        loop = asyncio.get_running_loop()
        transport = UdpTransport(sock, advertised=ADVERTISED, loop=loop, receiver=heard)
        with peer() as receiver:
            receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
            for number in range(udp.LONGEST_QUEUE + 5):
                transport.send(b"%d" % number, to(receiver.getsockname()))
            assert transport.dropped == 5
            sock.full = False
            # The queue goes out in order before anything newer.
            transport.send(b"too late", to(receiver.getsockname()))
            assert transport.dropped == 6
            await asyncio.sleep(0)
            first = await loop.run_in_executor(None, receiver.recv, 100)
            second = await loop.run_in_executor(None, receiver.recv, 100)
            assert (first, second) == (b"0", b"1")
            transport.send(b"newest", to(receiver.getsockname()))
        transport.close()

    uvloop.run(run())


def test_a_port_in_use_is_an_error_of_bind() -> None:
    with bind(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="in use"):
        bind(taken.getsockname())
