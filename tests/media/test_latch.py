"""Where packets really come from (EDGE Q4-Q7): every row of the table, and attacks on it."""

from collections.abc import Callable
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.media.latch import (
    LATCH_TABLE,
    MOST_CANDIDATES,
    Effect,
    Latch,
    LatchState,
    Sighting,
    SourceSet,
)

PHONE = ("203.0.113.9", 4000)
PHONE_NAT = ("203.0.113.9", 62000)
PROXY = ("198.51.100.7", 5000)
STRANGER = ("192.0.2.66", 4000)
ACCEPTED = SourceSet(("203.0.113.9", "198.51.100.0/24"))


def open_latch() -> Latch:
    return Latch(ACCEPTED)


def latched() -> Latch:
    latch = open_latch()
    for sequence in (1, 2, 3):
        latch.on_packet(PHONE, 7, sequence)
    assert latch.state is LatchState.LATCHED
    return latch


def silent() -> Latch:
    latch = latched()
    latch.on_silence(ssrc=7)
    return latch


# (state before, what happens, state after, effect)
ROWS: list[tuple[str, Callable[[Latch], Effect], str, Effect]] = [
    ("open", lambda it: it.on_packet(STRANGER, 7, 1), "open", Effect.DROP_FOREIGN),
    ("open", lambda it: it.on_packet(PHONE, 7, 1), "open", Effect.RELAY),
    (
        "open",
        lambda it: (it.on_packet(PHONE, 7, 1), it.on_packet(PROXY, 9, 1))[1],
        "open",
        Effect.DROP,
    ),
    (
        "open",
        lambda it: [it.on_packet(PHONE, 7, number) for number in (1, 2, 3)][2],
        "latched",
        Effect.LATCH,
    ),
    ("open", lambda it: it.on_silence(7), "open", Effect.NOTHING),
    ("open", lambda it: it.on_moved(), "open", Effect.NOTHING),
    ("latched", lambda it: it.on_packet(STRANGER, 7, 4), "latched", Effect.DROP_FOREIGN),
    ("latched", lambda it: it.on_packet(PHONE, 7, 4), "latched", Effect.RELAY),
    ("latched", lambda it: it.on_silence(7), "silent", Effect.RELEASE),
    ("latched", lambda it: it.on_moved(), "open", Effect.RELEASE),
    ("silent", lambda it: it.on_packet(STRANGER, 7, 4), "silent", Effect.DROP_FOREIGN),
    ("silent", lambda it: it.on_packet(PHONE, 99, 4), "latched", Effect.LATCH),
    ("silent", lambda it: it.on_packet(PHONE_NAT, 7, 4), "latched", Effect.LATCH),
    ("silent", lambda it: it.on_packet(PHONE_NAT, 8, 4), "silent", Effect.DROP_FOREIGN),
    ("silent", lambda it: it.on_silence(7), "silent", Effect.NOTHING),
    ("silent", lambda it: it.on_moved(), "open", Effect.NOTHING),
]
MAKERS = {"open": open_latch, "latched": latched, "silent": silent}


@pytest.mark.parametrize(("before", "happening", "after", "effect"), ROWS)
def test_every_row_of_the_table(
    before: str, happening: Callable[[Latch], Effect], after: str, effect: Effect
) -> None:
    latch = MAKERS[before]()
    assert happening(latch) is effect
    assert latch.state.value == after


def test_the_rows_above_are_the_whole_table() -> None:
    assert len(ROWS) == len(LATCH_TABLE)


def test_absent_pairs_are_those_that_cannot_be_sighted() -> None:
    only_open = {Sighting.CANDIDATE, Sighting.RIVAL, Sighting.PROVEN}
    only_silent = {Sighting.KIN, Sighting.STRANGER}
    for state, sighting in product(LatchState, Sighting):
        absent = (
            (sighting in only_open and state is not LatchState.OPEN)
            or (sighting in only_silent and state is not LatchState.SILENT)
            or (sighting is Sighting.LOCKED and state is LatchState.OPEN)
        )
        assert ((state, sighting) not in LATCH_TABLE) is absent


