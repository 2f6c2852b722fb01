"""A peer that does not know of the other side's hold hears silence (EDGE D6: hold refused)."""

import time

import pytest

from edge.media.rtp import parse
from edge.media.session import Direction, Side
from tests.media.packets import rtp
from tests.runtime.media_stand import Phone, Stand, exchange

pytestmark = pytest.mark.sockets
SILENCE = b"\xff" * 160


def drained(phone: Phone) -> list[bytes]:
    """Return what has come so far."""
    found = []
    while not phone.has_nothing():
        found.append(phone.receive())
    return found


def test_silence_stands_in_for_a_leg_that_sends_nothing() -> None:
    with Stand() as stand:
        session, a_port, b_port, a, b = stand.call()
        exchange((a_port, b_port), a, b, range(1, 20))
        stand.describe(session, Side.A, a, direction=Direction.INACTIVE)
        stand.describe(session, Side.B, b, is_fed=True)
        began_at = time.monotonic()
        fed = [b.receive() for _ in range(50)]
        took = time.monotonic() - began_at
        headers = [parse(it) for it in fed]
        assert {it[12:] for it in fed} == {SILENCE}
        assert len({it.ssrc for it in headers if it}) == 1
        assert [it.sequence for it in headers if it] == [
            ((headers[0].sequence if headers[0] else 0) + number) % 65536 for number in range(50)
        ]
        assert 0.95 <= took < 3.0, "one every 20 ms"
        assert a.has_nothing(), "only who was promised media is fed"
        stand.describe(session, Side.A, a)
        stand.describe(session, Side.B, b)
        stand.barrier()
        drained(b)
        exchange((a_port, b_port), a, b, range(20, 40))
        assert stand.close(session).a.packets == 39


def test_music_on_hold_is_not_mixed_with_silence() -> None:
    with Stand() as stand:
        session, a_port, b_port, a, b = stand.call()
        exchange((a_port, b_port), a, b, range(1, 5))
        stand.describe(session, Side.A, a, direction=Direction.SENDONLY)
        stand.describe(session, Side.B, b, is_fed=True)
        stand.barrier()
        drained(b)
        for number in range(5, 30):
            a.send(rtp(number), a_port)
            time.sleep(0.02)
        heard = drained(b)
        music = [it for it in heard if it[12:] != SILENCE]
        assert len(music) == 25
        # The machine may have paused for longer than the stream waits, but not all the time.
        assert len(heard) - len(music) < 12


def test_a_fed_session_can_be_closed() -> None:
    with Stand() as stand:
        session, _, _, _, b = stand.call()
        stand.describe(session, Side.B, b, is_fed=True)
        b.receive()
        stand.close(session)
        drained(b)
        stand.barrier()
        assert b.has_nothing()
