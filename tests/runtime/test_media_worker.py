"""The media worker end to end: real processes, real packets on loopback (EDGE 3.3, 3.4)."""

import random
import select
import socket
from pathlib import Path

import pytest

from edge.media.rtp import parse
from edge.media.session import (
    CloseSession,
    Direction,
    MediaSilent,
    OpenSession,
    PayloadTypes,
    SessionId,
    Side,
)
from edge.media.statistics import Arrival, Reception
from model.settings import MediaSettings
from tests.media.packets import receiver_report, rtp
from tests.runtime.media_stand import WORKER_ADDRESS, Stand, exchange, until

pytestmark = pytest.mark.sockets
QUICK = MediaSettings(relatch_after_s=0.2, port_rest_s=0.05)


def test_audio_crosses_octet_for_octet_and_is_counted() -> None:
    with Stand() as stand:
        session, a_port, b_port, a, b = stand.call()
        exchange((a_port, b_port), a, b, range(65500, 65600))
        closed = stand.close(session)
        for leg in (closed.a, closed.b):
            assert (leg.packets, leg.bytes) == (100, 100 * 172)
            assert (leg.lost, leg.dropped) == (0, {})
        assert a.has_nothing() and b.has_nothing()


def test_losses_are_counted_and_not_made_up() -> None:
    with Stand() as stand:
        session, a_port, b_port, a, b = stand.call()
        exchange((a_port, b_port), a, b, range(1, 10))
        exchange((a_port, b_port), a, b, range(13, 20))
        assert stand.close(session).a.lost == 3


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_loop_counts_like_the_reception_that_it_repeats(seed: int) -> None:
    chance = random.Random(seed)
    sequences = [number for number in range(65300, 65900) if chance.random() > 0.1]
    for at in chance.sample(range(1, len(sequences)), 60):
        sequences[at - 1], sequences[at] = sequences[at], sequences[at - 1]
    sequences += chance.choices(sequences[-50:], k=10)
    expected = Reception()
    with Stand(MediaSettings(packets_per_second=10_000)) as stand:
        session, a_port, _, a, b = stand.call()
        for number in sequences:
            packet = rtp(number, payload_type=chance.choice((0, 0, 0, 101)), payload=bytes(20))
            header = parse(packet)
            assert header is not None
            assert expected.accept(header, len(packet), now=number * 0.02) is Arrival.TAKEN
            a.send(packet, a_port)
            assert b.receive() == packet
        counted = stand.close(session).a
    assert counted.packets == expected.packets == len(sequences)
    assert (counted.bytes, counted.lost) == (expected.bytes, expected.lost)
    assert counted.lost > 0


def test_payload_types_are_mapped_and_digits_stay_whole() -> None:  # EDGE SD5, V1
    with Stand() as stand:
        a, b = stand.phone(), stand.phone("127.0.0.3")
        session, a_port, b_port = stand.open()
        ours, theirs = PayloadTypes(0, 101), PayloadTypes(96, 97)
        stand.describe(session, Side.A, a, expects=ours, peer_expects=ours)
        stand.describe(session, Side.B, b, expects=theirs, peer_expects=theirs)
        stand.barrier()
        for number in range(1, 6):
            a.send(rtp(number, marker=number == 1), a_port)
            assert b.receive() == rtp(number, payload_type=96, marker=number == 1)
            b.send(rtp(number, ssrc=8, payload_type=96), b_port)
            assert a.receive() == rtp(number, ssrc=8)
        # Three updates and the end packet three times, as RFC 4733 §2.5.1.4 has it.
        for number, end in enumerate((0, 0, 0, 0x80, 0x80, 0x80), start=6):
            event = bytes((5, end | 10, 0, 160))
            first = number == 6
            a.send(
                rtp(number, payload_type=101, timestamp=960, marker=first, payload=event), a_port
            )
            assert b.receive() == rtp(
                number, payload_type=97, timestamp=960, marker=first, payload=event
            )
        a.send(rtp(12), a_port)
        assert b.receive() == rtp(12, payload_type=96)
        assert stand.close(session).a.lost == 0


