"""Order, loss and jitter of a received stream (RFC 3550 appendix A; EDGE X5, SD5)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.media.rtp import RtpHeader
from edge.media.statistics import Arrival, Reception

START = 1000.0


def header(sequence: int, *, ssrc: int = 7, timestamp: int | None = None) -> RtpHeader:
    stamp = sequence * 160 if timestamp is None else timestamp
    return RtpHeader(0, sequence % 65536, stamp % 2**32, ssrc)


def fed(sequences: list[int]) -> Reception:
    reception = Reception()
    for number, sequence in enumerate(sequences):
        reception.accept(header(sequence), 172, START + number * 0.02)
    return reception


def test_nothing_was_received_yet() -> None:
    reception = Reception()
    assert (reception.packets, reception.lost, reception.jitter_us) == (0, 0, 0)
    assert reception.last_at is None


# (name, sequence numbers, packets, lost)
ORDERS: list[tuple[str, list[int], int, int]] = [
    ("in order", [1, 2, 3, 4], 4, 0),
    ("gap", [1, 2, 5], 3, 2),
    ("late", [1, 3, 2, 4], 4, 0),
    ("duplicate", [1, 2, 2, 3], 4, 0),
    ("wrap", [65534, 65535, 65536, 65537], 4, 0),
    ("gap over the wrap", [65535, 65538], 2, 2),
    ("two wraps", [*range(60000, 60000 + 2 * 65536, 2000)], 66, 65 * 1999),
    ("greatest gap", [1, 3000], 2, 2998),
    ("jump is refused", [1, 3001], 1, 0),
    ("jump is refused twice when it does not go on", [1, 5000, 6000], 1, 0),
    ("jump that goes on starts anew", [1, 5000, 5001, 5002], 3, 0),
    ("jump back within the tolerance", [500, 401], 2, 0),
    ("jump back beyond it", [500, 400], 1, 0),
]


@pytest.mark.parametrize(
    ("sequences", "packets", "lost"), [row[1:] for row in ORDERS], ids=[row[0] for row in ORDERS]
)
def test_loss_is_expected_minus_received(sequences: list[int], packets: int, lost: int) -> None:
    reception = fed(sequences)
    assert (reception.packets, reception.lost) == (packets, lost)
    assert reception.bytes == 172 * packets


@given(st.integers(0, 65535), st.lists(st.booleans(), min_size=2, max_size=300))
def test_loss_is_exact_for_any_pattern_of_losses(start: int, kept: list[bool]) -> None:
    kept[0] = kept[-1] = True
    reception = fed([start + number for number, keep in enumerate(kept) if keep])
    assert reception.packets == sum(kept)
    assert reception.lost == len(kept) - sum(kept)


def test_jitter_follows_the_definition() -> None:
    """RFC 3550 A.8: J += |D| - ((J + 8) >> 4), in sixteenths."""
    reception = Reception()
    expected, delays = 0, [0, 3, 0, 10, 10, 2, 0, 5]
    for number, delay in enumerate(delays):
        reception.accept(header(number), 172, START + number * 0.02 + delay / 1000)
        if number:
            difference = abs(delay - delays[number - 1]) * 8
            expected += difference - ((expected + 8) >> 4)
    assert abs(reception.jitter - expected) <= len(delays) * 2, "rounding of the clock"
    assert reception.jitter_us == (reception.jitter >> 4) * 125


def test_a_timestamp_that_wraps_is_no_jitter() -> None:
    reception = Reception()
    for number in range(4):
        stamp = 2**32 - 320 + number * 160
        reception.accept(header(number, timestamp=stamp), 172, START + number * 0.02)
    assert reception.jitter_us <= 250


def test_events_leave_the_jitter_alone() -> None:
    reception = fed([1, 2, 3])
    before = reception.jitter
    event = header(4, timestamp=0)
    assert reception.accept(event, 16, START + 9, timed=False) is Arrival.TAKEN
    assert (reception.jitter, reception.packets) == (before, 4)


def test_a_new_source_is_believed_with_its_second_packet_and_continues_the_old_one() -> None:
    # EDGE SD5
    reception = fed([10, 11, 12])
    now = START + 0.04
    arrivals, shifts = [], []
    for second in (header(500, ssrc=8), header(501, ssrc=8, timestamp=77)):
        now += 0.02
        arrivals.append(reception.accept(second, 172, now))
        shifts.append(reception.shift)
    assert arrivals == [Arrival.REFUSED, Arrival.TAKEN]
    assert shifts[0] is None and shifts[1] is not None and reception.switched
    ssrc, sequence, timestamp = shifts[1]
    assert ssrc == 7
    assert (501 + sequence) % 65536 == 13
    assert abs((77 + timestamp) % 2**32 - (12 * 160 + 320)) <= 2
    assert (reception.packets, reception.lost) == (4, 0)


def test_a_third_source_continues_the_second_as_it_was_sent() -> None:
    reception = fed([10])
    for number, sequence in enumerate((500, 501, 502)):
        reception.accept(header(sequence, ssrc=8), 172, START + 1 + number * 0.02)
    for number, sequence in enumerate((9, 10)):
        reception.accept(header(sequence, ssrc=9), 172, START + 2 + number * 0.02)
    assert reception.shift is not None
    # 10 went out as 10, 501 as 11, 502 as 12, and so 10 of the third as 13.
    assert (reception.shift.ssrc, (10 + reception.shift.sequence) % 65536) == (7, 13)


def test_foreign_ssrcs_that_never_go_on_change_nothing() -> None:
    reception = fed([1, 2])
    for number in range(50):
        odd = header(1000 + 7 * number, ssrc=100 + number)
        assert reception.accept(odd, 172, START + 1) is Arrival.REFUSED
    assert (reception.packets, reception.ssrc, reception.shift) == (2, 7, None)


def test_losses_of_earlier_sources_are_kept() -> None:
    reception = fed([1, 5])
    for sequence in (100, 101, 104):
        reception.accept(header(sequence, ssrc=8), 172, START + 1)
    assert reception.lost == 3 + 2


def test_a_time_line_that_begins_anew_is_no_jitter() -> None:  # EDGE X5
    reception = fed([1, 2, 3])
    for sequence in (4, 5, 6):
        stamp = 2**31 + sequence * 160
        reception.accept(header(sequence, timestamp=stamp), 172, START + 0.02 * (sequence - 1))
    assert reception.jitter_us <= 250


@given(
    st.lists(
        st.tuples(st.integers(0, 65535), st.integers(0, 2**32 - 1), st.floats(0, 3)), max_size=60
    )
)
def test_loss_is_never_negative_and_jitter_never_above_a_second(
    arrivals: list[tuple[int, int, float]],
) -> None:  # EDGE X5
    reception, now = Reception(), START
    for sequence, timestamp, pause in arrivals:
        now += pause
        reception.accept(header(sequence, timestamp=timestamp), 172, now)
        assert reception.lost >= 0
        assert 0 <= reception.jitter_us <= 1_000_000
