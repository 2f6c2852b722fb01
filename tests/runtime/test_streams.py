"""TCP on real sockets: every message once, every limit kept, connections reused and replaced."""

import asyncio
import resource
import socket
import struct
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
import uvloop

from edge.flow import Address, Flow, Transport
from edge.policy.stream_gate import StreamLimits
from tests.runtime.scripted import until, within
from tests.runtime.stream_stand import (
    ADVERTISED,
    BROKEN,
    HOST,
    MESSAGE,
    Peer,
    World,
    free_port,
    served,
    world,
)

pytestmark = pytest.mark.sockets

LIMITS = StreamLimits()


def live(test: Callable[[World], Awaitable[None]], limits: StreamLimits = LIMITS) -> None:
    async def run() -> None:
        async with world(limits=limits) as made:
            await test(made)

    uvloop.run(run())


def to(remote: Address, **changed: object) -> Flow:
    return Flow(Transport.TCP, ADVERTISED, remote)._replace(**changed)  # type: ignore[arg-type]  # fields of Flow


def test_messages_come_whole_with_the_flow_of_their_connection() -> None:  # EDGE W2, W14
    async def test(made: World) -> None:
        one, two = await made.connect(), await made.connect()
        one.say(MESSAGE[:10])
        await asyncio.sleep(0.02)
        one.say(MESSAGE[10:] + MESSAGE)
        await until(lambda: len(made.heard.messages) == 2)
        two.say(MESSAGE)
        await until(lambda: len(made.heard.messages) == 3)
        assert made.heard.messages == [MESSAGE] * 3
        first, second, third = made.heard.flows
        assert first == second == to(one.address, connection=first.connection)
        assert third == to(two.address, connection=third.connection)
        assert 0 < first.connection != third.connection > 0
        made.streams.send(b"an answer", first)
        assert await one.hear(9) == b"an answer"

    live(test)


def test_many_messages_are_taken_in_bounded_batches() -> None:
    async def test(made: World) -> None:
        peer = await made.connect()
        peer.say(MESSAGE * 5_000)
        await until(lambda: len(made.heard.messages) == 5_000)
        assert made.heard.turns >= len(MESSAGE) * 5_000 // 16_384

    live(test)


def test_a_ping_is_answered_and_a_single_crlf_is_not() -> None:  # EDGE W3
    async def test(made: World) -> None:
        peer = await made.connect()
        peer.say(b"\r\n\r\n" + MESSAGE + b"\r\n" + MESSAGE + b"\r\n\r\n\r\n\r\n")
        assert await peer.hear(6) == b"\r\n" * 3
        await until(lambda: len(made.heard.messages) == 2)

    live(test)


def test_a_stream_that_cannot_be_read_on_is_told_and_closed_after_the_answer() -> None:
    # EDGE W2: the Core decides, the answer goes out before the end.
    async def test(made: World) -> None:
        peer = await made.connect()
        peer.say(BROKEN + MESSAGE)
        await until(lambda: made.heard.broken)
        assert made.heard.broken == [BROKEN] and made.heard.messages == []
        (flow,) = made.heard.flows
        made.streams.send(b"SIP/2.0 400 Bad", flow)
        made.streams.close_flow(flow, 0.0)
        assert await peer.reader.read() == b"SIP/2.0 400 Bad"
        await until(lambda: made.heard.closed == [flow])
        assert made.streams.open_connections == 0

    live(test)


def test_the_33rd_connection_of_a_source_is_refused() -> None:  # EDGE W4
    async def test(made: World) -> None:
        peers = [await made.connect("127.0.0.5") for _ in range(33)]
        assert await peers[32].is_closed()
        await until(lambda: made.streams.open_connections == 32)
        other = await made.connect("127.0.0.6")
        other.say(MESSAGE)
        await until(lambda: made.heard.messages)
        peers[0].writer.close()
        await until(lambda: made.streams.open_connections == 32)
        again = await made.connect("127.0.0.5")
        again.say(MESSAGE)
        await until(lambda: len(made.heard.messages) == 2)
        assert made.log.events().count("connection-refused") == 1

    live(test)


def test_the_node_holds_so_many_connections_and_refuses_the_newest() -> None:  # EDGE W4
    async def test(made: World) -> None:
        first, second, newest = [await made.connect(f"127.0.0.{10 + n}") for n in range(3)]
        assert await newest.is_closed()
        assert not await first.is_closed(0.05) and not await second.is_closed(0.05)
        made.streams.send(b"x", to(free_port()))
        assert len(made.heard.unreachable) == 1

    live(test, replace(LIMITS, connections=2))


@pytest.mark.parametrize("said", [b"", MESSAGE[:20], b"\r\n\r\n"], ids=["none", "half", "pings"])
def test_a_connection_without_a_whole_message_in_time_is_closed(said: bytes) -> None:  # EDGE W4
    async def test(made: World) -> None:
        with within(3.0):
            peer = await made.connect()
            peer.say(said)
            assert await peer.is_closed()
        (line,) = made.log.of("connection-ended")
        assert line["reason"] == "sent no whole message in time"

    live(test, replace(LIMITS, first_message_s=0.1))