def test_packets_of_a_meeting_may_change_their_codec() -> None:  # EDGE M1, SD5
    with Stand() as stand:
        a, b = stand.phone(), stand.phone("127.0.0.3")
        session, a_port, _ = stand.open()
        ours, theirs = PayloadTypes(0, 101, 9), PayloadTypes(0, 101, 99)
        stand.describe(session, Side.A, a, expects=ours, peer_expects=ours)
        stand.describe(session, Side.B, b, expects=theirs, peer_expects=theirs)
        stand.barrier()
        for number in range(1, 40):
            here, there = (9, 99) if number // 10 % 2 else (0, 0)
            a.send(rtp(number, payload_type=here), a_port)
            assert b.receive() == rtp(number, payload_type=there)
        stand.describe(session, Side.B, b, expects=theirs, peer_expects=PayloadTypes(0, 101))
        stand.barrier()
        for payload_type in (9, 0):
            a.send(rtp(number + 1, payload_type=payload_type), a_port)
            number += 1
        assert b.receive() == rtp(number)
        closed = stand.close(session).a
        assert (closed.packets, closed.lost, closed.dropped) == (41, 0, {})


def test_packets_pass_up_to_60_ms() -> None:  # EDGE SD6
    with Stand() as stand:
        session, a_port, b_port, a, b = stand.call()
        exchange((a_port, b_port), a, b, range(1, 5))
        for number, octets in enumerate((80, 480, 481, 240), start=5):
            a.send(rtp(number, payload=bytes(octets)), a_port)
        for number, octets in ((5, 80), (6, 480), (8, 240)):
            assert b.receive() == rtp(number, payload=bytes(octets))
        assert stand.close(session).a.dropped == {"unexpected": 1}


def test_a_flood_from_the_latched_source_is_capped() -> None:  # EDGE Q6
    with Stand(MediaSettings(packets_per_second=10)) as stand:
        session, a_port, _, a, b = stand.call()
        sent = 40
        for number in range(sent):
            a.send(rtp(number), a_port)
        first = [b.receive() for _ in range(10)]
        assert first == [rtp(number) for number in range(10)]

        def goes_through() -> bool:
            nonlocal sent
            a.send(rtp(sent), a_port)
            sent += 1
            return bool(select.select([b.rtp], [], [], 0.05)[0])

        until(goes_through, "the next second has begun")
        until(lambda: b.receive() == rtp(sent - 1), "the last packet sent has come")
        closed = stand.close(session).a
        assert closed.packets + closed.over_rate == sent
        assert closed.over_rate >= 20


def test_what_was_not_negotiated_is_dropped_once_latched() -> None:  # EDGE Q6, V2
    with Stand() as stand:
        session, a_port, b_port, a, b = stand.call()
        exchange((a_port, b_port), a, b, range(1, 5))
        for data in (b"", b"\x80", rtp(5)[:11], rtp(5, payload_type=13), bytes(172), bytes(1900)):
            a.send(data, a_port)
        a.send(rtp(5), a_port)
        assert b.receive() == rtp(5)
        assert stand.close(session).a.dropped == {"malformed": 5, "unexpected": 1}


def test_rtp_stops_on_hold_and_rtcp_goes_on() -> None:  # EDGE D9, RFC 3264 §5.1
    with Stand() as stand:
        session, a_port, b_port, a, b = stand.call()
        exchange((a_port, b_port), a, b, range(1, 5))
        stand.describe(session, Side.A, a, direction=Direction.SENDONLY)
        stand.barrier()
        b.send(rtp(5, ssrc=8), b_port)
        b.rtcp.sendto(receiver_report(8), (WORKER_ADDRESS, b_port + 1))
        assert a.rtcp.recv(2048) == receiver_report(8)
        a.send(rtp(5), a_port)
        assert b.receive() == rtp(5)
        assert a.has_nothing()
        stand.describe(session, Side.A, a)
        stand.barrier()
        exchange((a_port, b_port), a, b, range(6, 9))
        stand.close(session)


def test_rtcp_crosses_between_the_odd_ports() -> None:  # EDGE Q6
    with Stand() as stand:
        session, a_port, b_port, a, b = stand.call()
        attacker = stand.phone("127.0.0.66")
        attacker.rtcp.sendto(receiver_report(), (WORKER_ADDRESS, a_port + 1))
        a.rtcp.sendto(receiver_report(7), (WORKER_ADDRESS, a_port + 1))
        b.rtcp.sendto(receiver_report(8), (WORKER_ADDRESS, b_port + 1))
        assert b.rtcp.recvfrom(2048) == (receiver_report(7), (WORKER_ADDRESS, b_port + 1))
        assert a.rtcp.recvfrom(2048) == (receiver_report(8), (WORKER_ADDRESS, a_port + 1))
        closed = stand.close(session)
        assert (closed.a.rtcp_packets, closed.b.rtcp_packets) == (1, 1)
        assert (closed.a.foreign, closed.a.packets) == (1, 0)
        assert b.has_nothing()


