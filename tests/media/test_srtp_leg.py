"""A leg's SRTP over its life: rekeying, AES-192 of two kinds, MKI, short SRTCP tags."""

import pytest

from edge.media.srtp_derivation import Derivation
from edge.media.srtp_keys import LegSrtp, SrtpKey, Suite
from edge.media.srtp_leg import Aes192Kdf, SrtpLeg, SrtpRules
from edge.media.srtp_python import MOST_SEARCHES, PythonReceiver, PythonSender
from tests.media.packets import receiver_report, rtp
from tests.media.srtp_keys import COMPAT, a_key, key_of

RULES = SrtpRules()
AES_192 = Suite.AES_192_CM_HMAC_SHA1_80
OURS = a_key(first=1)
THEIRS = a_key(first=2)
NEXT = a_key(first=3)


def leg(ours: SrtpKey = OURS, theirs: SrtpKey = THEIRS, rules: SrtpRules = RULES) -> SrtpLeg:
    return SrtpLeg(LegSrtp(ours, theirs), rules)


def is_settled(it: SrtpLeg) -> bool:
    return it.receiver is not None


def sealed(sender: PythonSender, sequence: int) -> bytes:
    packet = sender.protect(rtp(sequence))
    assert packet is not None
    return packet


def sealed_report(sender: PythonSender) -> bytes:
    report = sender.protect_rtcp(receiver_report())
    assert report is not None
    return report


def opened(receiver: PythonReceiver, packet: bytes | None) -> bytes | None:
    assert packet is not None
    return receiver.unprotect(packet)


# EDGE K1
@pytest.mark.parametrize("suite", Suite)
def test_two_legs_understand_each_other(suite: Suite) -> None:
    mine, yours = a_key(suite, 1), a_key(suite, 2)
    a, b = leg(mine, yours), leg(yours, mine)
    for sequence in (32000, 65000, 100, 101):
        for one, other in ((a, b), (b, a)):
            packet = one.protect(rtp(sequence))
            report = one.protect_rtcp(receiver_report())
            assert packet is not None and report is not None
            assert other.unprotect(packet, 0.0) == rtp(sequence)
            assert other.unprotect_rtcp(report, 0.0) == receiver_report()
    assert is_settled(a)


# EDGE K1
def test_the_suites_of_the_two_directions_may_differ() -> None:
    theirs = a_key(Suite.AES_256_CM_HMAC_SHA1_32, 2)
    it = leg(OURS, theirs)
    assert it.unprotect(sealed(PythonSender(theirs), 1), 0.0) == rtp(1)
    assert opened(PythonReceiver(OURS), it.protect(rtp(1))) == rtp(1)


# EDGE K14
def test_equal_keys_keep_rollover_counter_and_replay_list() -> None:
    it, peer = leg(), PythonSender(THEIRS)
    packets = [sealed(peer, index) for index in (30000, 60000, 70000, 70001)]
    for packet in packets[:3]:
        assert it.unprotect(packet, 0.0) is not None
    assert it.protect(rtp(1)) is not None
    it.rekey(LegSrtp(OURS._replace(window=64), THEIRS._replace(window=64)), now=1.0)
    assert is_settled(it)
    assert it.unprotect(packets[2], 1.0) is None
    assert it.unprotect(packets[3], 1.0) == rtp(70001)
    assert it.protect(rtp(1)) is None


# EDGE K14
def test_a_new_key_of_the_peer_begins_with_a_fresh_context() -> None:
    it, peer = leg(), PythonSender(THEIRS)
    for index in (30000, 60000, 70000):
        assert it.unprotect(sealed(peer, index), 0.0) is not None
    it.rekey(LegSrtp(OURS, NEXT), now=10.0)
    assert it.unprotect(sealed(PythonSender(NEXT), 70001), 10.0) == rtp(70001)
    assert is_settled(it)


