"""Work that is done some items ahead of whoever takes the results, in the order of the items."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from typing import TypeVar

Given = TypeVar("Given")
Done = TypeVar("Done")


def ahead(
    pool: Executor, work: Callable[[Given], Done], items: Iterable[Given], at_once: int
) -> Iterator[Done]:
    """Yield `work(item)` for each item, with at most `at_once` of them begun and not taken.

    What is not needed any more, because the taker has stopped, is not begun.
    """
    begun: deque[Future[Done]] = deque()
    try:
        for item in items:
            begun.append(pool.submit(work, item))
            if len(begun) >= at_once:
                yield begun.popleft().result()
        while begun:
            yield begun.popleft().result()
    finally:
        for future in begun:
            future.cancel()
