"""Nonces: made without memory, good on any node, each count once (EDGE G3, G4)."""

import base64
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

import edge.policy.nonces
from edge.policy.nonces import WINDOW, Nonces, NonceState

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SOURCE = "192.0.2.7"


def nonces(secret: bytes = b"master", node: str = "one") -> Nonces:
    return Nonces(master_secret=secret, node=node, lifetime_s=300)


def state(made: str, by: Nonces, *, after_s: float = 1.0, issued_at: datetime = NOON) -> NonceState:
    return by.state(made, "vc", SOURCE, issued_at + timedelta(seconds=after_s))


def test_a_nonce_is_good_for_its_lifetime_on_every_node() -> None:
    made = nonces(node="one").issue("vc", SOURCE, NOON)
    for node in ("one", "two"):
        assert state(made, nonces(node=node)) is NonceState.FRESH
        assert state(made, nonces(node=node), after_s=300.0) is NonceState.FRESH
        assert state(made, nonces(node=node), after_s=300.001) is NonceState.STALE


def test_a_nonce_belongs_to_one_connector_source_and_deployment() -> None:
    ours = nonces()
    made = ours.issue("vc", SOURCE, NOON)
    assert ours.state(made, "other", SOURCE, NOON) is NonceState.FORGED
    assert ours.state(made, "vc", "192.0.2.8", NOON) is NonceState.FORGED
    assert nonces(secret=b"another").state(made, "vc", SOURCE, NOON) is NonceState.FORGED


@pytest.mark.parametrize("position", [0, 8, 12, 43])
def test_a_changed_nonce_is_forged(position: int) -> None:
    ours = nonces()
    raw = bytearray(base64.b64decode(ours.issue("vc", SOURCE, NOON)))
    raw[position] ^= 1
    assert state(base64.b64encode(raw).decode(), ours) is NonceState.FORGED


@given(st.text() | st.binary(max_size=60).map(lambda raw: base64.b64encode(raw).decode()))
def test_any_text_that_we_did_not_make_is_forged(text: str) -> None:
    assert state(text, nonces()) is NonceState.FORGED


@pytest.mark.parametrize("stamp", [0, 2**63, 2**64 - 1])
def test_a_time_outside_the_calendar_is_forged(stamp: int) -> None:
    raw = stamp.to_bytes(8, "big") + bytes(36)
    assert state(base64.b64encode(raw).decode(), nonces()) is NonceState.FORGED


def test_a_nonce_has_one_spelling_only() -> None:
    ours = nonces()
    made = ours.issue("vc", SOURCE, NOON)
    assert made.endswith("=")
    last = made[-2]
    for other in "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/":
        if other != last:
            assert state(made[:-2] + other + "=", ours) is NonceState.FORGED


def test_midnight_does_not_end_a_nonce() -> None:
    late = datetime(2026, 3, 1, 23, 59, 59, tzinfo=UTC)
    made = nonces().issue("vc", SOURCE, late)
    assert state(made, nonces(), after_s=10.0, issued_at=late) is NonceState.FRESH


def test_no_two_nonces_are_equal_even_in_one_instant() -> None:
    ours = nonces()
    assert len({ours.issue("vc", SOURCE, NOON) for _ in range(100)}) == 100
    assert nonces(node="one").issue("vc", SOURCE, NOON) != nonces(node="two").issue(
        "vc", SOURCE, NOON
    )


def test_day_keys_do_not_pile_up() -> None:
    ours = nonces()
    for day in range(30):
        ours.issue("vc", SOURCE, NOON + timedelta(days=day))
    assert len(ours._day_keys) <= 3


COUNTS = [
    ("rising", [1, 2, 3], [True, True, True]),
    ("repeated", [1, 1], [True, False]),
    ("reordered", [2, 1, 3, 1], [True, True, True, False]),
    ("gap", [1, 100, 50, 50], [True, True, True, False]),
    ("zero", [0, 1], [False, True]),
    ("at the window's edge", [WINDOW + 1, 2], [True, True]),
    ("beyond the window", [WINDOW + 1, 1], [True, False]),
    ("far jump", [1, 2**32 - 1, 2**32 - 2, 1], [True, True, True, False]),
    ("jump of exactly the window", [1, 1 + WINDOW, 1 + WINDOW, 2], [True, True, False, True]),
]


@pytest.mark.parametrize(
    ("counts", "results"), [row[1:] for row in COUNTS], ids=[row[0] for row in COUNTS]
)
def test_a_count_is_good_once(counts: list[int], results: list[bool]) -> None:  # EDGE G4
    ours = nonces()
    made = ours.issue("vc", SOURCE, NOON)
    assert [ours.use(made, count) for count in counts] == results


@given(st.lists(st.integers(0, 400), max_size=300))
def test_no_order_of_counts_lets_one_pass_twice(counts: list[int]) -> None:  # EDGE G4
    ours = nonces()
    made = ours.issue("vc", SOURCE, NOON)
    passed = [count for count in counts if ours.use(made, count)]
    assert len(passed) == len(set(passed))
    if any(counts):
        assert passed


def test_forgetting_a_nonce_makes_it_stale_instead_of_usable_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # EDGE G4
    monkeypatch.setattr(edge.policy.nonces, "NONCES_IN_USE", 3)
    ours = nonces()
    made = [ours.issue("vc", SOURCE, NOON + timedelta(seconds=n)) for n in range(5)]
    for nonce in made:
        assert ours.use(nonce, 1)
    assert len(ours) == 3
    states = [ours.state(nonce, "vc", SOURCE, NOON + timedelta(seconds=6)) for nonce in made]
    assert states == [NonceState.STALE] * 2 + [NonceState.FRESH] * 3


def test_counts_of_expired_nonces_are_forgotten() -> None:  # EDGE G4, S8
    ours = nonces()
    made = [ours.issue("vc", SOURCE, NOON + timedelta(seconds=after)) for after in (0, 1, 301, 302)]
    for nonce, left in zip(made, (1, 2, 2, 2), strict=True):
        assert ours.use(nonce, 1)
        assert len(ours) == left
    assert state(made[0], ours) is NonceState.STALE
    assert not ours.use(made[2], 1)
