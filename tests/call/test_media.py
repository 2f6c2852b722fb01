"""What the worker and the peers are told of a call's media, offer by offer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.call.media import CallMedia, MediaRules
from edge.call.media_pool import MediaPool
from edge.media.sdes import SdesRules
from edge.media.sdp import SdpError, read
from edge.media.session import Direction, LegMedia, MediaCommand, SetLeg, Side
from edge.media.terms import PLAIN
from model.srtp import SrtpSettings
from tests.support.ids import CountingIds
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
            terms=PLAIN,
            sdes=SdesRules.of(SrtpSettings()),
        )
        self.media = CallMedia(pool, lease, rules, CountingIds("media"))

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


def alone(told: Told, side: Side, body: bytes) -> bytes:
    """Answer a re-INVITE that the other side hears nothing of."""
    return told.media.answer_alone(side, read(body))


def with_maxptime(body: bytes, milliseconds: int) -> bytes:
    return body + f"a=maxptime:{milliseconds}\r\n".encode()


def test_the_longest_packet_time_is_passed_both_ways() -> None:  # EDGE SD6
    told = Told()
    told.media.caller_offered(read(with_maxptime(audio(CALLER), 40)), CALLER)
    assert b"\r\na=maxptime:40\r\n" in told.media.offer_to_callee(CALLEE)
    answer = told.media.callee_answered(with_maxptime(audio(CALLEE, 30_000), 20))
    assert b"\r\na=maxptime:20\r\n" in answer
    assert alone(told, Side.A, with_maxptime(audio(CALLER), 40)) == answer
    assert b"\r\na=maxptime:40\r\n" in told.media.full_offer(Side.B)


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
    told.media.full_offer(Side.A)
    told.media.acknowledged(Side.A, audio(ELSEWHERE, direction="sendonly"))
    leg = told.legs[Side.A]
    assert (leg.remote, leg.direction) == ((ELSEWHERE, 20_000), Direction.SENDONLY)
    assert (leg.verified, leg.moves) == (False, 1)


def test_a_move_is_told_also_when_nothing_may_be_sent_there() -> None:  # EDGE S11, Q5
    told = Told.answered()
    for host in ("10.0.0.5", "10.0.0.6"):
        alone(told, Side.A, audio(host))
        assert told.legs[Side.A].remote is None
    assert told.legs[Side.A].moves == 2
    assert CALLER in told.legs[Side.A].sources


def test_hold_and_refresh_are_no_moves() -> None:  # EDGE D6, D8
    told = Told.answered()
    for host in (CALLER, "0.0.0.0", CALLER):
        alone(told, Side.A, audio(host))
    assert told.legs[Side.A].moves == 0
    assert told.legs[Side.A].remote == (CALLER, 20_000)


@pytest.mark.parametrize("body", [b"", b"v=0\r\n", audio(ELSEWHERE, formats="8")])
def test_an_answer_that_cannot_be_used_changes_nothing(body: bytes) -> None:  # EDGE D7, A1
    told = Told.answered()
    before = dict(told.legs)
    told.media.full_offer(Side.A)
    with pytest.raises(SdpError):
        told.media.acknowledged(Side.A, body)
    offer = read(audio(CALLER, direction="sendonly"))
    told.media.relayed_offer(Side.A, offer)
    with pytest.raises(SdpError):
        told.media.relayed_answer(Side.A, offer, body)
    assert told.legs == before


def test_a_refused_offer_leaves_the_old_description_in_force() -> None:  # EDGE D7, SD2
    told = Told.answered()
    before = told.media.current(Side.B)
    offer = read(audio(CALLER, direction="sendonly"))
    first = told.media.relayed_offer(Side.A, offer)
    told.media.refused(Side.B, for_now=False)
    assert told.media.current(Side.B) == before
    told.media.refused(Side.B, for_now=False)  # the refresh is refused as well
    assert told.media.current(Side.B) == before
    second = told.media.relayed_offer(Side.A, offer)
    assert version(first) == version(before) + 1
    assert version(second) == version(before) + 2


def version(body: bytes) -> int:
    return int(read(body).origin.split()[2])


def test_a_later_offer_keeps_the_lines_of_the_peers() -> None:  # RFC 3264 §8
    video = b"m=video 9000 RTP/AVP 96\r\n"
    told = Told.answered(audio(CALLER) + video)
    hold = read(audio(CALLEE, 30_000, direction="sendonly"))
    offer = told.media.relayed_offer(Side.B, hold)
    assert offer.count(b"\r\nm=") == 2
    assert b"\r\nm=video 0 RTP/AVP 96\r\n" in offer
    answer = audio(CALLER, direction="recvonly") + b"m=video 0 RTP/AVP 96\r\n"
    assert b"a=sendonly" not in told.media.relayed_answer(Side.B, hold, answer)


DIRECTIONS = list(Direction)


@pytest.mark.parametrize("held", DIRECTIONS)
@pytest.mark.parametrize("other", DIRECTIONS)
def test_both_sides_hold_and_resume_on_their_own(held: Direction, other: Direction) -> None:
    # EDGE D8: whatever A does, B's own wish bounds what A gets, and B's does not change.
    told = Told.answered()
    assert told_after(told, Side.B, other) is other.reversed
    assert told_after(told, Side.A, held) is held.reversed.narrowed(other)
    assert told_after(told, Side.A, Direction.SENDRECV) is other
    assert told_after(told, Side.B, Direction.SENDRECV) is Direction.SENDRECV


def told_after(told: Told, side: Side, wish: Direction) -> Direction:
    """Let a side offer a direction; return the answer, the other side being true to its own."""
    offer = read(audio(direction=wish.value))
    if not told.media.concerns_other(side, offer):
        return read(told.media.answer_alone(side, offer)).direction
    offered = read(told.media.relayed_offer(side, offer)).direction
    own = told.media._parts[side.other].wish
    said = own.narrowed(offered.reversed)
    return read(told.media.relayed_answer(side, offer, audio(direction=said.value))).direction


@given(st.lists(st.tuples(st.sampled_from(Side), st.sampled_from(DIRECTIONS)), max_size=8))
def test_any_sequence_of_holds_leaves_both_sides_of_one_mind(
    offers: list[tuple[Side, Direction]],
) -> None:  # EDGE D8
    told, wishes = Told.answered(), dict.fromkeys(Side, Direction.SENDRECV)
    for side, wish in offers:
        # What repeats the state of affairs is a refresh: it wants nothing new.
        if wish is not told.legs[side].direction:
            wishes[side] = wish
        answer = told_after(told, side, wish)
        assert answer is wishes[side.other].narrowed(wish.reversed) or wish is not wishes[side]
    for side, other in ((Side.A, Side.B), (Side.B, Side.A)):
        sends = told.legs[side].direction.sends and told.legs[other].direction.receives
        assert sends == (wishes[side].sends and wishes[other].receives)
        assert not told.legs[side].is_fed


def test_a_refresh_that_states_the_wish_or_what_is_agreed_concerns_nobody() -> None:  # EDGE D6
    told = Told.answered()
    told_after(told, Side.B, Direction.SENDONLY)
    for said in ("recvonly", "sendrecv"):
        offer = read(audio(CALLER, direction=said))
        assert not told.media.concerns_other(Side.A, offer)
        assert read(told.media.answer_alone(Side.A, offer)).direction is Direction.SENDONLY
    assert told.media.concerns_other(Side.A, read(audio(CALLER, direction="inactive")))


@pytest.mark.parametrize(
    ("formats", "concerns"), [("0 101", False), ("0", True), ("0 8 101", False)]
)
def test_a_new_codec_set_concerns_the_other_side(formats: str, concerns: bool) -> None:  # EDGE D6
    told = Told.answered()
    offer = read(audio(CALLER, 9_000, formats=formats))
    assert told.media.concerns_other(Side.A, offer) is concerns
    if concerns:
        assert b"telephone-event" not in told.media.relayed_offer(Side.A, offer)
        assert told.media.relayed_answer(Side.A, offer, audio(CALLEE, 30_000, formats="0"))
        assert not told.media.concerns_other(Side.A, offer)


@pytest.mark.parametrize("hold", ["sendonly", "inactive", "recvonly"])
def test_a_side_that_refused_to_hear_of_a_hold_is_fed(hold: str) -> None:  # EDGE D6: hold refused
    told = Told.answered()
    assert not told.legs[Side.B].is_fed
    offer = read(audio(CALLER, direction=hold))
    told.media.relayed_offer(Side.A, offer)
    told.media.refused(Side.B, for_now=False)
    answer = read(told.media.answer_alone(Side.A, offer))
    assert answer.direction is Direction(hold).reversed
    assert told.legs[Side.B].is_fed and not told.legs[Side.A].is_fed
    assert not told.media.has_news_for(Side.B)
    back = read(audio(CALLER))
    assert not told.media.concerns_other(Side.A, back)
    assert read(told.media.answer_alone(Side.A, back)).direction is Direction.SENDRECV
    assert not told.legs[Side.B].is_fed


def test_nobody_is_fed_in_a_hold_that_both_know_of() -> None:  # EDGE D8
    told = Told.answered()
    told_after(told, Side.A, Direction.SENDONLY)
    assert not told.legs[Side.A].is_fed and not told.legs[Side.B].is_fed


def test_a_hold_in_an_ack_is_news_for_the_other_side() -> None:  # EDGE A1, D6
    told = Told.answered(offer=None)
    assert not told.media.has_news_for(Side.B)
    told.media.acknowledged(Side.A, audio(CALLER, direction="inactive"))
    assert told.media.has_news_for(Side.B)
    assert read(told.media.news_for(Side.B)).direction is Direction.INACTIVE
    told.media.answered(Side.B, audio(CALLEE, 30_000, direction="inactive"))
    assert not told.media.has_news_for(Side.B)


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
