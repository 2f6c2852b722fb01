"""Ports of several workers: who gets the next call (A8)."""

from edge.call.media_pool import MediaPool
from edge.media.session import CloseSession, MediaCommand, OpenSession

FIRST, SECOND = (10_000, 10_002, 10_004, 10_006), (20_000, 20_002)


class Workers:
    """A pool over two workers, and what they were told."""

    def __init__(self) -> None:
        self.told: list[tuple[int, MediaCommand]] = []
        self.pool = MediaPool(2, lambda worker, command: self.told.append((worker, command)))
        self.pool.lease(0, FIRST)
        self.pool.lease(1, SECOND)


def test_the_worker_with_most_ports_has_the_next_call() -> None:
    workers = Workers()
    leases = [workers.pool.open() for _ in range(4)]
    assert [lease.worker if lease else None for lease in leases] == [0, 0, 1, None]
    assert [(worker, type(command)) for worker, command in workers.told] == [
        (number, OpenSession) for number in (0, 0, 1)
    ]


def test_a_worker_that_is_behind_gets_no_new_call_until_it_has_caught_up() -> None:
    workers = Workers()
    workers.pool.congested(0, is_behind=True)
    first = workers.pool.open()
    assert first is not None and first.worker == 1
    assert not workers.pool.has_two and workers.pool.open() is None
    workers.pool.close(first)
    assert workers.told[-1] == (1, CloseSession(first.session)), "calls that are up are ended"
    workers.pool.congested(0, is_behind=False)
    second = workers.pool.open()
    assert second is not None and second.worker == 0


def test_the_successor_of_a_worker_that_was_behind_is_not() -> None:
    workers = Workers()
    workers.pool.congested(0, is_behind=True)
    workers.pool.lost(0)
    workers.pool.lost(1)
    workers.pool.lease(0, FIRST)
    lease = workers.pool.open()
    assert lease is not None and (lease.worker, lease.a_port) == (0, FIRST[0])
