"""Token buckets and the sketch (EDGE R15, S3)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.policy.rate import SKETCH_ROWS, RateLimiter, RateSketch


@pytest.mark.parametrize("start", [0.0, 0.1, 1_000.7, 123_456.789])
def test_at_one_per_second_the_second_take_inside_a_second_fails(start: float) -> None:  # R15
    limiter = RateLimiter()
    assert limiter.take("a", 1.0, 1.0, start)
    assert not limiter.take("a", 1.0, 1.0, start + 0.999)
    assert limiter.take("a", 1.0, 1.0, start + 1.0)


def test_a_burst_is_available_at_once_and_then_the_rate() -> None:
    limiter = RateLimiter()
    taken = [limiter.take("a", 10.0, 100.0, 5.0) for _ in range(101)]
    assert taken == [True] * 100 + [False]
    assert not limiter.take("a", 10.0, 100.0, 5.05)
    assert limiter.take("a", 10.0, 100.0, 5.1)
    assert not limiter.take("a", 10.0, 100.0, 5.1)


def test_keys_do_not_share_a_bucket_and_a_new_rate_counts_at_once() -> None:
    limiter = RateLimiter()
    assert limiter.take("a", 1.0, 1.0, 0.0)
    assert limiter.take("b", 1.0, 1.0, 0.0)
    assert not limiter.take("a", 1.0, 1.0, 0.5)
    assert limiter.take("a", 100.0, 100.0, 0.5)


def test_the_table_forgets_the_key_that_was_idle_longest() -> None:
    limiter = RateLimiter(capacity=2)
    for key in ("a", "b"):
        assert limiter.take(key, 0.1, 2.0, 0.0)
    assert limiter.take("a", 0.1, 2.0, 1.0)  # a is younger than b now
    assert limiter.take("c", 0.1, 2.0, 2.0)
    assert len(limiter) == 2
    assert not limiter.take("a", 0.1, 2.0, 2.0), "a is remembered"
    assert limiter.take("b", 0.1, 1.0, 2.0), "b was forgotten"


@given(
    rate=st.integers(1, 100),
    steps=st.lists(st.floats(0.0, 0.5), max_size=200),
)
def test_no_second_sees_more_than_burst_and_rate(rate: int, steps: list[float]) -> None:  # R15
    limiter, now, taken = RateLimiter(), 0.0, []
    for step in steps:
        now += step
        if limiter.take("a", float(rate), float(rate), now):
            taken.append(now)
    for position, at in enumerate(taken):
        window = [later for later in taken[position:] if later < at + 1.0]
        assert len(window) <= 2 * rate


def test_the_sketch_limits_each_key_by_its_rate() -> None:  # EDGE S3
    sketch = RateSketch("secret")
    for key in ("192.0.2.1", "192.0.2.2"):
        taken = sum(sketch.take(key, 50.0, 100.0, 7.0) for _ in range(300))
        assert taken == 100, key
        assert sum(sketch.take(key, 50.0, 100.0, 8.0) for _ in range(300)) == 50, key


def test_a_spoofed_flood_neither_grows_the_sketch_nor_silences_the_others() -> None:  # EDGE S3
    sketch = RateSketch("secret")
    size = len(sketch._cells)
    for number in range(30_000):
        sketch.take(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", 5.0, 5.0, number / 3e4)
    assert len(sketch._cells) == size
    honest = [sketch.take(f"192.0.2.{n}", 5.0, 5.0, 2.5) for n in range(200)]
    assert all(honest)


def test_keys_that_share_one_cell_do_not_hurt_each_other() -> None:
    # With so few columns single cells are shared all the time, all four together hardly ever.
    sketch = RateSketch("secret", columns=64)
    for _ in range(20):
        sketch.take("busy", 1.0, 1.0, 0.0)
    calm = [sketch.take(f"calm {n}", 1.0, 1.0, 0.0) for n in range(10)]
    assert sum(calm) >= 9
    assert SKETCH_ROWS == 4


def test_another_secret_makes_other_collisions() -> None:
    cells = []
    for secret in ("one", "two"):
        sketch = RateSketch(secret)
        sketch.take("192.0.2.1", 1.0, 1.0, 1.0)
        cells.append([place for place, full_at in enumerate(sketch._cells) if full_at])
    assert cells[0] != cells[1]


def test_a_rate_of_nothing_lets_nothing_through() -> None:
    assert not RateLimiter().take("a", 0.0, 0.0, 1.0)
    assert not RateSketch("secret").take("a", 0.0, 0.0, 1.0)
