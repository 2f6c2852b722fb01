"""Looks for objects that only a search for circles would free (gc)."""

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def circles_of(package: str) -> Iterator[Callable[[], list[str]]]:
    """Let nothing but reference counts free objects until the block ends.

    What is yielded returns the types, in modules below `package`, of what they could not free.
    """
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield lambda: _circles(package)
    finally:
        gc.enable()
        gc.unfreeze()


def _circles(package: str) -> list[str]:
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        gc.collect()
        types = [type(found) for found in gc.garbage]
        return sorted(it.__name__ for it in types if it.__module__.startswith(package))
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
