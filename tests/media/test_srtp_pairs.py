"""Two ends over a bad network: libsrtp and Python, in every way they can be paired."""

import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.media.srtp_derivation import SRTP_LABEL, derived
from edge.media.srtp_keys import Suite
from tests.media.packets import receiver_report, rtp
from tests.media.srtp_keys import (
    IMPLEMENTED,
    LIBSRTP_SUITES,
    NATIVE,
    PYTHON,
    Implementation,
    a_key,
)

PAIRS = [
    *((suite, PYTHON, NATIVE, f"python-native-{suite.value}") for suite in LIBSRTP_SUITES),
    *((suite, NATIVE, PYTHON, f"native-python-{suite.value}") for suite in LIBSRTP_SUITES),
    *((suite, side, side, f"{name}-alone") for suite, side, name in IMPLEMENTED),
]
each_pair = pytest.mark.parametrize(
    ("suite", "a", "b"), [row[:3] for row in PAIRS], ids=[row[3] for row in PAIRS]
)
each_implementation = pytest.mark.parametrize(
    ("suite", "implementation"),
    [row[:2] for row in IMPLEMENTED],
    ids=[row[2] for row in IMPLEMENTED],
)
WINDOW = 128


@st.composite
def journeys(draw: st.DrawFn) -> tuple[list[int], list[int]]:
    """Draw the indices that a sender uses, and the order in which some of them arrive.

    The gaps of up to a third of all sequence numbers make the ROC grow by several in one journey.
    """
    gaps = draw(st.lists(st.one_of(st.integers(1, 200), st.integers(1, 20000)), max_size=25))
    sent = [draw(st.integers(0, 2**15 - 1))]
    for gap in gaps:
        sent.append(sent[-1] + gap)
    place_and_delay = st.tuples(st.integers(0, len(sent) - 1), st.integers(0, 5))
    arriving = sorted(draw(st.lists(place_and_delay, max_size=2 * len(sent))), key=sum)
    return sent, [sent[place] for place, _ in arriving]


# EDGE K13
@each_pair
@given(journeys())
def test_loss_reordering_and_repetition_are_judged_by_the_window(
    suite: Suite, a: Implementation, b: Implementation, journey: tuple[list[int], list[int]]
) -> None:
    sent, arriving = journey
    key = a_key(suite)
    sender, receiver = a.sender(key), b.receiver(key)
    on_the_wire = {index: sender.protect(rtp(index)) for index in sent}
    taken = set[int]()
    for index in arriving:
        packet = on_the_wire[index]
        assert packet is not None
        clear = receiver.unprotect(packet)
        if abs(index - max(taken, default=0)) >= 2**15:
            # Half the sequence numbers away: nobody can know the ROC. What was guessed wrong is
            # not authentic; at ROC 0 a guess of libsrtp reaches further than the RFC's.
            assert clear in (None, rtp(index))
        else:
            is_due = index not in taken and index > max(taken, default=0) - WINDOW
            assert clear == (rtp(index) if is_due else None)
        if clear is not None:
            taken.add(index)


@each_pair
def test_the_rollover_counter_is_followed_over_many_wraps(
    suite: Suite, a: Implementation, b: Implementation
) -> None:
    key = a_key(suite)
    sender, receiver = a.sender(key), b.receiver(key)
    for index in range(100, 12 * 65536, 9001):
        packet = rtp(index, timestamp=index * 160)
        protected = sender.protect(packet)
        assert protected is not None
        assert receiver.unprotect(protected) == packet


