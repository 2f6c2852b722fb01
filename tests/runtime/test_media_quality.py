"""Real RTP and RTCP through a running worker: what is measured of them (EDGE X2, X4, X5)."""

import select
import time

import pytest

from edge.media.session import Direction, OpenSession, SessionId, SessionMeasured, Side
from edge.media.srtp_leg import SrtpRules
from edge.runtime.media_ports import PortPool
from edge.runtime.media_relay import Relay
from model.settings import MediaSettings
from tests.media.packets import receiver_report, report_block, rtp, sender_report
from tests.runtime.media_stand import WORKER_ADDRESS, Phone, Stand, exchange

pytestmark = pytest.mark.sockets

NTP = 0xE000_0000_8000_0000
NAME = NTP >> 16 & 0xFFFF_FFFF


def say(phone: Phone, packet: bytes, port: int, hearer: Phone) -> bytes:
    """Send RTCP to the worker's port; return what the phone across gets of it."""
    phone.rtcp.sendto(packet, (WORKER_ADDRESS, port + 1))
    return hearer.rtcp.recv(2048)


def test_the_peers_reports_give_loss_jitter_and_round_trip_of_each_leg() -> None:  # EDGE X5
    with Stand() as stand:
        session, a_port, b_port, a, b = stand.call()
        exchange((a_port, b_port), a, b, range(10))
        began_at = time.monotonic()
        report = sender_report(7, ntp=NTP)
        assert say(a, report, a_port, b) == report
        # B answers about A's stream, which it knows by its SSRC: 7.
        answer = receiver_report(8, report_block(7, lost=2, jitter=16, last_report=NAME))
        assert say(b, answer, b_port, a) == answer
        elapsed_us = 1_000_000 * (time.monotonic() - began_at)
        closed = stand.close(session)
        assert closed.b.rtt_us is not None and 0 <= closed.b.rtt_us <= elapsed_us
        assert (closed.b.peer_lost, closed.b.peer_jitter_us) == (2, 2_000)
        assert (closed.a.rtt_us, closed.a.peer_lost) == (None, None)
        assert (closed.a.rtcp_packets, closed.a.rtcp_bytes) == (1, len(report))
        assert (closed.b.sent_rtcp_packets, closed.b.sent_rtcp_bytes) == (1, len(report))
        assert (closed.b.rtcp_packets, closed.a.sent_rtcp_bytes) == (1, len(answer))


def test_a_delay_that_the_peer_tells_is_not_part_of_the_way() -> None:  # EDGE X5
    with Stand() as stand:
        session, a_port, b_port, a, b = stand.call()
        exchange((a_port, b_port), a, b, range(4))
        say(a, sender_report(7, ntp=NTP), a_port, b)
        block = report_block(7, last_report=NAME, delay=2**31)
        say(b, receiver_report(8, block), b_port, a)
        assert stand.close(session).b.rtt_us == 0


def test_what_each_peer_got_is_counted() -> None:  # EDGE X2
    with Stand() as stand:
        session, a_port, b_port, a, b = stand.call()
        exchange((a_port, b_port), a, b, range(50))
        closed = stand.close(session)
        for leg in (closed.a, closed.b):
            assert (leg.packets, leg.bytes) == (50, 50 * 172)
            assert (leg.sent_packets, leg.sent_bytes) == (50, 50 * 172)


def test_what_a_hold_keeps_back_is_not_sent() -> None:  # EDGE X2, D8
    with Stand() as stand:
        session, a_port, b_port, a, b = stand.call()
        exchange((a_port, b_port), a, b, range(10))
        stand.describe(session, Side.B, b, direction=Direction.INACTIVE)
        stand.barrier()
        for number in range(10, 15):
            a.send(rtp(number), a_port)
            stand.barrier()
        closed = stand.close(session)
        assert (closed.a.packets, closed.b.sent_packets) == (15, 10)
        assert (closed.b.packets, closed.a.sent_packets) == (10, 10)
        assert b.has_nothing()


def test_silence_of_our_own_counts_as_sent() -> None:  # EDGE X2, D6
    with Stand() as stand:
        session, a_port, b_port, a, b = stand.call()
        exchange((a_port, b_port), a, b, range(4))
        stand.describe(session, Side.B, b, is_fed=True)
        got = 4
        for _ in range(3):
            b.receive()
            got += 1
        stand.describe(session, Side.B, b)
        stand.barrier()
        while not b.has_nothing():
            b.receive()
            got += 1
        closed = stand.close(session)
        assert closed.b.sent_packets == got > closed.a.packets == 4


def test_open_sessions_are_measured_every_minute_and_not_all_at_once() -> None:  # EDGE X4
    reports: list[object] = []
    pool = PortPool(WORKER_ADDRESS, 20_000, 20_999, 5.0)
    epoll = select.epoll()
    relay = Relay(
        pool,
        MediaSettings(),
        SrtpRules(),
        epoll=epoll,
        report=reports.append,
        now=100.0,
    )
    try:
        ports = pool.bind(8)
        for number, opened_at in enumerate((100.0, 130.0)):
            relay.serve([], opened_at)
            relay.execute(OpenSession(SessionId(number), *ports[2 * number : 2 * number + 2]))
        told: dict[int, list[float]] = {0: [], 1: []}
        now = 130.0
        while now < 260.0:
            now += relay.tick_s
            relay.tick(now)
            for report in reports:
                assert isinstance(report, SessionMeasured)
                told[report.session].append(now)
            reports.clear()
        assert [round(at) // 10 * 10 for at in told[0]] == [160, 220]
        assert [round(at) // 10 * 10 for at in told[1]] == [190, 250]
    finally:
        relay.close()
        pool.close()
        epoll.close()