def test_a_connection_with_a_first_message_in_time_stays() -> None:  # EDGE W4
    async def test(made: World) -> None:
        peer = await made.connect()
        peer.say(MESSAGE)
        assert not await peer.is_closed(0.3)

    live(test, replace(LIMITS, first_message_s=0.1))


def test_a_message_that_is_not_finished_in_time_ends_the_connection() -> None:  # EDGE W4, S9
    async def test(made: World) -> None:
        peer = await made.connect()
        peer.say(MESSAGE)
        with within(3.0):
            while not made.log.of("connection-ended"):  # it never stops to send
                peer.say(b"x")
                await asyncio.sleep(0.01)
            assert await peer.is_closed()
        (line,) = made.log.of("connection-ended")
        assert line["reason"] == "did not finish a message in time"

    live(test, replace(LIMITS, message_s=0.15))


def test_messages_that_come_slowly_but_whole_are_welcome() -> None:  # EDGE W4
    async def test(made: World) -> None:
        peer = await made.connect()
        for _ in range(8):
            peer.say(MESSAGE[:5])
            await asyncio.sleep(0.03)
            peer.say(MESSAGE[5:])
        await until(lambda: len(made.heard.messages) == 8)
        assert not await peer.is_closed(0.2)

    live(test, replace(LIMITS, message_s=0.15))


def test_an_idle_connection_is_told_again_and_again_until_somebody_closes_it() -> None:  # EDGE W4
    async def test(made: World) -> None:
        peer = await made.connect()
        peer.say(MESSAGE)
        await until(lambda: len(made.heard.idle) == 2)
        assert set(made.heard.idle) == set(made.heard.flows)
        made.streams.close_flow(made.heard.idle[0], 0.0)
        assert await peer.is_closed()

    live(test, replace(LIMITS, idle_s=0.1))


def test_a_peer_that_does_not_read_is_closed() -> None:  # EDGE W4
    async def test(made: World) -> None:
        peer = await made.connect()
        peer.say(MESSAGE)
        await until(lambda: made.heard.flows)
        peer.writer.transport.pause_reading()  # type: ignore[attr-defined]  # it is a ReadTransport
        for _ in range(200):
            made.streams.send(bytes(60_000), made.heard.flows[0])
        await until(lambda: made.heard.closed)
        (line,) = made.log.of("connection-ended")
        assert line["reason"] == "does not read what is sent to it"

    live(test, replace(LIMITS, unsent_bytes=50_000))


def test_a_banned_address_gets_no_connection_for_its_time() -> None:  # EDGE S2
    async def test(made: World) -> None:
        peer = await made.connect("127.0.0.9")
        peer.say(MESSAGE)
        await until(lambda: made.heard.flows)
        made.streams.close_flow(made.heard.flows[0], 0.3)
        assert await peer.is_closed()
        assert await (await made.connect("127.0.0.9")).is_closed()
        neighbour = await made.connect("127.0.0.10")
        assert not await neighbour.is_closed(0.3)
        again = await made.connect("127.0.0.9")
        again.say(MESSAGE)
        await until(lambda: len(made.heard.messages) == 2)

    live(test)


# Connections of ours


def test_messages_to_one_place_share_a_connection_that_is_opened_for_the_first() -> None:
    # EDGE W6
    async def test(made: World) -> None:
        async with served() as server:
            flow = to(server.address)
            for part in (b"one ", b"two ", b"three"):
                made.streams.send(part, flow)
            await until(lambda: server.peers)
            assert await server.peers[0].hear(13) == b"one two three"
            made.streams.send(b"four", flow)
            assert await server.peers[0].hear(4) == b"four"
            assert len(server.peers) == 1
            assert server.peers[0].writer.get_extra_info("peername")[0] == HOST
            server.peers[0].say(MESSAGE)
            await until(lambda: made.heard.flows)
            (heard,) = made.heard.flows
            assert heard == flow._replace(connection=heard.connection)

    live(test)


def test_a_connection_that_a_peer_has_opened_carries_no_call_of_ours() -> None:  # EDGE W6
    async def test(made: World) -> None:
        peer = await made.connect()
        peer.say(MESSAGE)
        await until(lambda: made.heard.flows)
        made.streams.send(b"INVITE", to(peer.address))
        await until(lambda: made.heard.unreachable)
        assert made.heard.unreachable == [(peer.address, Transport.TCP)]

    live(test)


def test_what_belonged_to_a_connection_that_is_gone_goes_to_its_successor() -> None:
    # EDGE W5, W6
    async def test(made: World) -> None:
        async with served() as server:
            peer = await made.connect()
            peer.say(MESSAGE)
            await until(lambda: made.heard.flows)
            flow = made.heard.flows[0]._replace(reconnect=server.address)
            made.streams.send(b"still there", flow)
            assert await peer.hear(11) == b"still there"
            peer.writer.close()
            await until(lambda: made.heard.closed)
            made.streams.send(b"and now?", flow)
            await until(lambda: server.peers)
            assert await server.peers[0].hear(8) == b"and now?"

    live(test)


