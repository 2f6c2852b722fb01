"""What a media worker decides about encrypted packets (EDGE K11-K14, Q5, Q7)."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.flow import Address
from edge.media.latch import Effect
from edge.media.relaying import FIRST_SEQUENCE_BELOW, MediaLeg
from edge.media.rtp import SEQUENCES, parse
from edge.media.session import LegMedia, PayloadTypes
from edge.media.srtp_keys import LegSrtp, Suite
from edge.media.srtp_leg import SrtpLeg, SrtpRules
from tests.media.keys import pair, peer
from tests.media.packets import receiver_report, rtp

PHONE: Address = ("203.0.113.9", 4000)
PHONE_RTCP: Address = ("203.0.113.9", 4001)
NAT: Address = ("203.0.113.9", 61000)
STRANGER: Address = ("192.0.2.66", 4000)
NOW = 1000.0
KEYS = pair(10)
PLAIN = LegMedia(
    remote=PHONE,
    remote_rtcp=PHONE_RTCP,
    sources=("203.0.113.9",),
    expects=PayloadTypes(),
    peer_expects=PayloadTypes(),
)
MEDIA = PLAIN._replace(srtp=KEYS)


def leg(media: LegMedia = MEDIA, packets_per_second: int = 100_000) -> MediaLeg:
    made = MediaLeg(packets_per_second, SrtpRules(), NOW)
    made.describe(media, NOW)
    return made


def sealed(end: SrtpLeg, packet: bytes) -> bytes:
    protected = end.protect(packet)
    assert protected is not None
    return protected


def latched(phone: SrtpLeg) -> MediaLeg:
    made = leg()
    for number in (1, 2, 3):
        made.on_rtp(sealed(phone, rtp(number)), PHONE, NOW)
    assert made.is_latched
    return made


def test_what_verifies_is_passed_on_in_clear_and_counted_as_such() -> None:
    phone, it = peer(KEYS), leg()
    judgements = [it.on_rtp(sealed(phone, rtp(number)), PHONE, NOW) for number in range(1, 4)]
    assert [judgement.packet for judgement in judgements] == [rtp(number) for number in (1, 2, 3)]
    assert it.is_latched
    assert (it.reception.packets, it.reception.bytes) == (3, 3 * 172)


# (name, what comes from the right address)                                       EDGE Q7, K13
FORGERIES = [
    ("in clear", rtp(4)),
    ("another key", sealed(peer(pair(66)), rtp(4))),
    ("our own key", sealed(SrtpLeg(KEYS, SrtpRules()), rtp(4))),
    ("nothing", b""),
    ("cut", sealed(peer(KEYS), rtp(4))[:-1]),
    ("long", bytes(1900)),
]


@pytest.mark.parametrize("data", [row[1] for row in FORGERIES], ids=[row[0] for row in FORGERIES])
def test_what_does_not_verify_is_neither_packet_nor_life(data: bytes) -> None:  # EDGE Q7, K13
    it = leg()
    for _ in range(5):
        assert it.on_rtp(data, PHONE, NOW) == (Effect.DROP, None)
    assert not it.is_latched and it.latch.heard_from is None
    assert (it.reception.packets, it.last_at, it.unauthentic) == (0, None, 5)


def test_a_repeated_packet_is_not_authentic() -> None:  # EDGE K13
    phone = peer(KEYS)
    it = latched(phone)
    packet = sealed(phone, rtp(4))
    assert it.on_rtp(packet, PHONE, NOW).packet == rtp(4)
    assert it.on_rtp(packet, PHONE, NOW).packet is None
    assert (it.reception.packets, it.unauthentic) == (4, 1)


def test_a_copy_from_elsewhere_does_not_use_up_the_original() -> None:  # EDGE Q4, K13
    phone = peer(KEYS)
    it = latched(phone)
    packet = sealed(phone, rtp(4))
    assert it.on_rtp(packet, STRANGER, NOW).effect is Effect.DROP_FOREIGN
    assert it.on_rtp(packet, PHONE, NOW).packet == rtp(4)
    assert (it.foreign, it.unauthentic) == (1, 0)


def test_after_a_silence_a_key_is_as_good_as_an_ssrc() -> None:  # EDGE Q5
    phone = peer(KEYS)
    it = latched(phone)
    it.latch.on_silence(7)
    assert it.on_rtp(rtp(5), NAT, NOW) == (Effect.DROP, None)
    assert it.on_rtp(sealed(peer(KEYS), rtp(5, ssrc=9)), STRANGER, NOW).packet is None
    assert not it.is_latched
    assert it.on_rtp(sealed(phone, rtp(5, ssrc=9)), NAT, NOW).effect is Effect.LATCH
    assert it.latch.source == NAT
    assert it.on_rtp(sealed(phone, rtp(6, ssrc=9)), NAT, NOW).packet == rtp(6, ssrc=9)


def test_srtcp_is_opened_before_it_is_read_and_sealed_for_its_receiver() -> None:  # EDGE V3
    phone = peer(KEYS)
    it = latched(phone)
    report = phone.protect_rtcp(receiver_report())
    assert report is not None and it.on_rtcp(report, PHONE_RTCP, NOW) == receiver_report()
    assert it.on_rtcp(receiver_report(), PHONE_RTCP, NOW) == b""
    assert it.on_rtcp(report, PHONE_RTCP, NOW) == b"", "once is enough"
    assert (it.account.rtcp_packets, it.unauthentic, it.malformed) == (1, 2, 0)
    passed = it.sealed_rtcp(receiver_report(8))
    assert passed is not None and passed != receiver_report(8)
    assert phone.unprotect_rtcp(passed, NOW) == receiver_report(8)


def test_forged_rtcp_does_not_move_the_rtcp_port() -> None:  # EDGE Q6, Q7
    it = latched(peer(KEYS))
    it.on_rtcp(receiver_report(), ("203.0.113.9", 7777), NOW + 9)
    assert (it.rtcp_target(NOW), it.last_at) == (PHONE_RTCP, NOW)


def test_a_plain_leg_has_nothing_to_open_or_seal() -> None:
    it = leg(PLAIN)
    assert it.on_rtp(rtp(1), PHONE, NOW).packet == rtp(1)
    assert it.sealed(rtp(1)) == rtp(1) and it.sealed_rtcp(receiver_report()) == receiver_report()


def test_equal_keys_in_a_new_description_keep_what_was_received() -> None:  # EDGE K14
    phone = peer(KEYS)
    it = latched(phone)
    old = sealed(phone, rtp(4))
    it.on_rtp(old, PHONE, NOW)
    it.describe(MEDIA._replace(remote=NAT, moves=1), NOW)
    assert it.on_rtp(old, PHONE, NOW).packet is None, "still known"
    assert it.on_rtp(sealed(phone, rtp(5)), PHONE, NOW).packet == rtp(5)


def test_a_new_key_takes_over_with_its_first_packet() -> None:  # EDGE K14
    phone = peer(KEYS)
    it = latched(phone)
    new = pair(20)
    renewed = peer(new)
    late = [sealed(phone, rtp(number)) for number in (4, 6)]
    it.describe(MEDIA._replace(srtp=new), NOW)
    assert it.on_rtp(late[0], PHONE, NOW).packet == rtp(4)
    assert it.on_rtp(sealed(renewed, rtp(5)), PHONE, NOW).packet == rtp(5)
    assert it.on_rtp(late[1], PHONE, NOW).packet is None
    sent = it.sealed(rtp(9))
    assert sent is not None and renewed.unprotect(sent, NOW) == rtp(9)


def test_keys_may_come_and_go_in_mid_call() -> None:  # EDGE K16
    it = leg(PLAIN)
    it.on_rtp(rtp(1), PHONE, NOW)
    it.describe(MEDIA, NOW)
    phone = peer(KEYS)
    assert it.on_rtp(rtp(2), PHONE, NOW).packet is None
    assert it.on_rtp(sealed(phone, rtp(3)), PHONE, NOW).packet == rtp(3)
    it.describe(PLAIN, NOW)
    assert it.on_rtp(rtp(4), PHONE, NOW).packet == rtp(4)


def relayed(it: MediaLeg, other: MediaLeg, packet: bytes) -> bytes | None:
    """Return what the other leg's peer gets of a packet that has come in."""
    passed = it.on_rtp(packet, PHONE, NOW).packet
    translated = None if passed is None else it.translated(passed, other)
    return None if translated is None else other.sealed(translated)