@pytest.mark.parametrize(
    ("packets", "latches"),
    [
        ([(7, 1), (7, 2), (7, 3)], True),
        ([(7, 1), (7, 2)], False),
        ([(7, 65535), (7, 0), (7, 1)], True),
        ([(7, 1), (7, 5), (7, 9)], True),
        ([(7, 1), (7, 1), (7, 1)], False),
        ([(7, 3), (7, 2), (7, 1)], False),
        ([(7, 1), (8, 2), (7, 3), (8, 4)], False),
        ([(7, 1), (8, 2), (8, 3), (8, 4)], True),
    ],
)
def test_three_rising_packets_of_one_ssrc_latch(
    packets: list[tuple[int, int]], latches: bool
) -> None:
    latch = open_latch()
    for ssrc, sequence in packets:
        latch.on_packet(PHONE, ssrc, sequence)
    assert (latch.state is LatchState.LATCHED) is latches


def test_a_spoofed_port_is_told_from_the_real_one() -> None:
    latch = latched()
    assert latch.on_packet(PHONE_NAT, 7, 4) is Effect.DROP_FOREIGN
    assert latch.source == PHONE


def test_a_tag_is_kin_after_a_silence_and_no_passport() -> None:  # EDGE Q5
    latch = silent()
    assert latch.on_packet(STRANGER, 8, 4, is_authentic=True) is Effect.DROP_FOREIGN
    assert latch.on_packet(PHONE_NAT, 8, 4, is_authentic=True) is Effect.LATCH
    assert latch.on_packet(PHONE, 8, 5, is_authentic=True) is Effect.DROP_FOREIGN
    for state in (open_latch(), latched()):
        assert state.on_packet(PHONE_NAT, 8, 4, is_authentic=True) is not Effect.LATCH


def test_rtp_bleed_reaches_nothing_in_any_state() -> None:  # EDGE Q5
    for make in MAKERS.values():
        latch = make()
        before = (latch.state, latch.heard_from)
        for sequence in range(4, 40):
            assert latch.on_packet(STRANGER, 7, sequence) is Effect.DROP_FOREIGN
        assert (latch.state, latch.heard_from) == before


def test_before_the_first_packet_nobody_was_heard_and_then_the_first_leads() -> None:
    latch = open_latch()
    heard = [latch.heard_from]
    for source, ssrc, sequence in ((PROXY, 9, 1), (PHONE, 7, 1), (PHONE, 7, 2), (PHONE, 7, 3)):
        latch.on_packet(source, ssrc, sequence)
        heard.append(latch.heard_from)
    assert heard == [None, PROXY, PROXY, PROXY, PHONE], "a rival that proves itself first wins"


def test_candidates_are_bounded_and_the_oldest_gives_way() -> None:
    latch = open_latch()
    for port in range(5000, 5000 + 10 * MOST_CANDIDATES):
        latch.on_packet(("198.51.100.7", port), 9, 1)
    for sequence in (1, 2, 3):
        latch.on_packet(PHONE, 7, sequence)
    assert latch.source == PHONE


def test_a_new_address_in_the_sdp_starts_anew() -> None:  # EDGE Q5
    latch = latched()
    latch.on_moved()
    assert (latch.source, latch.heard_from) == (None, None)
    latch.accept(SourceSet(("198.51.100.7",)))
    assert latch.on_packet(PHONE, 7, 4) is Effect.DROP_FOREIGN
    assert latch.on_packet(PROXY, 8, 1) is Effect.RELAY


def test_sources_are_addresses_and_networks() -> None:
    assert "203.0.113.9" in ACCEPTED and "198.51.100.250" in ACCEPTED
    assert "203.0.113.10" not in ACCEPTED and "198.51.101.1" not in ACCEPTED
    assert "203.0.113.9" not in SourceSet(())


@given(
    st.lists(
        st.tuples(
            st.sampled_from([PHONE, PHONE_NAT, PROXY, STRANGER]),
            st.integers(7, 9),
            st.integers(0, 65535),
            st.sampled_from(["packet", "packet", "packet", "silence", "moved"]),
        ),
        max_size=60,
    )
)
def test_no_history_lets_a_stranger_in(
    history: list[tuple[tuple[str, int], int, int, str]],
) -> None:
    latch = open_latch()
    for source, ssrc, sequence, happening in history:
        if happening == "packet":
            effect = latch.on_packet(source, ssrc, sequence)
            assert source != STRANGER or effect is Effect.DROP_FOREIGN
        elif happening == "silence":
            latch.on_silence(ssrc)
        else:
            latch.on_moved()
        assert STRANGER not in (latch.source, latch.heard_from)
