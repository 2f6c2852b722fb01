"""TLS on real sockets: both directions, the limits before it, certificates that change (W7-W9)."""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
import uvloop

from edge.flow import Flow, Transport
from edge.policy.stream_gate import StreamLimits
from edge.runtime.stream_node import NO_CERTIFICATE
from model.node import TlsState
from model.settings import TlsVerify
from tests.runtime.scripted import until, within
from tests.runtime.stream_stand import ADVERTISED, MESSAGE, Peer, World, served, world
from tests.support.tls import TestCa

pytestmark = pytest.mark.sockets

LIMITS = StreamLimits()
NAME = "abc.voiceconnector.example.net"
TLS_ADVERTISED = (ADVERTISED[0], 5061)


@pytest.fixture
def ca(tmp_path: Path) -> TestCa:
    return TestCa(tmp_path)


def live(
    ca: TestCa, test: Callable[[World], Awaitable[None]], limits: StreamLimits = LIMITS
) -> None:
    async def run() -> None:
        certificate = ca.issue(NAME, file="server.pem")
        async with world(limits=limits, certificate=certificate, ca=ca.path) as made:
            await test(made)

    uvloop.run(run())


def test_messages_and_answers_over_tls(ca: TestCa) -> None:  # EDGE W1, W2, W3
    async def test(made: World) -> None:
        peer = await made.connect_tls(ca.client(), NAME)
        peer.say(b"\r\n\r\n" + MESSAGE[:10])
        await asyncio.sleep(0.02)
        peer.say(MESSAGE[10:] + MESSAGE * 500)
        await until(lambda: len(made.heard.messages) == 501)
        assert set(made.heard.messages) == {MESSAGE}
        flow = made.heard.flows[0]
        assert flow.transport is Transport.TLS and flow.local[0] == ADVERTISED[0]
        assert flow.local[1] == made.tls[1]
        assert await peer.hear(2) == b"\r\n"
        made.streams.send(b"an answer", flow)
        assert await peer.hear(9) == b"an answer"
        made.streams.close_flow(flow, 0.0)
        assert await peer.is_closed()
        await until(lambda: made.heard.closed == [flow])

    live(ca, test)


def test_connections_that_talk_at_once_are_kept_apart(ca: TestCa) -> None:
    """All are read into one buffer."""

    def said(number: int) -> bytes:
        body = b"%d " % number * 300
        return b"OPTIONS sip:h SIP/2.0\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)

    async def talk(peer: Peer, number: int) -> None:
        text, size = said(number) * 40, 97 + 61 * number
        for start in range(0, len(text), size):
            peer.say(text[start : start + size])
            if start % 3 == 0:
                await asyncio.sleep(0)

    async def test(made: World) -> None:
        made.heard.known.add("127.0.0.2")
        peers = [await made.connect() for _ in range(8)]
        peers += [await made.connect_tls(ca.client(), NAME) for _ in range(8)]
        await asyncio.gather(*[talk(peer, number) for number, peer in enumerate(peers)])
        await until(lambda: len(made.heard.messages) == 16 * 40)
        of_connection: dict[int, set[bytes]] = {}
        for data, flow in zip(made.heard.messages, made.heard.flows, strict=True):
            of_connection.setdefault(flow.connection, set()).add(data)
        assert sorted(of_connection.values(), key=repr) == sorted(
            [{said(number)} for number in range(16)], key=repr
        )

    live(ca, test)


def test_a_handshake_that_does_not_end_is_given_up(ca: TestCa) -> None:  # EDGE W4
    async def test(made: World) -> None:
        with within(3.0), socket.socket() as silent:
            silent.setblocking(False)
            silent.connect_ex(made.tls)
            await until(lambda: made.streams.open_connections == 1)
            await until(lambda: made.streams.open_connections == 0)
        assert made.log.events()[-1] == "handshake-failed"
        # Nothing of it is left in the books: the source may open as many as before.
        made.heard.known.add("127.0.0.1")
        kept = [await made.connect_tls(ca.client(), NAME, "127.0.0.1") for _ in range(2)]
        assert made.streams.open_connections == len(kept)

    live(ca, test, replace(LIMITS, handshake_s=0.2, per_source=2))


def test_whoever_speaks_no_tls_is_closed(ca: TestCa) -> None:
    async def test(made: World) -> None:
        reader, writer = await asyncio.open_connection(*made.tls)
        writer.write(MESSAGE)
        with pytest.raises(ConnectionError), within(3.0):
            while await reader.read(100):
                pass
            raise ConnectionResetError("closed, as it should")
        await until(lambda: made.streams.open_connections == 0)
        assert made.heard.messages == []

    live(ca, test)