@given(st.integers(0, SEQUENCES - 1), st.permutations(range(6)), st.integers(0, 5))
def test_the_first_number_that_a_peer_decrypts_is_low_whatever_comes_first(
    start: int, order: list[int], lost: int
) -> None:  # EDGE K13
    it, other, receiver = leg(PLAIN), leg(), peer(KEYS)
    heard = []
    for number in [start + step for step in order if step != lost]:
        sent = relayed(it, other, rtp(number))
        assert sent is not None
        clear = receiver.unprotect(sent, NOW)
        assert clear is not None, "the receiver's rollover counter is ours"
        heard.append(clear)
    numbers = [int.from_bytes(packet[2:4], "big") for packet in heard]
    assert numbers[0] < FIRST_SEQUENCE_BELOW
    steps = [(a - b) % SEQUENCES for a, b in pairwise(numbers)]
    kept = [step for step in order if step != lost]
    assert steps == [(a - b) % SEQUENCES for a, b in pairwise(kept)]
    assert {packet[4:12] for packet in heard} == {rtp(start + step)[4:12] for step in kept}


def test_a_peer_that_stays_hears_a_rekeyed_stream_go_on_without_a_jump() -> None:  # EDGE K14
    it, other = leg(PLAIN), leg()
    relayed(it, other, rtp(32_766))
    new = pair(20)
    other.describe(MEDIA._replace(srtp=new), NOW)
    renewed = peer(new)
    for number in (32_767, 32_768, 32_769):
        sent = relayed(it, other, rtp(number))
        assert sent is not None and renewed.unprotect(sent, NOW) == rtp(number)