def test_a_refused_connection_is_an_unreachable_peer_at_once() -> None:  # EDGE F4
    async def test(made: World) -> None:
        dead = free_port()
        with within(1.0):
            made.streams.send(b"x", to(dead))
            await until(lambda: made.heard.unreachable)
        assert made.heard.unreachable == [(dead, Transport.TCP)]
        assert made.streams.open_connections == 0
        (line,) = made.log.of("connect-failed")
        assert line["reason"] == "Connection refused" or "refused" in str(line["reason"])

    live(test)


def test_both_the_old_and_the_new_way_are_told_when_there_is_no_successor() -> None:  # EDGE W6
    async def test(made: World) -> None:
        dead, gone = free_port(), ("127.0.0.2", 40_000)
        made.streams.send(b"BYE", to(gone, connection=99, reconnect=dead))
        await until(lambda: len(made.heard.unreachable) == 2)
        assert set(made.heard.unreachable) == {(dead, Transport.TCP), (gone, Transport.TCP)}

    live(test)


def test_a_peer_that_takes_no_connection_is_unreachable_after_a_while() -> None:  # EDGE F4
    async def test(made: World) -> None:
        with socket.socket() as deaf:
            deaf.bind(("127.0.0.4", 0))
            deaf.listen(0)
            fillers = [socket.socket() for _ in range(3)]
            for filler in fillers:
                filler.setblocking(False)
                filler.connect_ex(deaf.getsockname())
            with within(2.0):
                made.streams.send(b"x", to(deaf.getsockname()))
                await until(lambda: made.heard.unreachable)
            for filler in fillers:
                filler.close()

    live(test, replace(LIMITS, connect_s=0.3))


@pytest.mark.parametrize(
    "remote", [("pbx.example.com", 5060), ("127.0.0.1", 0), ("127.0.0.1", 70_000)]
)
def test_what_is_no_address_is_unreachable_without_a_look_up(remote: Address) -> None:
    async def test(made: World) -> None:
        with within(0.1):
            made.streams.send(b"x", to(remote))
        assert made.heard.unreachable == [(remote, Transport.TCP)]

    live(test)


def test_an_ipv6_address_is_unreachable() -> None:  # EDGE W15, F4
    async def test(made: World) -> None:
        remote = ("::1", 5060)
        made.streams.send(b"x", to(remote))
        await until(lambda: made.heard.unreachable)
        assert made.heard.unreachable == [(remote, Transport.TCP)]
        assert made.streams.open_connections == 0

    live(test)


def test_what_waits_for_a_connection_is_bounded() -> None:
    async def test(made: World) -> None:
        async with served() as server:
            for number in range(8):
                made.streams.send(b"%d" % number, to(server.address))
            await until(lambda: server.peers)
            assert await server.peers[0].hear(5) == b"01234"
            assert not await server.peers[0].is_closed(0.1)

    live(test, replace(LIMITS, unsent_messages=5))


def test_a_reset_ends_a_connection_of_ours_and_the_next_message_opens_another() -> None:
    # EDGE F4
    async def test(made: World) -> None:
        async with served() as server:
            flow = to(server.address)
            made.streams.send(b"one", flow)
            await until(lambda: server.peers)
            reset(server.peers[0])
            await until(lambda: made.heard.closed)
            assert made.heard.closed[0].remote == server.address
            made.streams.send(b"two", flow)
            await until(lambda: len(server.peers) == 2)
            assert await server.peers[1].hear(3) == b"two"

    live(test)


def reset(peer: Peer) -> None:
    """Close a connection with RST instead of FIN."""
    sock = peer.writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.writer.transport.abort()


def test_the_end_of_the_node_ends_every_connection_and_tells_nobody() -> None:
    async def test(made: World) -> None:
        async with served() as server:
            peer = await made.connect()
            peer.say(MESSAGE)
            made.streams.send(b"x", to(server.address))
            await until(lambda: server.peers and made.heard.messages)
            made.node.close()
            assert await peer.is_closed()
            await until(lambda: made.streams.open_connections == 0)
            assert made.heard.closed == []
            with pytest.raises(ConnectionRefusedError):
                await made.connect()

    live(test)


def test_running_out_of_descriptors_is_survived() -> None:
    async def test(made: World) -> None:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        taken: list[socket.socket] = []
        client = socket.socket()
        client.setblocking(False)
        resource.setrlimit(resource.RLIMIT_NOFILE, (client.fileno() + 20, hard))
        try:
            with pytest.raises(OSError, match="Too many open files"):
                while True:
                    taken.append(socket.socket())
            client.connect_ex(made.tcp)
            await asyncio.sleep(0.05)
            assert made.streams.open_connections == 0
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            for sock in taken:
                sock.close()
        await until(lambda: made.streams.open_connections == 1)
        client.close()

    live(test)
