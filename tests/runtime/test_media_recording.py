"""Recorded sessions: every packet in clear, both ways, and nobody else's (docs/recording.md)."""

import pytest

from edge.media.session import Captured, RecordSession, SessionId, Side
from tests.media.packets import receiver_report, rtp
from tests.runtime.media_stand import WORKER_ADDRESS, Stand, exchange
from tests.runtime.test_media_srtp import FAR, NEAR, Call
from tests.support.pcap import Packet, records_in

pytestmark = pytest.mark.sockets
OURS = "198.51.100.10"
EPOCH_S = 1_700_000_000.0


def recorded(stand: Stand, session: SessionId) -> list[Packet]:
    """Return what was reported of a session so far."""
    reports = [it for it in stand.reports(Captured) if it.session == session]
    return records_in(b"".join(it.records for it in reports))


def said(number: int, ssrc: int) -> bytes:
    """Return what `exchange` sends: A has SSRC 7, B 8."""
    octet = number % 256 if ssrc == 7 else 255 - number % 256
    return rtp(number, ssrc=ssrc, payload=bytes((octet,)) * 160)


def begin(stand: Stand, session: SessionId) -> None:
    stand.command(RecordSession(session, True, OURS, EPOCH_S))
    stand.barrier()


def test_both_directions_of_both_legs_are_recorded_octet_for_octet() -> None:
    with Stand() as stand:
        session, a_port, b_port, a, b = stand.call()
        exchange((a_port, b_port), a, b, range(1, 10))
        begin(stand, session)
        exchange((a_port, b_port), a, b, range(10, 60))
        stand.close(session)
        packets = recorded(stand, session)
        ways = {
            (a.address, (OURS, a_port)): 7,
            ((OURS, b_port), b.address): 7,
            (b.address, (OURS, b_port)): 8,
            ((OURS, a_port), a.address): 8,
        }
        assert {(it.source, it.destination) for it in packets} == set(ways)
        for way, ssrc in ways.items():
            found = [it.data for it in packets if (it.source, it.destination) == way]
            assert found == [said(number, ssrc) for number in range(10, 60)]
        times = [it.at for it in packets]
        assert times == sorted(times) and EPOCH_S < times[0]


def test_rtcp_is_recorded_as_it_came_and_as_it_went() -> None:
    with Stand() as stand:
        session, a_port, b_port, a, b = stand.call()
        exchange((a_port, b_port), a, b, range(1, 10))
        begin(stand, session)
        a.rtcp.sendto(receiver_report(), (WORKER_ADDRESS, a_port + 1))
        passed = b.rtcp.recv(2048)
        stand.close(session)
        packets = [it[1:] for it in recorded(stand, session)]
        assert (a.rtcp_address, (OURS, a_port + 1), receiver_report()) in packets
        assert ((OURS, b_port + 1), b.rtcp_address, passed) in packets


def test_a_session_that_is_not_recorded_any_more_is_as_fast_as_before() -> None:
    with Stand() as stand:
        session, a_port, b_port, a, b = stand.call()
        exchange((a_port, b_port), a, b, range(1, 10))
        begin(stand, session)
        exchange((a_port, b_port), a, b, range(10, 20))
        stand.command(RecordSession(session, False))
        stand.barrier()
        count = len(recorded(stand, session))
        assert count == 40
        exchange((a_port, b_port), a, b, range(20, 60))
        closed = stand.close(session)
        assert len(recorded(stand, session)) == count
        assert (closed.a.packets, closed.a.lost, closed.b.packets, closed.b.lost) == (59, 0, 59, 0)


def test_only_the_session_that_was_named_is_recorded() -> None:
    with Stand() as stand:
        session, a_port, b_port, a, b = stand.call()
        other, *other_ports, c, d = stand.call()
        begin(stand, session)
        exchange((other_ports[0], other_ports[1]), c, d, range(1, 20))
        exchange((a_port, b_port), a, b, range(1, 5))
        stand.close(other)
        stand.close(session)
        assert recorded(stand, other) == []
        assert len(recorded(stand, session)) == 16