# EDGE K14
def test_the_old_key_is_good_until_the_new_one_has_verified() -> None:
    it, old, new = leg(), PythonSender(THEIRS), PythonSender(NEXT)
    assert it.unprotect(sealed(old, 1), 0.0) is not None
    it.rekey(LegSrtp(OURS, NEXT), now=10.0)
    assert not is_settled(it)
    assert it.unprotect(sealed(old, 2), 10.1) == rtp(2)
    assert it.unprotect_rtcp(sealed_report(old), 10.1) == receiver_report()
    assert it.unprotect(sealed(new, 3), 10.2) == rtp(3)
    assert it.unprotect(sealed(old, 4), 10.3) is None
    assert it.unprotect_rtcp(sealed_report(old), 10.3) is None
    assert it.unprotect(sealed(new, 5), 10.4) == rtp(5)


# EDGE K14
def test_srtcp_under_the_new_key_ends_the_old_one_too() -> None:
    it, old, new = leg(), PythonSender(THEIRS), PythonSender(NEXT)
    it.rekey(LegSrtp(OURS, NEXT), now=10.0)
    assert it.unprotect_rtcp(sealed_report(new), 10.1) == receiver_report()
    assert it.unprotect(sealed(old, 1), 10.2) is None


# EDGE K14
def test_the_old_key_ends_after_five_seconds() -> None:
    it, old, new = leg(), PythonSender(THEIRS), PythonSender(NEXT)
    it.rekey(LegSrtp(OURS, NEXT), now=10.0)
    assert it.unprotect(sealed(old, 1), 14.9) == rtp(1)
    assert it.unprotect(sealed(old, 2), 15.0) is None
    assert it.unprotect(sealed(new, 3), 100.0) == rtp(3)


# EDGE K14
def test_another_rekeying_does_not_prolong_the_time_of_the_key_before() -> None:
    it, first = leg(), PythonSender(THEIRS)
    it.rekey(LegSrtp(OURS, NEXT), now=10.0)
    it.rekey(LegSrtp(OURS, a_key(first=4)), now=14.0)
    assert it.unprotect(sealed(first, 1), 14.9) == rtp(1)
    assert it.unprotect(sealed(first, 2), 15.0) is None
    assert it.unprotect(sealed(PythonSender(NEXT), 1), 18.9) == rtp(1)


# EDGE K13, K14
def test_an_old_key_that_comes_late_to_its_first_packet_cannot_be_replayed_either() -> None:
    it, old = leg(), PythonSender(THEIRS)
    it.rekey(LegSrtp(OURS, NEXT), now=10.0)
    packets = [sealed(old, index) for index in (30000, 60000, 70000)]
    assert None not in [it.unprotect(packet, 10.0) for packet in packets]
    assert [it.unprotect(packet, 10.1) for packet in packets] == [None] * 3


# EDGE K14
def test_a_replay_under_the_old_key_is_refused_while_it_is_still_good() -> None:
    it, packet = leg(), sealed(PythonSender(THEIRS), 1)
    assert it.unprotect(packet, 0.0) is not None
    it.rekey(LegSrtp(OURS, NEXT), now=0.0)
    assert it.unprotect(packet, 0.1) is None


# EDGE K14
def test_a_return_to_earlier_keys_finds_their_contexts_again() -> None:
    it, peer = leg(), PythonSender(THEIRS)
    first = sealed(peer, 30000)
    later = [sealed(peer, index) for index in (60000, 70000, 70001)]
    for packet in (first, *later[:2]):
        assert it.unprotect(packet, 0.0) is not None
    assert it.protect(rtp(1)) is not None
    it.rekey(LegSrtp(a_key(first=4), NEXT), now=1.0)
    assert it.unprotect(sealed(PythonSender(NEXT), 1), 1.0) is not None
    it.rekey(LegSrtp(OURS, THEIRS), now=2.0)
    assert it.unprotect(first, 2.0) is None
    assert it.unprotect(later[2], 2.0) == rtp(70001)
    assert it.protect(rtp(1)) is None, "its keystream would repeat"
    assert it.protect(rtp(2)) is not None


# EDGE K14
def test_many_rekeyings_in_a_moment_leave_the_last_ones_good() -> None:
    it = leg()
    keys = [a_key(first=first) for first in range(10, 20)]
    for key in keys:
        it.rekey(LegSrtp(OURS, key), now=1.0)
    assert it.unprotect(sealed(PythonSender(keys[-2]), 1), 1.0) == rtp(1)
    assert it.unprotect(sealed(PythonSender(keys[0]), 1), 1.0) is None
    assert it.unprotect(sealed(PythonSender(keys[-1]), 2), 1.0) == rtp(2)


