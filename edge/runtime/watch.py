"""Watching a descriptor on an event loop, errors included.

libuv stops watching a descriptor for good when epoll reports EPOLLERR: one ICMP error would make a
UDP socket deaf. The descriptor therefore sits in an epoll set of its own and the loop watches the
set, which is readable whenever anything is pending.
"""

import select
from asyncio import AbstractEventLoop
from collections.abc import Callable


class Watch:
    """Calls back while a descriptor is readable, in error or, if wanted, writable."""

    def __init__(
        self, loop: AbstractEventLoop, descriptor: int, on_ready: Callable[[], None]
    ) -> None:
        self._loop = loop
        self._descriptor = descriptor
        self._wants_to_write = False
        self._set = select.epoll()
        self._set.register(descriptor, select.EPOLLIN)
        loop.add_reader(self._set.fileno(), on_ready)

    @property
    def closed(self) -> bool:
        """Tell whether watching has ended."""
        return self._set.closed

    def want_to_write(self, wanted: bool) -> None:
        """Say whether to call back also while the descriptor is writable."""
        if wanted is not self._wants_to_write and not self.closed:
            self._wants_to_write = wanted
            events = select.EPOLLIN | select.EPOLLOUT if wanted else select.EPOLLIN
            self._set.modify(self._descriptor, events)

    def close(self) -> None:
        """Stop watching; the descriptor itself stays open."""
        if not self.closed:
            self._loop.remove_reader(self._set.fileno())
            self._set.close()
