"""What the benchmark of records says of what it has measured."""

import pytest

from bench.records.measure import Delivery, complaints

RATE = 10


def delivery(wait_s: float = 0.05, *, calls: int = 200) -> Delivery:
    """Return ten calls per second whose objects all come after the same wait."""
    done = Delivery()
    for number in range(calls):
        ended_at = 1_000.0 + number / RATE
        done.ended_at[str(number)] = ended_at
        done.stored_at[str(number)] = ended_at + wait_s
    return done


def test_an_edge_that_keeps_up_is_no_complaint() -> None:
    done = delivery()
    assert complaints(done, RATE) == []
    assert done.rate == pytest.approx(RATE)
    assert done.percentile(0.99) == pytest.approx(0.05)


def test_one_slow_object_in_a_hundred_is_allowed_and_two_are_not() -> None:  # EDGE C9
    done = delivery(calls=100)
    done.stored_at["7"] += 5.0
    assert complaints(done, RATE) == []
    assert done.percentile(1.0) == pytest.approx(5.05)
    done.stored_at["8"] += 5.0
    assert complaints(done, RATE) == ["p99 is 5.05 s, at most 2.0 s are allowed"]


def test_an_edge_that_falls_behind_is_seen_by_its_rate() -> None:
    done = delivery()
    for number in range(200):
        done.stored_at[str(number)] += number * 0.005
    assert complaints(done, RATE) == ["9.5 objects per second come of 10 calls per second"]


def test_what_is_missing_doubled_or_failed_is_counted() -> None:
    done = delivery()
    del done.stored_at["5"]
    done.doubled, done.failed = 2, 3
    assert complaints(done, RATE) == [
        "1 calls have no object, e.g. 5",
        "2 objects are doubled",
        "SIPp says that 3 calls failed",
    ]


def test_nothing_is_no_success() -> None:
    assert complaints(Delivery(), RATE)[0] == "no call has ended"
