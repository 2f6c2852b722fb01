"""The packet index and the replay list (EDGE K13)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.media.srtp_replay import (
    LARGEST_WINDOW,
    LEAST_WINDOW,
    ReplayList,
    window_within_limits,
)

# name, highest index so far, sequence number, index it stands for
GUESSES = [
    ("the first of all", 0, 17, 17),
    ("the first, beyond the median", 0, 65535, 65535),
    ("the next", 17, 18, 18),
    ("an older one", 100, 60, 60),
    ("before the start there is nothing", 10, 65530, 65530),
    ("a wrap", 65535, 0, 65536),
    ("a wrap with loss", 65000, 200, 65736),
    ("a late one after the wrap", 65540, 65530, 65530),
    ("just forward", 65536 + 100, 100 + 32768, 65536 + 100 + 32768),
    ("just backward", 65536 + 100, 100 + 32769, 100 + 32769),
    ("at the median, wrapped by nearly half", 65536 + 32769, 0, 2 * 65536),
    ("at the median, half behind", 65536 + 32768, 0, 65536),
    ("after three wraps", 3 * 65536 + 5, 65535, 3 * 65536 - 1),
]


# EDGE K13
@pytest.mark.parametrize(
    ("highest", "sequence", "index"),
    [row[1:] for row in GUESSES],
    ids=[row[0] for row in GUESSES],
)
def test_a_sequence_number_stands_for_the_nearest_index(
    highest: int, sequence: int, index: int
) -> None:
    replay = ReplayList(64)
    replay.add(highest)
    assert replay.index_of(sequence) == index


@given(st.integers(32768, 2**48 - 40000), st.integers(-32767, 32767))
def test_the_index_is_right_within_half_the_sequence_numbers(highest: int, step: int) -> None:
    replay = ReplayList(64)
    replay.add(highest)
    assert replay.index_of((highest + step) % 65536) == highest + step


@given(
    st.sampled_from([64, 96, 128, 1024]),
    st.integers(0, 70000),
    st.lists(st.integers(-1100, 70000), max_size=60),
)
def test_an_index_is_admitted_once_and_only_within_the_window(
    window: int, first: int, steps: list[int]
) -> None:
    replay, seen = ReplayList(window), set[int]()
    for index in [first, *(max(0, first + step) for step in steps)]:
        is_new = index not in seen and (not seen or index > max(seen) - window)
        assert replay.admits(index) == is_new
        if is_new:
            replay.add(index)
            seen.add(index)
    assert replay.highest == max(seen)


def test_the_window_ends_where_it_ends() -> None:
    replay = ReplayList(64)
    replay.add(1000)
    assert replay.admits(1000 - 63)
    assert not replay.admits(1000 - 64)


# EDGE K8
@pytest.mark.parametrize(
    ("wished", "given"),
    [(0, 64), (1, 64), (64, 64), (65, 96), (128, 128), (1024, 1024), (1025, 1024), (2**31, 1024)],
)
def test_a_wished_window_is_brought_within_limits(wished: int, given: int) -> None:
    assert window_within_limits(wished) == given
    assert LEAST_WINDOW <= given <= LARGEST_WINDOW