def test_what_reaches_a_leg_is_recorded_even_if_it_goes_nowhere() -> None:
    """Whoever asks why nothing is heard wants to see it."""
    with Stand() as stand:
        session, a_port, b_port, a, b = stand.call()
        stranger = stand.phone("127.0.0.9")
        begin(stand, session)
        stranger.send(rtp(1, ssrc=9), a_port)
        a.send(b"no RTP at all", a_port)
        exchange((a_port, b_port), a, b, range(1, 5))
        stand.close(session)
        packets = [it[1:] for it in recorded(stand, session)]
        assert (stranger.address, (OURS, a_port), rtp(1, ssrc=9)) in packets
        assert (a.address, (OURS, a_port), b"no RTP at all") in packets


def test_an_unknown_session_records_nothing_and_breaks_nothing() -> None:
    with Stand() as stand:
        stand.command(
            RecordSession(SessionId(99), True, OURS, EPOCH_S), RecordSession(SessionId(99), False)
        )
        session, a_port, b_port, a, b = stand.call()
        exchange((a_port, b_port), a, b, range(1, 5))
        assert stand.close(session).a.packets == 4
        assert stand.reports(Captured) == []


def test_a_leg_that_is_described_anew_stays_recorded() -> None:
    with Stand() as stand:
        session, a_port, b_port, a, b = stand.call()
        exchange((a_port, b_port), a, b, range(1, 5))
        begin(stand, session)
        moved = stand.phone("127.0.0.4")
        stand.describe(session, Side.A, moved, moves=1)
        stand.barrier()
        exchange((a_port, b_port), moved, b, range(5, 25))
        stand.close(session)
        sources = {it.source for it in recorded(stand, session)}
        assert moved.address in sources


@pytest.mark.parametrize("talked_before", [0, 10], ids=["from the first packet", "in mid stream"])
def test_encrypted_legs_are_recorded_in_clear(talked_before: int) -> None:  # EDGE K16, X11
    with Stand() as stand:
        call = Call(stand, NEAR, FAR)
        call.talk(range(1, 1 + talked_before))
        begin(stand, call.session)
        numbers = range(1 + talked_before, 40)
        call.talk(numbers)
        report = call.a.end.protect_rtcp(receiver_report()) if call.a.end is not None else None
        assert report is not None
        call.a.phone.rtcp.sendto(report, (WORKER_ADDRESS, call.a_port + 1))
        call.b.phone.rtcp.recv(2048)
        stand.close(call.session)
        packets = recorded(stand, call.session)
        a, b = call.a.phone, call.b.phone
        for ssrc, source, source_port, destination, destination_port in (
            (7, a, call.a_port, b, call.b_port),
            (8, b, call.b_port, a, call.a_port),
        ):
            ways = (
                (source.address, (OURS, source_port)),
                ((OURS, destination_port), destination.address),
            )
            for way in ways:
                found = [it.data for it in packets if (it.source, it.destination) == way]
                assert found == [rtp(number, ssrc=ssrc) for number in numbers]
        rtcp = [it.data for it in packets if it.destination == (OURS, call.a_port + 1)]
        assert [data[:4] for data in rtcp] == [receiver_report()[:4]]


def test_what_is_not_authentic_is_not_recorded() -> None:  # EDGE Q7, X11
    with Stand() as stand:
        call = Call(stand, NEAR, FAR)
        begin(stand, call.session)
        call.a.phone.send(rtp(99), call.a_port)
        call.talk(range(1, 5))
        call.a.phone.send(rtp(99), call.a_port)
        call.talk(range(5, 9))
        closed = stand.close(call.session)
        assert closed.a.unauthentic == 2
        heard = [
            it.data for it in recorded(stand, call.session) if it.destination[1] == call.a_port
        ]
        assert heard == [rtp(number) for number in range(1, 9)]
