"""What the worker and the peers are told of a call's media, offer by offer."""

import pytest

from edge.call.media import CallMedia, MediaRules
from edge.call.media_pool import MediaPool
from edge.media.sdp import SdpError, read
from edge.media.session import Direction, LegMedia, MediaCommand, SetLeg, Side
from tests.support.sdp import audio

OURS = "198.51.100.10"
CALLER = "192.0.2.7"
CALLEE = "203.0.113.5"
ELSEWHERE = "203.0.113.77"


class Told:
    """A call's media, and what the worker knows of it."""

    def __init__(self) -> None:
        self.legs: dict[Side, LegMedia] = {}
        pool = MediaPool(1, self._take)
        pool.lease(0, (10_000, 10_002))
        lease = pool.open()
        assert lease is not None
        rules = MediaRules(
            address=OURS,
            lab_mode=False,
            private=frozenset(),
            networks={},
        )
        self.media = CallMedia(pool, lease, rules)

    def _take(self, worker: int, command: MediaCommand) -> None:
        if isinstance(command, SetLeg):
            self.legs[command.side] = command.media

    @classmethod
    def answered(cls, offer: bytes | None = audio(CALLER)) -> "Told":
        """Return a call that both sides have agreed on."""
        told = cls()
        told.media.caller_offered(None if offer is None else read(offer), CALLER)
        told.media.offer_to_callee(CALLEE)
        told.media.callee_answered(audio(CALLEE, 30_000))
        return told


def with_maxptime(body: bytes, milliseconds: int) -> bytes:
    return body + f"a=maxptime:{milliseconds}\r\n".encode()


def test_the_longest_packet_time_is_passed_both_ways() -> None:  # EDGE SD6
    told = Told()
    told.media.caller_offered(read(with_maxptime(audio(CALLER), 40)), CALLER)
    assert b"\r\na=maxptime:40\r\n" in told.media.offer_to_callee(CALLEE)
    answer = told.media.callee_answered(with_maxptime(audio(CALLEE, 30_000), 20))
    assert b"\r\na=maxptime:20\r\n" in answer
    assert told.media.reoffered(Side.A, with_maxptime(audio(CALLER), 40)) == answer
    assert b"\r\na=maxptime:40\r\n" in told.media.reoffered(Side.B, b"")


def test_a_late_offer_is_answered_by_the_ack_from_any_address() -> None:  # EDGE A1, Q2
    told = Told.answered(offer=None)
    assert Side.A not in told.legs
    told.media.acknowledged(Side.A, audio(ELSEWHERE))
    assert told.legs[Side.A].remote == (ELSEWHERE, 20_000)
    assert not told.legs[Side.A].verified


def test_an_offer_asked_for_by_a_reinvite_is_answered_by_its_ack() -> None:  # EDGE A1
    told = Told.answered()
    told.media.acknowledged(Side.A, b"")
    assert told.legs[Side.A].verified
    told.media.reoffered(Side.A, b"")
    told.media.acknowledged(Side.A, audio(ELSEWHERE, direction="sendonly"))
    leg = told.legs[Side.A]
    assert (leg.remote, leg.direction) == ((ELSEWHERE, 20_000), Direction.SENDONLY)
    assert (leg.verified, leg.moves) == (False, 1)


def test_a_move_is_told_also_when_nothing_may_be_sent_there() -> None:  # EDGE S11, Q5
    told = Told.answered()
    for host in ("10.0.0.5", "10.0.0.6"):
        told.media.reoffered(Side.A, audio(host))
        assert told.legs[Side.A].remote is None
    assert told.legs[Side.A].moves == 2
    assert CALLER in told.legs[Side.A].sources


def test_hold_and_refresh_are_no_moves() -> None:  # EDGE D6, D8
    told = Told.answered()
    for host in (CALLER, "0.0.0.0", CALLER):
        told.media.reoffered(Side.A, audio(host))
    assert told.legs[Side.A].moves == 0
    assert told.legs[Side.A].remote == (CALLER, 20_000)


def test_an_offer_that_cannot_be_used_changes_nothing() -> None:  # EDGE D7
    told = Told.answered()
    before = dict(told.legs)
    with pytest.raises(SdpError):
        told.media.reoffered(Side.A, audio(ELSEWHERE, formats="8"))
    assert told.legs == before


def test_early_media_follows_the_latest_description() -> None:  # EDGE A3
    told = Told()
    told.media.caller_offered(read(audio(CALLER)), CALLER)
    told.media.offer_to_callee(CALLEE)
    first = told.media.callee_progressed(audio(CALLEE, 30_000))
    assert told.media.callee_progressed(audio(ELSEWHERE, 30_000)) == first
    assert told.legs[Side.B].remote == (ELSEWHERE, 30_000)
    assert (told.legs[Side.B].moves, told.legs[Side.B].answered) == (1, False)
    assert told.media.callee_answered(audio(CALLEE, 30_000)) == first
    assert told.legs[Side.A].answered