# EDGE K14
def test_a_new_key_of_ours_is_used_at_once_and_from_rollover_counter_zero() -> None:
    it = leg()
    for index in (30000, 60000, 70000):
        assert it.protect(rtp(index)) is not None
    assert it.unprotect(sealed(PythonSender(THEIRS), 1), 0.0) is not None
    it.rekey(LegSrtp(NEXT, THEIRS), now=1.0)
    assert opened(PythonReceiver(NEXT), it.protect(rtp(70001))) == rtp(70001)
    assert is_settled(it), "the peer's key is the same"


def under_way(key: SrtpKey, first: int, derivation: Derivation = Derivation.RFC) -> PythonSender:
    """Return a sender that has come to an index already, with nobody listening."""
    sender = PythonSender(key, derivation)
    for index in range(first % 20000, first, 20000):
        sealed(sender, index)
    return sender


# EDGE K13, K14
@pytest.mark.parametrize("suite", Suite)
@pytest.mark.parametrize("index", [70000, 5 * 65536 + 3, 23 * 65536 + 65535])
def test_a_peer_may_keep_its_rollover_counter_under_a_new_key(suite: Suite, index: int) -> None:
    it, old = leg(a_key(suite, 1), a_key(suite, 2)), PythonSender(a_key(suite, 2))
    assert it.unprotect(sealed(old, 1), 0.0) is not None
    it.rekey(LegSrtp(a_key(suite, 1), a_key(suite, 3)), now=1.0)
    new = under_way(a_key(suite, 3), index)
    packet, report = sealed(new, index), sealed_report(new)
    assert it.unprotect(sealed(old, 2), 1.0) == rtp(2)
    assert it.unprotect_rtcp(report, 1.1) == receiver_report()
    assert it.unprotect(sealed(old, 3), 1.1) is None
    assert it.unprotect(packet, 1.2) == rtp(index)
    assert is_settled(it)
    assert it.unprotect(packet, 1.3) is None
    assert it.unprotect_rtcp(report, 1.3) is None
    assert it.unprotect(sealed(new, index + 2), 1.4) == rtp(index + 2)
    assert it.unprotect(sealed(new, index + 1), 1.4) == rtp(index + 1)
    assert it.unprotect_rtcp(sealed_report(new), 1.4) == receiver_report()


# EDGE K13, K14
def test_a_return_to_a_key_with_a_kept_rollover_counter_is_no_way_to_replay() -> None:
    it, peer = leg(), under_way(THEIRS, 70000)
    packets = [sealed(peer, index) for index in (70000, 70001)]
    assert it.unprotect(packets[0], 0.0) == rtp(70000)
    it.rekey(LegSrtp(OURS, NEXT), now=1.0)
    assert it.unprotect(sealed(PythonSender(NEXT), 1), 1.0) is not None
    it.rekey(LegSrtp(OURS, THEIRS), now=2.0)
    assert it.unprotect(packets[0], 2.0) is None
    assert it.unprotect(packets[1], 2.0) == rtp(70001)


# EDGE K13
def test_packets_that_began_with_zero_cannot_be_replayed_at_a_return() -> None:
    it, peer = leg(), PythonSender(THEIRS)
    packets = [sealed(peer, index) for index in (30000, 60000, 80000)]
    for packet in packets:
        assert it.unprotect(packet, 0.0) is not None
    it.rekey(LegSrtp(OURS, NEXT), now=1.0)
    it.rekey(LegSrtp(OURS, THEIRS), now=10.0)
    assert [it.unprotect(packet, 10.0) for packet in packets] == [None] * 3


# EDGE K13
@pytest.mark.parametrize("suite", Suite)
def test_forgeries_buy_only_so_many_searches(suite: Suite) -> None:
    theirs = a_key(suite, 2)
    it, peer = leg(a_key(suite, 1), theirs), under_way(theirs, 5 * 65536)
    for sequence in range(2 * MOST_SEARCHES):
        assert it.unprotect(rtp(sequence) + bytes(10), 0.0) is None
    assert it.unprotect(sealed(peer, 5 * 65536), 0.0) is None
    assert it.unprotect(sealed(PythonSender(theirs), 1), 0.0) == rtp(1), "zero is always tried"