def test_another_peer_with_another_key_begins_low_again() -> None:  # EDGE K13
    it, other = leg(PLAIN), leg()
    relayed(it, other, rtp(32_767))
    relayed(it, other, rtp(32_768))
    new = pair(20)
    other.describe(MEDIA._replace(srtp=new, moves=1), NOW)
    sent = relayed(it, other, rtp(32_769))
    clear = None if sent is None else peer(new).unprotect(sent, NOW)
    assert clear is not None and clear[2:4] == (FIRST_SEQUENCE_BELOW // 2 + 1).to_bytes(2, "big")


def test_the_shortcut_waits_for_the_first_packet_under_a_key() -> None:
    it, other = latched(peer(KEYS)), latched(peer(KEYS))
    assert not it.goes_straight_to(other)
    it.translated(rtp(4), other)
    assert it.goes_straight_to(other)


def test_numbers_that_jump_are_made_to_go_on_for_the_receivers_counter() -> None:  # EDGE SD5
    it, other, receiver = leg(PLAIN), leg(), peer(KEYS)
    heard = [relayed(it, other, rtp(number)) for number in (100, 40_000, 40_001, 40_002)]
    assert heard[1] is None, "one odd packet changes nothing"
    clear = [receiver.unprotect(sent, NOW) for sent in heard if sent is not None]
    headers = [parse(packet) for packet in clear if packet is not None]
    assert [header.sequence for header in headers if header] == [100, 101, 102]


@given(st.lists(st.integers(-30, 60), min_size=1, max_size=60), st.integers(0, SEQUENCES - 1))
def test_streams_survive_loss_disorder_and_wraps_between_two_suites(
    steps: list[int], start: int
) -> None:  # EDGE K13
    far = pair(30, Suite.AES_256_CM_HMAC_SHA1_32)
    it, other = leg(), leg(MEDIA._replace(srtp=far))
    phone, receiver = peer(KEYS), peer(far)
    position, seen = start, {start - 1}
    for step in [0, *steps]:
        position = max(position + step, start, max(seen) - 90)
        if position in seen:
            continue
        seen.add(position)
        packet = rtp(position)
        sent = relayed(it, other, sealed(phone, packet))
        clear = None if sent is None else receiver.unprotect(sent, NOW)
        assert clear is not None and clear[12:] == packet[12:]


@pytest.mark.parametrize("suite", list(Suite))
def test_every_suite_crosses_to_every_other(suite: Suite) -> None:  # EDGE K1
    for other_suite in Suite:
        near, far = pair(40, suite), pair(50, other_suite)
        it, other = leg(MEDIA._replace(srtp=near)), leg(MEDIA._replace(srtp=far))
        sent = relayed(it, other, sealed(peer(near), rtp(1)))
        assert sent is not None and peer(far).unprotect(sent, NOW) == rtp(1)


# EDGE K14: a re-INVITE to plain media that is refused leads back to the keys before it.
def test_keys_that_return_after_plain_media_neither_repeat_a_keystream_nor_take_a_replay() -> None:
    phone = peer(KEYS)
    it = latched(phone)
    first = sealed(phone, rtp(4))
    assert it.on_rtp(first, PHONE, NOW).packet == rtp(4)
    assert it.sealed(rtp(1)) is not None
    it.describe(PLAIN, NOW)
    assert it.srtp is None
    assert it.sealed(rtp(1)) == rtp(1)
    it.describe(MEDIA, NOW)
    assert it.sealed(rtp(1)) is None
    assert it.sealed(rtp(2)) is not None
    assert it.on_rtp(first, PHONE, NOW).packet is None
    assert it.on_rtp(sealed(phone, rtp(5)), PHONE, NOW).packet == rtp(5)


# EDGE K13: the same keys go on where they were, other ones begin with a low number.
@pytest.mark.parametrize(("keys", "begins_anew"), [(KEYS, False), (pair(20), True)])
def test_after_plain_media_only_a_new_key_begins_anew(keys: LegSrtp, begins_anew: bool) -> None:
    it = leg()
    it.begins_anew = False
    it.describe(PLAIN, NOW)
    it.describe(MEDIA._replace(srtp=keys), NOW)
    assert it.begins_anew is begins_anew
