"""Work ahead of its taker: in order, bounded, and over when the taker is."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from cli.records.ahead import ahead


def test_results_come_in_the_order_of_the_items_and_few_at_a_time() -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for number in range(100):
            taken.append(number)
            yield number

    with ThreadPoolExecutor(8) as pool:
        for done, result in enumerate(ahead(pool, lambda it: it * it, items(), 10)):
            assert result == done * done
            assert len(taken) <= done + 10
    assert len(taken) == 100


def test_what_nobody_takes_is_not_begun() -> None:
    begun: list[int] = []
    held = Event()

    def work(number: int) -> int:
        begun.append(number)
        if number:
            held.wait()
        return number

    with ThreadPoolExecutor(1) as pool:
        results = ahead(pool, work, range(5), 3)
        assert next(results) == 0
        results.close()  # type: ignore[attr-defined]  # it is a generator
        held.set()
    assert begun in ([0], [0, 1])


def test_a_failure_comes_at_its_place() -> None:
    with ThreadPoolExecutor(2) as pool:
        results = ahead(pool, lambda it: 6 // it, [3, 0, 2], 2)
        assert next(results) == 2
        with pytest.raises(ZeroDivisionError):
            next(results)