def test_packets_come_from_the_port_that_receives() -> None:  # EDGE Q3
    with Stand() as stand:
        _, a_port, b_port, a, b = stand.call()
        for number in range(1, 6):
            a.send(rtp(number), a_port)
            assert b.rtp.recvfrom(2048)[1] == (WORKER_ADDRESS, b_port)


def test_a_peer_that_refuses_packets_harms_nobody() -> None:
    with Stand() as stand:
        session, a_port, b_port, a, b = stand.call()
        exchange((a_port, b_port), a, b, range(1, 5))
        was = b.address
        b.close()
        for number in range(5, 30):
            a.send(rtp(number), a_port)
        back = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with back:
            back.bind(was)
            back.setblocking(False)
            numbers = iter(range(30, 120))

            def goes_through() -> bool:
                a.send(rtp(next(numbers)), a_port)
                return bool(select.select([back], [], [], 0.1)[0])

            until(goes_through, "the peer that is back hears its packets")
        stand.close(session)
        _, a_port, b_port, a, b = stand.call()
        exchange((a_port, b_port), a, b, range(1, 5))


def test_silence_is_reported_once_with_its_time() -> None:  # EDGE V4
    with Stand(MediaSettings(timeout_s=0.4)) as stand:
        session, a_port, b_port, a, b = stand.call()
        exchange((a_port, b_port), a, b, range(1, 4))
        stand.settle(lambda: bool(stand.reports(MediaSilent)), "silence is reported")
        stand.barrier()
        (report,) = stand.reports(MediaSilent)
        assert report.session == session and report.last_packet_at is not None
        exchange((a_port, b_port), a, b, range(4, 8))
        assert len(stand.reports(MediaSilent)) == 1, "the session stays open, and says no more"


def test_no_silence_before_the_answer() -> None:
    with Stand(MediaSettings(timeout_s=0.1)) as stand:
        a = stand.phone()
        early, _, _ = stand.open()
        late, _, _ = stand.open()
        for side in Side:
            stand.describe(early, side, a, answered=False)
            stand.describe(late, side, a, answered=True)
        stand.settle(lambda: bool(stand.reports(MediaSilent)), "silence is reported")
        stand.barrier()
        assert [report.session for report in stand.reports(MediaSilent)] == [late]


def test_two_hundred_sessions_leave_no_port_and_no_descriptor_behind() -> None:  # EDGE Q1
    with Stand(QUICK) as stand:
        descriptors = Path(f"/proc/{stand.worker.pid}/fd")

        def others() -> int:
            """Descriptors that are no idle pair of ports."""
            return len(list(descriptors.iterdir())) - 2 * len(stand.ports)

        stand.barrier()
        before, idle = others(), len(stand.ports)
        leased = stand.leased
        for _ in range(200):
            session, a_port, _ = stand.open()
            a = stand.phone()
            stand.describe(session, Side.A, a)
            a.send(rtp(1), a_port)
            a.close()
            stand.close(session)
        stand.settle(lambda: others() == before, "all sockets are closed or leased anew")
        assert stand.leased - leased == len(stand.ports) - idle + 400
        assert len(set(stand.ports)) == len(stand.ports)


def test_a_small_range_is_used_again_and_again() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((WORKER_ADDRESS, 0))
        first = probe.getsockname()[1]
    first = min(first, 65000)
    settings = MediaSettings(
        first_port=first, last_port=first + 39, port_rest_s=0.02, relatch_after_s=0.1
    )
    with Stand(settings) as stand:
        for _ in range(40):
            session, _, _ = stand.open()
            stand.close(session)


def test_commands_that_make_no_sense_end_nothing() -> None:
    with Stand() as stand:
        a = stand.phone()
        unknown = SessionId(10**9)
        stand.describe(unknown, Side.A, a)
        stand.command(CloseSession(unknown), OpenSession(unknown, 1, 3))
        session, a_port, b_port, a, b = stand.call()
        stand.command(OpenSession(session, stand.ports.pop(), stand.ports.pop()))
        stand.barrier()
        exchange((a_port, b_port), a, b, range(1, 5))
        assert stand.close(session).a.packets == 4
