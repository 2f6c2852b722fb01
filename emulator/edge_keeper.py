"""Whether an edge that has ended by itself is to be started again, as ECS would do it."""

import time
from collections.abc import Callable

from emulator.child import ChildEnded, News

AGAIN_AFTER_S = 10.0
"""An edge that ends twice within less will go on like that: the stand ends, and tells why."""


class EdgeKeeper:
    """Hears what the edge tells; used from several threads, one after the other."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._was_ready = False
        self._not_before = 0.0
        self._rests = False

    def rest(self) -> None:
        """Start nothing from now on: the stand ends."""
        self._rests = True

    def lets_start_again(self, news: News) -> bool:
        """Take what the edge tells; tell whether it has ended and is worth another start."""
        if not isinstance(news, ChildEnded):
            self._was_ready |= news.event == "ready"
            return False
        was_ready, self._was_ready = self._was_ready, False
        now = self._monotonic()
        if self._rests or not was_ready or now < self._not_before:
            return False
        self._not_before = now + AGAIN_AFTER_S
        return True
