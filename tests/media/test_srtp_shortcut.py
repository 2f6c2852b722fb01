"""What the media worker's loop may give libsrtp itself, and when (EDGE K11, K13, K14)."""

import pytest

from edge.media.srtp_keys import LegSrtp, Suite
from edge.media.srtp_leg import SrtpLeg, SrtpRules
from edge.media.srtp_native import BUFFER, OCTETS, PROTECT, SIZE, UNPROTECT, NativeSession
from edge.media.srtp_ssrcs import MOST_STREAMS
from tests.media.keys import pair, peer
from tests.media.packets import receiver_report, rtp

NOW = 0.0
KEYS = pair(10)


def ends(keys: LegSrtp = KEYS) -> tuple[SrtpLeg, SrtpLeg]:
    """Return a leg and its peer that have both sent a packet with the SSRC 7."""
    leg, phone = SrtpLeg(keys, SrtpRules()), peer(keys)
    for sender, receiver in ((leg, phone), (phone, leg)):
        sealed = sender.protect(rtp(1))
        assert sealed is not None and receiver.unprotect(sealed, NOW) == rtp(1)
    return leg, phone


def done(call: object, session: NativeSession | None, packet: bytes) -> bytes | None:
    """Do as the loop does."""
    assert session is not None and callable(call)
    OCTETS[: len(packet)] = packet
    SIZE[0] = len(packet)
    return None if call(session, BUFFER, SIZE) else OCTETS[: SIZE[0]]


def test_the_loop_and_the_leg_share_their_contexts() -> None:
    leg, phone = ends()
    for number in range(2, 20, 2):
        by_loop = done(PROTECT, leg.ours(7), rtp(number))
        by_leg = leg.protect(rtp(number + 1))
        assert by_loop is not None and by_leg is not None
        assert phone.unprotect(by_loop, NOW) == rtp(number)
        assert done(UNPROTECT, phone.theirs(7), by_leg) == rtp(number + 1)
        assert done(UNPROTECT, phone.theirs(7), by_leg) is None, "it has been"


def test_there_is_no_shortcut_before_a_key_has_been_used() -> None:
    leg = SrtpLeg(KEYS, SrtpRules())
    assert leg.ours(7) is None and leg.theirs(7) is None
    assert leg.ours(0) is None


def test_a_new_key_takes_the_shortcut_away() -> None:
    leg, _ = ends()
    leg.rekey(pair(20), NOW)
    assert leg.ours(7) is None and leg.theirs(7) is None


@pytest.mark.parametrize("suite", [it for it in Suite if it.key_bytes == 24])
def test_keys_that_are_not_libsrtps_have_none(suite: Suite) -> None:
    leg, _ = ends(pair(10, suite))
    assert leg.ours(7) is None and leg.theirs(7) is None
    assert leg.admits(rtp(2, ssrc=8))


# EDGE K13
def test_other_ssrcs_never_make_the_loop_repeat_a_keystream() -> None:
    leg, _ = ends()
    session = leg.ours(7)
    for ssrc in range(100, 100 + 2 * MOST_STREAMS):
        assert leg.protect_rtcp(receiver_report(ssrc=ssrc)) is not None
    assert done(PROTECT, session, rtp(1)) is None, "its context is the one that it had"
    assert done(PROTECT, session, rtp(2)) is not None
    assert leg.ours(7) is session


# EDGE K13
def test_other_ssrcs_never_make_the_loop_take_a_replay() -> None:
    leg, phone = SrtpLeg(KEYS, SrtpRules()), peer(KEYS)
    packets = [phone.protect(rtp(number)) for number in (1, 2)]
    first, second = [packet for packet in packets if packet is not None]
    assert leg.unprotect(first, NOW) == rtp(1)
    session = leg.theirs(7)
    for ssrc in range(100, 100 + 2 * MOST_STREAMS):
        report = phone.protect_rtcp(receiver_report(ssrc=ssrc))
        assert report is not None and leg.unprotect_rtcp(report, NOW) is not None
    assert done(UNPROTECT, session, first) is None
    assert done(UNPROTECT, session, second) == rtp(2)
    assert leg.theirs(7) is session


def test_an_ssrc_without_a_context_has_no_shortcut() -> None:
    leg, phone = ends()
    sealed = phone.protect(rtp(1, ssrc=8))
    assert leg.theirs(8) is None and leg.ours(8) is None
    assert sealed is not None
    stranger = done(UNPROTECT, leg.theirs(7), sealed)
    assert stranger is not None and leg.admits(stranger)
    assert leg.theirs(8) is not None


def test_an_ssrc_whose_context_was_given_up_is_not_admitted_again() -> None:
    leg, phone = ends()
    for ssrc in range(100, 101 + MOST_STREAMS):
        sealed = phone.protect(rtp(1, ssrc=ssrc))
        assert sealed is not None and leg.unprotect(sealed, NOW) == rtp(1, ssrc=ssrc)
    old = rtp(2)
    assert not leg.admits(old)
