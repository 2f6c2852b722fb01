"""The ports that the media workers have bound for us, and the sessions that use them (A8)."""

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from edge.media.session import CloseSession, MediaCommand, OpenSession, SessionId


class Lease(NamedTuple):
    """Two ports of one worker in use by one session."""

    worker: int
    session: SessionId
    a_port: int
    b_port: int


class MediaPool:
    """Free ports by worker; taking one costs no round trip."""

    def __init__(self, workers: int, command: Callable[[int, MediaCommand], None]) -> None:
        self._free: list[deque[int]] = [deque() for _ in range(workers)]
        self._own: list[set[int]] = [set() for _ in range(workers)]
        self._behind: set[int] = set()
        self._command = command
        self._next = 0

    def lease(self, worker: int, ports: tuple[int, ...]) -> None:
        """Take ports that a worker has bound."""
        self._free[worker].extend(ports)
        self._own[worker].update(ports)

    def lost(self, worker: int) -> None:
        """Forget a worker's ports: its process has ended."""
        self._free[worker].clear()
        self._own[worker].clear()
        self._behind.discard(worker)

    def congested(self, worker: int, *, is_behind: bool) -> None:
        """Hear that a worker has fallen behind its commands, or that it has caught up."""
        if is_behind:
            self._behind.add(worker)
        else:
            self._behind.discard(worker)

    def open(self) -> Lease | None:
        """Take two ports of the worker that has most, None when none can take a call."""
        worker = max(
            (number for number in range(len(self._free)) if number not in self._behind),
            key=lambda number: len(self._free[number]),
            default=None,
        )
        if worker is None or len(self._free[worker]) < 2:
            return None
        free = self._free[worker]
        self._next += 1
        lease = Lease(worker, SessionId(self._next), free.popleft(), free.popleft())
        self._command(worker, OpenSession(lease.session, lease.a_port, lease.b_port))
        return lease

    def close(self, lease: Lease) -> None:
        """Give a session's ports back: they rest at the worker, which leases them anew."""
        self._own[lease.worker] -= {lease.a_port, lease.b_port}
        self._command(lease.worker, CloseSession(lease.session))

    def tell(self, lease: Lease, command: MediaCommand) -> None:
        """Send a command to the worker of a session."""
        self._command(lease.worker, command)

    def __contains__(self, port: object) -> bool:
        """Tell whether one of our sockets is bound to this port; RTCP has the odd twin (S11)."""
        if not isinstance(port, int):
            return False
        even = port & ~1
        return any([even in ports for ports in self._own])

    @property
    def has_two(self) -> bool:
        """Tell whether some worker that keeps up has the two ports of a call."""
        return any(
            [
                len(ports) > 1 and number not in self._behind
                for number, ports in enumerate(self._free)
            ]
        )

    @property
    def free(self) -> int:
        """Return how many ports could be taken now."""
        return sum(len(ports) for ports in self._free)

    @property
    def free_share(self) -> float:
        """Return the share of the workers' ports that could be taken now; 1 while there is none."""
        own = sum(len(ports) for ports in self._own)
        return self.free / own if own else 1.0
