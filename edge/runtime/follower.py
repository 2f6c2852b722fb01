"""Threads of the AWS worker that look at the world again and again: configuration and names.

Both keep the last good answer standing: when DynamoDB or DNS is away nothing is sent, and the edge
goes on with what it knows (A9).
"""

import socket
import time
from collections.abc import Callable, Mapping
from threading import Event

from edge.config import Snapshot
from edge.runtime.backoff import Backoff
from edge.runtime.log import Logger
from edge.runtime.snapshot_reader import SnapshotReader

FIRST_RETRY_S = 0.5
LONGEST_RETRY_S = 5.0
RESOLVE_EVERY_S = 30.0
"""getaddrinfo() tells no TTL; DNS of route hosts is rarely below half a minute."""


def follow_configuration(
    reader: SnapshotReader,
    *,
    poll_interval_s: float,
    publish: Callable[[Snapshot], None],
    log: Logger,
) -> None:
    """Publish every new configuration, for ever; one log line when DynamoDB goes, one when back."""
    backoff = Backoff(first_s=FIRST_RETRY_S, longest_s=LONGEST_RETRY_S)
    away_since: float | None = None
    while True:
        wait_s = poll_interval_s
        try:
            snapshot = reader.changed()
        except Exception as error:
            # Not only botocore's errors: a thread that ended would leave the edge stale, unseen.
            wait_s = backoff.next_s()
            if away_since is None:
                away_since = time.monotonic()
                log("database-away", {"error": str(error)})
        else:
            backoff.reset()
            if away_since is not None:
                log("database-back", {"away_s": round(time.monotonic() - away_since, 1)})
                away_since = None
            if snapshot is not None:
                publish(snapshot)
        time.sleep(wait_s)


class NameFollower:
    """Keeps the addresses of route host names current (EDGE W11)."""

    def __init__(
        self,
        *,
        publish: Callable[[Mapping[str, tuple[str, ...]]], None],
        log: Logger,
        look_up: Callable[[str], tuple[str, ...]] | None = None,
    ) -> None:
        self._publish = publish
        self._log = log
        self._look_up = look_up or addresses_of
        self._names: frozenset[str] = frozenset()
        self._known: dict[str, tuple[str, ...]] = {}
        self._missing: set[str] = set()
        self._new_names = Event()

    def follow(self, names: frozenset[str]) -> None:
        """Care for exactly these names from now on; callable from any thread."""
        self._names = names
        self._new_names.set()

    def run(self) -> None:
        """Look all names up, for ever: every RESOLVE_EVERY_S and whenever there are new ones."""
        while True:
            self._new_names.wait(RESOLVE_EVERY_S)
            self._new_names.clear()
            self.refresh()

    def refresh(self) -> None:
        """Look all names up once and publish what differs; a name in trouble keeps its answer."""
        found = {name: self._resolved(name) for name in sorted(self._names)}
        current = {name: addresses for name, addresses in found.items() if addresses}
        if current != self._known:
            self._known = current
            self._publish(current)

    def _resolved(self, name: str) -> tuple[str, ...]:
        try:
            addresses = self._look_up(name)
        except OSError as error:
            if name not in self._missing:
                self._missing.add(name)
                self._log("name-unresolved", {"name": name, "error": str(error)})
            return self._known.get(name, ())
        self._missing.discard(name)
        return addresses


def addresses_of(name: str) -> tuple[str, ...]:
    """Return the IPv4 addresses of a host name, in a stable order; raises OSError."""
    try:
        answers = socket.getaddrinfo(name, None, socket.AF_INET, socket.SOCK_DGRAM)
    except UnicodeError as error:
        raise OSError(f"{name!r} is no host name: {error}") from error
    return tuple(sorted({str(answer[4][0]) for answer in answers}))