# EDGE K14
def test_a_suite_may_change_in_mid_call() -> None:
    it = leg()
    ours, theirs = a_key(AES_192, 5), a_key(Suite.AES_256_CM_HMAC_SHA1_32, 6)
    it.rekey(LegSrtp(ours, theirs), now=1.0)
    assert it.unprotect(sealed(PythonSender(theirs), 1), 1.0) == rtp(1)
    assert opened(PythonReceiver(ours), it.protect(rtp(1))) == rtp(1)


def aes_192_leg(aes192: Aes192Kdf = Aes192Kdf.AUTO) -> tuple[SrtpLeg, SrtpKey, SrtpKey]:
    ours, theirs = a_key(AES_192, 1), a_key(AES_192, 2)
    return leg(ours, theirs, SrtpRules(aes192=aes192)), ours, theirs


# EDGE K11
@pytest.mark.parametrize("derivation", Derivation)
def test_the_peers_derivation_is_found_out_and_then_kept(derivation: Derivation) -> None:
    it, ours, theirs = aes_192_leg()
    peer, other = (PythonSender(theirs, way) for way in Derivation)
    if derivation is Derivation.LIBSRTP:
        peer, other = other, peer
    assert not is_settled(it)
    assert opened(PythonReceiver(ours), it.protect(rtp(1))) == rtp(1), "RFC until it is known"
    assert it.unprotect(rtp(1) + bytes(10), 0.0) is None
    assert not is_settled(it)
    assert it.unprotect(sealed(peer, 1), 0.0) == rtp(1)
    assert is_settled(it)
    assert it.unprotect(sealed(other, 2), 0.0) is None
    assert it.unprotect(sealed(peer, 3), 0.0) == rtp(3)
    assert opened(PythonReceiver(ours, derivation), it.protect(rtp(2))) == rtp(2)


# EDGE K11
def test_the_derivation_is_found_out_by_srtcp_as_well() -> None:
    it, ours, theirs = aes_192_leg()
    peer = PythonSender(theirs, Derivation.LIBSRTP)
    assert it.unprotect_rtcp(sealed_report(peer), 0.0) == receiver_report()
    report = it.protect_rtcp(receiver_report())
    receiver = PythonReceiver(ours, Derivation.LIBSRTP)
    assert report is not None
    assert receiver.unprotect_rtcp(report) == receiver_report()
    assert it.unprotect(sealed(PythonSender(theirs), 1), 0.0) is None
    assert it.unprotect(sealed(peer, 2), 0.0) == rtp(2)


# EDGE K11
@pytest.mark.parametrize(
    ("aes192", "derivation"),
    [(Aes192Kdf.RFC, Derivation.RFC), (Aes192Kdf.LIBSRTP, Derivation.LIBSRTP)],
)
def test_the_operator_may_fix_the_derivation(aes192: Aes192Kdf, derivation: Derivation) -> None:
    it, ours, theirs = aes_192_leg(aes192)
    for way in Derivation:
        clear = it.unprotect(sealed(PythonSender(theirs, way), 1), 0.0)
        assert clear == (rtp(1) if way is derivation else None)
    assert opened(PythonReceiver(ours, derivation), it.protect(rtp(1))) == rtp(1)


# EDGE K11
def test_a_packet_of_an_old_libsrtp_peer_is_read_and_answered_in_kind() -> None:
    vector = COMPAT[0]
    key = key_of(vector)
    it = leg(key._replace(key=bytes(24)), key)
    clear = it.unprotect(bytes.fromhex(vector["srtp_from_libsrtp_2_5_0"]), 0.0)
    assert clear == bytes.fromhex(vector["rtp"])
    receiver = PythonReceiver(key._replace(key=bytes(24)), Derivation.LIBSRTP)
    assert opened(receiver, it.protect(rtp(1))) == rtp(1)


# EDGE K11, K14
def test_after_a_rekeying_we_send_as_the_peer_derived_before_until_it_shows_otherwise() -> None:
    it, _, theirs = aes_192_leg()
    assert it.unprotect(sealed(PythonSender(theirs, Derivation.LIBSRTP), 1), 0.0) is not None
    ours, theirs = a_key(AES_192, 3), a_key(AES_192, 4)
    it.rekey(LegSrtp(ours, theirs), now=1.0)
    assert opened(PythonReceiver(ours, Derivation.LIBSRTP), it.protect(rtp(1))) == rtp(1)
    assert it.unprotect(sealed(PythonSender(theirs), 1), 1.0) == rtp(1)
    assert opened(PythonReceiver(ours), it.protect(rtp(2))) == rtp(2)


