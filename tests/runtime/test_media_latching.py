"""A worker listens to the right source and to nobody else (EDGE Q4-Q6, SD5)."""

import os
import signal
from pathlib import Path

import pytest

from edge.media.session import Side
from model.settings import MediaSettings
from tests.media.packets import rtp
from tests.runtime.media_stand import Stand, exchange, until

pytestmark = pytest.mark.sockets
QUICK = MediaSettings(relatch_after_s=0.2, port_rest_s=0.05)


def test_foreign_packets_are_dropped_before_and_after_latching() -> None:  # EDGE Q4, Q6
    with Stand() as stand:
        session, a_port, b_port, a, b = stand.call()
        attacker = stand.phone("127.0.0.66")
        for number in range(20):
            attacker.send(rtp(number, ssrc=7), a_port)
        exchange((a_port, b_port), a, b, range(1, 5))
        spoofed = stand.phone(a.host)
        for number in range(5, 25):
            attacker.send(rtp(number, ssrc=7), a_port)
            spoofed.send(rtp(number, ssrc=7), a_port)
        exchange((a_port, b_port), a, b, range(5, 10))
        closed = stand.close(session)
        assert closed.a.foreign == 20, "once latched the kernel drops them"
        assert (closed.a.packets, closed.b.packets) == (9, 9)
        assert attacker.has_nothing() and spoofed.has_nothing() and b.has_nothing()


def test_foreign_packets_queued_at_the_moment_of_latching_are_dropped() -> None:
    with Stand() as stand:
        session, a_port, _, a, b = stand.call()
        attacker = stand.phone("127.0.0.66")
        os.kill(stand.worker.pid, signal.SIGSTOP)
        try:
            for number in range(1, 4):
                a.send(rtp(number), a_port)
            for number in range(4, 30):
                attacker.send(rtp(number), a_port)
            a.send(rtp(4), a_port)
        finally:
            os.kill(stand.worker.pid, signal.SIGCONT)
        for number in range(1, 5):
            assert b.receive() == rtp(number)
        closed = stand.close(session)
        assert (closed.a.packets, closed.a.foreign) == (4, 26)
        assert b.has_nothing()


def test_a_changed_ssrc_continues_the_stream() -> None:  # EDGE SD5
    with Stand() as stand:
        session, a_port, b_port, a, b = stand.call()
        exchange((a_port, b_port), a, b, range(1, 6))
        a.send(rtp(900, ssrc=66), a_port)
        a.send(rtp(6), a_port)
        assert b.receive() == rtp(6), "one odd packet changes nothing"
        for number in range(500, 504):
            a.send(rtp(number, ssrc=9), a_port)
        for sequence in range(7, 10):
            packet = b.receive()
            assert packet[8:12] == rtp(1)[8:12], "the SSRC that B knows"
            assert int.from_bytes(packet[2:4], "big") == sequence
            assert packet[1] == (0x80 if sequence == 7 else 0)
        assert stand.close(session).a.packets == 9


def test_after_a_silence_the_same_ssrc_may_come_from_another_port() -> None:  # EDGE Q5
    with Stand(QUICK) as stand:
        session, a_port, b_port, a, b = stand.call()
        exchange((a_port, b_port), a, b, range(1, 5))
        moved, foreign = stand.phone(a.host), stand.phone("127.0.0.66")
        number = 5

        def goes_through() -> bool:
            foreign.send(rtp(number), a_port)
            moved.send(rtp(number), a_port)
            return not b.has_nothing()

        until(goes_through, "the silent source gives way")
        assert b.receive() == rtp(5)
        for sequence in range(1, 4):
            b.send(rtp(100 + sequence, ssrc=8), b_port)
            assert moved.receive() == rtp(100 + sequence, ssrc=8)
        assert a.has_nothing() and foreign.has_nothing()
        assert stand.close(session).a.foreign > 0


def test_a_source_that_was_silent_goes_on_at_once() -> None:
    with Stand(QUICK) as stand:
        session, a_port, b_port, a, b = stand.call()
        exchange((a_port, b_port), a, b, range(1, 5))
        until(lambda: is_open(stand.worker.pid, a_port), "the silent leg is open again")
        exchange((a_port, b_port), a, b, range(5, 9))
        assert stand.close(session).a.packets == 8


def is_open(pid: int, port: int) -> bool:
    """Tell from the kernel's table whether a UDP port is connected to nobody."""
    local = f":{port:04X} "
    lines = Path(f"/proc/{pid}/net/udp").read_text().splitlines()
    return any(local in line and " 00000000:0000 " in line for line in lines)


def test_a_new_address_in_the_sdp_is_followed_at_once() -> None:  # EDGE Q5
    with Stand() as stand:
        session, a_port, b_port, a, b = stand.call()
        exchange((a_port, b_port), a, b, range(1, 5))
        server = stand.phone("127.0.0.4")
        stand.describe(session, Side.B, server, moves=1)
        stand.barrier()
        a.send(rtp(5), a_port)
        assert server.receive() == rtp(5)
        b.send(rtp(5, ssrc=8), b_port)
        for number in range(50, 56):
            server.send(rtp(number, ssrc=9), b_port)
        packets = [a.receive() for _ in range(5)]
        assert [int.from_bytes(packet[2:4], "big") for packet in packets] == [5, 6, 7, 8, 9]
        assert {packet[8:12] for packet in packets} == {rtp(1, ssrc=8)[8:12]}
        assert stand.close(session).b.foreign == 1
        assert b.has_nothing()


def test_what_lay_in_a_socket_before_its_session_is_thrown_away() -> None:
    with Stand() as stand:
        attacker, a, b = stand.phone(), stand.phone(), stand.phone("127.0.0.3")
        a_port = stand.ports[0]
        attacker.send(rtp(1, ssrc=66), a_port)
        session, a_port, b_port = stand.open()
        stand.describe(session, Side.A, a)
        stand.describe(session, Side.B, b)
        stand.barrier()
        exchange((a_port, b_port), a, b, range(1, 5))
        assert stand.close(session).a.packets == 4