@each_pair
@given(st.integers(1, 300))
def test_a_wrap_of_the_sequence_survives_loss_around_it(
    suite: Suite, a: Implementation, b: Implementation, lost: int
) -> None:
    key = a_key(suite)
    sender, receiver = a.sender(key), b.receiver(key)
    for index in (30000, 60000, 65535 - lost // 2, 65535 + lost, 65536 + 5000):
        protected = sender.protect(rtp(index))
        assert protected is not None
        assert receiver.unprotect(protected) == rtp(index)


@each_implementation
@given(st.data())
def test_no_flipped_bit_is_ever_verified(
    suite: Suite, implementation: Implementation, data: st.DataObject
) -> None:
    key = a_key(suite)
    sender, receiver = implementation.sender(key), implementation.receiver(key)
    before = sender.protect(rtp(65534))
    packet, report = sender.protect(rtp(65535)), sender.protect_rtcp(receiver_report() + b"body")
    assert before is not None and packet is not None and report is not None
    assert receiver.unprotect(before) == rtp(65534)
    at = data.draw(st.integers(0, 8 * len(packet) - 1))
    assert receiver.unprotect(flipped(packet, at)) is None
    at = data.draw(st.integers(0, 8 * len(report) - 1))
    assert receiver.unprotect_rtcp(flipped(report, at)) is None
    assert receiver.unprotect(packet) == rtp(65535), "a forgery leaves no trace"
    assert receiver.unprotect_rtcp(report) == receiver_report() + b"body"


def flipped(packet: bytes, bit: int) -> bytes:
    return (int.from_bytes(packet, "big") ^ 1 << bit).to_bytes(len(packet), "big")


@pytest.mark.parametrize("suite", LIBSRTP_SUITES)
@given(st.binary(max_size=1600), st.binary(max_size=40))
def test_any_octets_are_treated_alike_and_raise_nothing(
    suite: Suite, packet: bytes, other: bytes
) -> None:
    key = a_key(suite)
    a, b = NATIVE.sender(key), PYTHON.sender(key)
    receivers = [implementation.receiver(key) for implementation in (NATIVE, PYTHON)]
    for octets in (packet, other, packet):
        protected = a.protect(octets)
        assert protected == b.protect(octets)
        report = a.protect_rtcp(octets)
        assert report == b.protect_rtcp(octets)
        for receiver in receivers:
            assert receiver.unprotect(octets) is None
            assert receiver.unprotect_rtcp(octets) is None
            if protected is not None and len(protected) <= 1500:
                assert receiver.unprotect(protected) == octets
            if report is not None and len(report) <= 1500:
                assert receiver.unprotect_rtcp(report) == octets


HEADERS = [
    ("two CSRCs", b"\x82\x00", bytes(8)),
    ("an extension of two words", b"\x90\x00", b"\xbe\xde\x00\x02" + bytes(8)),
    ("CSRC and an empty extension", b"\x91\x00", bytes(4) + b"\xbe\xde\x00\x00"),
    ("padding", b"\xa0\x00", b""),
]


@each_pair
@pytest.mark.parametrize(
    ("start", "more"), [row[1:] for row in HEADERS], ids=[row[0] for row in HEADERS]
)
def test_what_stands_before_the_payload_stays_clear(
    suite: Suite, a: Implementation, b: Implementation, start: bytes, more: bytes
) -> None:
    key = a_key(suite)
    packet = start + rtp(1)[2:12] + more + b"payload\x03" * 20
    protected = a.sender(key).protect(packet)
    assert protected is not None
    clear_bytes = 12 + len(more)
    assert protected[:clear_bytes] == packet[:clear_bytes]
    assert protected[clear_bytes : clear_bytes + 16] != packet[clear_bytes : clear_bytes + 16]
    assert b.receiver(key).unprotect(protected) == packet


@each_implementation
@pytest.mark.parametrize("cut", [b"\x8f\x00", b"\x90\x00", b"\x9f\x00"])
def test_a_header_that_is_longer_than_its_packet_is_refused(
    suite: Suite, implementation: Implementation, cut: bytes
) -> None:
    key = a_key(suite)
    for size in range(12, 48):
        packet = (cut + rtp(1)[2:12] + b"\xff" * 36)[:size]
        assert implementation.sender(key).protect(packet) is None
        assert implementation.receiver(key).unprotect(packet) is None


@each_implementation
def test_a_header_that_reaches_into_the_tag_is_refused_even_of_the_peer(
    suite: Suite, implementation: Implementation
) -> None:
    key = a_key(suite)
    signed = b"\x81\x00" + rtp(1)[2:12]
    tag = hmac.digest(derived(key, SRTP_LABEL).authentication, signed + bytes(4), "sha1")
    packet = signed + tag[: suite.tag_bytes]
    assert implementation.receiver(key).unprotect(packet) is None


@each_pair
def test_rtcp_indices_are_taken_once(suite: Suite, a: Implementation, b: Implementation) -> None:
    key = a_key(suite)
    sender, receiver = a.sender(key), b.receiver(key)
    reports = [sender.protect_rtcp(receiver_report()) for _ in range(200)]
    assert None not in reports
    wire = [report for report in reports if report is not None]
    assert receiver.unprotect_rtcp(wire[150]) == receiver_report()
    assert receiver.unprotect_rtcp(wire[150]) is None
    assert receiver.unprotect_rtcp(wire[150 - 127]) == receiver_report()
    assert receiver.unprotect_rtcp(wire[150 - 128]) is None
    assert receiver.unprotect_rtcp(wire[199]) == receiver_report()


@each_pair
def test_the_longest_packet_passes_and_a_longer_one_does_not(
    suite: Suite, a: Implementation, b: Implementation
) -> None:
    key = a_key(suite)
    sender = a.sender(key)
    room = 1500 - 12 - suite.tag_bytes
    longest = sender.protect(rtp(1, payload=bytes(room)))
    longer = sender.protect(rtp(2, payload=bytes(room + 1)))
    assert longest is not None and longer is not None
    assert b.receiver(key).unprotect(longest) == rtp(1, payload=bytes(room))
    assert b.receiver(key).unprotect(longer) is None
    assert sender.protect(rtp(3, payload=bytes(1500 - 12 + 1))) is None