def with_mki(packet: bytes, mki: bytes, tag_bytes: int) -> bytes:
    return packet[:-tag_bytes] + mki + packet[-tag_bytes:]


# EDGE K7
@pytest.mark.parametrize("suite", Suite)
@pytest.mark.parametrize("mki", [b"\x01", b"\x00\x00\x00\x01"], ids=["1", "4"])
def test_the_peers_mki_is_taken_out_and_none_is_sent(suite: Suite, mki: bytes) -> None:
    ours, theirs = a_key(suite, 1), a_key(suite, 2)
    it, peer = leg(ours, theirs._replace(mki_bytes=len(mki))), PythonSender(theirs)
    packet = with_mki(sealed(peer, 1), mki, suite.tag_bytes)
    assert it.unprotect(packet, 0.0) == rtp(1)
    assert it.unprotect(packet, 0.0) is None
    assert it.unprotect_rtcp(with_mki(sealed_report(peer), mki, 10), 0.0) == receiver_report()
    assert it.unprotect(sealed(peer, 2), 0.0) is None, "announced, but not there"
    assert opened(PythonReceiver(ours), it.protect(rtp(1))) == rtp(1)


# EDGE K7
@pytest.mark.parametrize("suite", Suite)
def test_a_packet_too_short_for_its_mki_is_refused(suite: Suite) -> None:
    it = leg(a_key(suite, 1), a_key(suite, 2)._replace(mki_bytes=4))
    for size in range(60):
        assert it.unprotect((rtp(1) + bytes(60))[:size], 0.0) is None
        assert it.unprotect_rtcp((receiver_report() + bytes(60))[:size], 0.0) is None


# EDGE K7, K14
def test_the_same_key_announced_with_an_mki_keeps_its_context() -> None:
    it, peer = leg(), PythonSender(THEIRS)
    packets = [sealed(peer, index) for index in (30000, 60000, 70000, 70001)]
    for packet in packets[:3]:
        assert it.unprotect(packet, 0.0) is not None
    it.rekey(LegSrtp(OURS, THEIRS._replace(mki_bytes=1)), now=1.0)
    assert it.unprotect(with_mki(packets[2], b"\1", 10), 1.0) is None
    assert it.unprotect(with_mki(packets[3], b"\1", 10), 1.0) == rtp(70001)


# EDGE K12
@pytest.mark.parametrize("suite", [suite for suite in Suite if suite.tag_bytes == 4])
def test_short_srtcp_tags_are_for_those_who_ask_for_them(suite: Suite) -> None:
    ours, theirs = a_key(suite, 1), a_key(suite, 2)
    report = PythonSender(theirs, rtcp_tag_bytes=4).protect_rtcp(receiver_report())
    assert report is not None
    strict = leg(ours, theirs, SrtpRules(aes192=Aes192Kdf.RFC))
    compatible = leg(ours, theirs, SrtpRules(aes192=Aes192Kdf.RFC, srtcp_tag32=True))
    assert strict.unprotect_rtcp(report, 0.0) is None
    assert compatible.unprotect_rtcp(report, 0.0) == receiver_report()
    sizes = [len(it.protect_rtcp(receiver_report()) or b"") for it in (strict, compatible)]
    assert sizes == [8 + 4 + 10, 8 + 4 + 4]


# EDGE K12
def test_a_suite_of_80_bits_has_them_in_srtcp_always() -> None:
    it = leg(rules=SrtpRules(srtcp_tag32=True))
    assert len(it.protect_rtcp(receiver_report()) or b"") == 8 + 4 + 10


# EDGE S14
def test_a_leg_and_its_keys_show_nothing_secret() -> None:
    it = leg()
    shown = repr(it) + repr(LegSrtp(OURS, THEIRS)) + str(OURS) + f"{THEIRS}"
    for key in (OURS, THEIRS):
        assert key.key.hex() not in shown
        assert repr(key.key)[2:-1] not in shown
