"""Who may open a stream connection, decided before a byte is read (EDGE W4, S2, S9).

The owner asks for every connection that was accepted, and says when one is gone. Tables hold open
connections, which are bounded themselves, and the addresses that were banned last.
"""

from collections.abc import Callable
from dataclasses import dataclass

from edge.flow import Address, Transport
from edge.policy.rate import RateLimiter


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamLimits:
    """What stream connections may cost; times in seconds."""

    connections: int = 4_000
    """Of the whole node, both directions: some 4 KiB each without TLS, 27 KiB with it."""
    per_source: int = 32
    handshakes_per_s: float = 20.0
    """TLS handshakes of the node: at 1.4 ms each less than a thirtieth of a CPU."""
    strangers_share: float = 0.5
    """Of them, for sources that nobody has listed: a flood locks no customer out."""
    handshakes_per_stranger_s: float = 2.0
    handshake_s: float = 5.0
    connect_s: float = 3.0
    """Until a connection of ours is up, TLS included (EDGE F4)."""
    first_message_s: float = 10.0
    message_s: float = 30.0
    """From a message's first octet to its last."""
    idle_s: float = 900.0
    unsent_bytes: int = 262_144
    """What waits for a peer that does not read; 64 KiB more sit in the kernel."""
    unsent_messages: int = 100
    """What waits for a connection that is being made."""


MOST_BANS = 10_000
"""Addresses; the ban that began first is forgotten when there are more."""


class StreamGate:
    """The door of all stream listeners of a node."""

    def __init__(self, limits: StreamLimits, knows: Callable[[Address], bool]) -> None:
        """`knows` tells whether a carrier, a listed PBX or a call is at an address (EDGE S1)."""
        self._limits = limits
        self._knows = knows
        self._open: dict[str, int] = {}
        self._total = 0
        self._banned: dict[str, float] = {}
        self._node = RateLimiter()
        self._strangers = RateLimiter()

    def opens(self, remote: Address, transport: Transport, now: float) -> bool:
        """Tell whether a connection from an address may stay, and count it if so."""
        host, limits = remote[0], self._limits
        if self._banned.get(host, now) > now:
            return False
        if self.is_full or self._open.get(host, 0) >= limits.per_source:
            return False
        if transport is Transport.TLS and not self._may_shake_hands(remote, now):
            return False
        self.opened(host)
        return True

    @property
    def is_full(self) -> bool:
        """Tell whether no further connection is possible, in either direction."""
        return self._total >= self._limits.connections

    def opened(self, host: str) -> None:
        """Count a connection that nobody is asked about: one of our own."""
        self._open[host] = self._open.get(host, 0) + 1
        self._total += 1

    def closed(self, host: str) -> None:
        """Forget a connection that was counted."""
        self._total -= 1
        left = self._open[host] - 1
        if left:
            self._open[host] = left
        else:
            del self._open[host]

    def ban(self, host: str, seconds: float, now: float) -> None:
        """Let an address open nothing for a while (EDGE S2)."""
        self._banned.pop(host, None)
        self._banned[host] = now + seconds
        if len(self._banned) > MOST_BANS:
            del self._banned[next(iter(self._banned))]

    def _may_shake_hands(self, remote: Address, now: float) -> bool:
        limits, rate = self._limits, self._limits.handshakes_per_s
        if not self._knows(remote):
            own, share = limits.handshakes_per_stranger_s, limits.strangers_share * rate
            if not self._strangers.take(remote[0], own, own, now):
                return False
            if not self._node.take("strangers", share, share, now):
                return False
        return self._node.take("all", rate, rate, now)