def test_a_strangers_third_handshake_in_a_second_is_refused_before_it_costs_anything(
    ca: TestCa,
) -> None:  # EDGE S9
    async def test(made: World) -> None:
        kept = [await made.connect_tls(ca.client(), NAME, "127.0.0.7") for _ in range(2)]
        with pytest.raises((OSError, EOFError)):
            await made.connect_tls(ca.client(), NAME, "127.0.0.7")
        made.heard.known.add("127.0.0.8")
        kept += [await made.connect_tls(ca.client(), NAME, "127.0.0.8") for _ in range(5)]
        assert made.streams.open_connections == 7
        assert made.log.events().count("connection-refused") == 1

    live(ca, test)


def test_a_new_certificate_serves_new_connections_and_leaves_old_ones_alone(ca: TestCa) -> None:
    # EDGE W8
    async def test(made: World) -> None:
        old = await made.connect_tls(ca.client(), NAME)
        ca.issue("new.example.net", file="server.pem")
        made.node.refresh()
        new = await made.connect_tls(ca.client(), "new.example.net")
        assert made.node.figures["CertificateDays"] > 0  # EDGE X7
        assert made.node.figures["TlsOpen"] == 1
        for peer in (old, new):
            peer.say(MESSAGE)
        await until(lambda: len(made.heard.messages) == 2)

    live(ca, test)


def test_without_a_certificate_tls_is_closed_and_tcp_serves() -> None:
    async def run() -> None:
        async with world() as made:
            made.node.tell_closed()
            assert made.log.written == [("tls-closed", {"hint": NO_CERTIFICATE})]
            assert made.node.figures == {"TlsOpen": 0}  # EDGE X7
            assert made.node.tls_state == TlsState(is_open=False)
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection(*made.tls)
            peer = await made.connect()
            peer.say(MESSAGE)
            await until(lambda: made.heard.messages)

    uvloop.run(run())


def test_the_first_usable_certificate_opens_the_port(ca: TestCa) -> None:
    async def run() -> None:
        path = ca.directory / "server.pem"
        async with world(certificate=path) as made:
            assert made.log.events() == ["certificate-refused"]
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection(*made.tls)
            ca.issue(NAME, file="server.pem")
            made.node.refresh()
            await made.connect_tls(ca.client(), NAME)

    uvloop.run(run())


# As a client, EDGE W9

CASES = [
    ("full", "pbx.example.com", True, True),
    ("full", "other.example.com", True, False),
    ("full", "", True, True),  # by its address
    ("full", "pbx.example.com", False, False),
    ("chain", "other.example.com", True, True),
    ("chain", "pbx.example.com", False, False),
    ("off", "other.example.com", False, True),
]


@pytest.mark.parametrize(("verify", "name", "trusts", "accepted"), CASES)
def test_a_peer_that_we_connect_to_shows_who_it_is(
    ca: TestCa, verify: str, name: str, trusts: bool, accepted: bool
) -> None:
    async def run() -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(ca.issue("pbx.example.com", "127.0.0.3", file="pbx.pem"))
        roots = ca.path if trusts else None
        async with served(context) as server, world(ca=roots, verify=TlsVerify(verify)) as made:
            local = (ADVERTISED[0], made.tls[1])
            flow = Flow(Transport.TLS, local, server.address, tls_name=name)
            made.streams.send(b"hello", flow)
            if accepted:
                await until(lambda: server.peers)
                assert await server.peers[0].hear(5) == b"hello"
                server.peers[0].say(MESSAGE)
                await until(lambda: made.heard.flows)
                heard = made.heard.flows[0]
                assert heard == flow._replace(connection=heard.connection)
            else:
                await until(lambda: made.heard.unreachable)
                assert made.heard.unreachable == [(server.address, Transport.TLS)]
                (line,) = made.log.of("connect-failed")
                assert "certificate" in str(line["reason"]) or "ismatch" in str(line["reason"])

    uvloop.run(run())


def test_connections_for_different_names_are_different_connections(ca: TestCa) -> None:
    async def run() -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(ca.issue("a.example.com", "b.example.com", file="pbx.pem"))
        async with served(context) as server, world(ca=ca.path) as made:
            for name in ("a.example.com", "b.example.com", "a.example.com"):
                flow = Flow(Transport.TLS, TLS_ADVERTISED, server.address, tls_name=name)
                made.streams.send(b"x", flow)
            await until(lambda: len(server.peers) == 2)
            assert made.streams.open_connections == 2

    uvloop.run(run())


def test_a_peer_that_never_ends_its_handshake_is_unreachable_and_let_go(ca: TestCa) -> None:
    # EDGE F4
    async def run() -> None:
        limits = replace(LIMITS, connect_s=0.3)
        async with served() as server, world(ca=ca.path, limits=limits) as made:
            with within(2.0):
                made.streams.send(b"x", Flow(Transport.TLS, TLS_ADVERTISED, server.address))
                await until(lambda: made.heard.unreachable)
            assert made.heard.unreachable == [(server.address, Transport.TLS)]
            assert made.streams.open_connections == 0
            assert await server.peers[0].is_closed()

    uvloop.run(run())
