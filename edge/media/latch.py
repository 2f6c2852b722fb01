"""Where a leg's packets really come from, learnt from the packets (RFC 7362; EDGE Q4, Q5, Q7).

A leg is OPEN until three packets of one accepted source have proved themselves, then LATCHED to
that address and port: its socket is connected and the kernel drops everybody else. After a silence
it is SILENT: the old source may come back at once, a new one only from the accepted set and with
the same SSRC or, on SRTP, a tag that verifies. A new address in the peer's SDP starts it all anew.
The worker drives this with the packets of unconnected sockets, with its slow timer, and with what
signalling says.
"""

from enum import Enum
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Final

from edge.flow import Address

PACKETS_TO_LATCH = 3
MOST_CANDIDATES = 4
"""Sources watched at a time; the oldest gives way."""


class LatchState(Enum):
    """How much is known of the source."""

    OPEN = "open"
    LATCHED = "latched"
    SILENT = "silent"


class Sighting(Enum):
    """What happens to a latch: a packet of one of these kinds, or one of the last two events."""

    FOREIGN = "foreign"
    """Not from an accepted source, or not from the one that is latched."""
    CANDIDATE = "candidate"
    """From the accepted source that was seen first."""
    RIVAL = "rival"
    """From another accepted source, while the first has not proved itself."""
    PROVEN = "proven"
    """The third in a row from one accepted source, with one SSRC and rising sequence."""
    LOCKED = "locked"
    """From the address and port that is or was latched."""
    KIN = "kin"
    """After a silence: another accepted source that has the SSRC of the latched one, or its key."""
    STRANGER = "stranger"
    """After a silence: another accepted source, with another SSRC and no key."""
    SILENCE = "silence"
    MOVED = "moved"
    """The peer's SDP has a new address."""


class Effect(Enum):
    """What the owner of the socket does."""

    DROP = "drop"
    DROP_FOREIGN = "drop and count as foreign"
    RELAY = "relay"
    LATCH = "connect the socket to `source`, then relay"
    RELEASE = "disconnect the socket"
    NOTHING = "nothing"


LATCH_TABLE: Final[dict[tuple[LatchState, Sighting], tuple[LatchState, Effect]]] = {
    (LatchState.OPEN, Sighting.FOREIGN): (LatchState.OPEN, Effect.DROP_FOREIGN),
    (LatchState.OPEN, Sighting.CANDIDATE): (LatchState.OPEN, Effect.RELAY),
    (LatchState.OPEN, Sighting.RIVAL): (LatchState.OPEN, Effect.DROP),
    (LatchState.OPEN, Sighting.PROVEN): (LatchState.LATCHED, Effect.LATCH),
    (LatchState.OPEN, Sighting.SILENCE): (LatchState.OPEN, Effect.NOTHING),
    (LatchState.OPEN, Sighting.MOVED): (LatchState.OPEN, Effect.NOTHING),
    # Packets that were queued before the socket was connected are still told apart here.
    (LatchState.LATCHED, Sighting.FOREIGN): (LatchState.LATCHED, Effect.DROP_FOREIGN),
    (LatchState.LATCHED, Sighting.LOCKED): (LatchState.LATCHED, Effect.RELAY),
    (LatchState.LATCHED, Sighting.SILENCE): (LatchState.SILENT, Effect.RELEASE),
    (LatchState.LATCHED, Sighting.MOVED): (LatchState.OPEN, Effect.RELEASE),
    (LatchState.SILENT, Sighting.FOREIGN): (LatchState.SILENT, Effect.DROP_FOREIGN),
    (LatchState.SILENT, Sighting.LOCKED): (LatchState.LATCHED, Effect.LATCH),
    (LatchState.SILENT, Sighting.KIN): (LatchState.LATCHED, Effect.LATCH),
    (LatchState.SILENT, Sighting.STRANGER): (LatchState.SILENT, Effect.DROP_FOREIGN),
    (LatchState.SILENT, Sighting.SILENCE): (LatchState.SILENT, Effect.NOTHING),
    (LatchState.SILENT, Sighting.MOVED): (LatchState.OPEN, Effect.NOTHING),
}
"""The absent pairs cannot be sighted: RIVAL, CANDIDATE and PROVEN belong to OPEN alone, KIN and
STRANGER to SILENT alone, and an OPEN latch has nothing that is LOCKED."""


class SourceSet:
    """The accepted sources of a leg: addresses and networks as text."""

    __slots__ = ("_hosts", "_networks")

    def __init__(self, sources: tuple[str, ...]) -> None:
        self._hosts = frozenset(source for source in sources if "/" not in source)
        self._networks: tuple[IPv4Network | IPv6Network, ...] = tuple(
            ip_network(source, strict=False) for source in sources if "/" in source
        )

    def __contains__(self, host: str) -> bool:
        """Tell whether packets from this IP address may latch."""
        if host in self._hosts:
            return True
        return bool(self._networks) and any(ip_address(host) in net for net in self._networks)


class _Candidate:
    __slots__ = ("count", "sequence", "ssrc")

    def __init__(self, ssrc: int, sequence: int) -> None:
        self.ssrc = ssrc
        self.sequence = sequence
        self.count = 1

    def see(self, ssrc: int, sequence: int) -> bool:
        """Count a packet; return whether the source has proved itself."""
        step = (sequence - self.sequence) % 65536
        if ssrc == self.ssrc and 0 < step < 32768:
            self.count += 1
        elif ssrc != self.ssrc or step != 0:
            self.ssrc = ssrc
            self.count = 1
        self.sequence = sequence
        return self.count >= PACKETS_TO_LATCH


class Latch:
    """The latch of one leg's RTP port."""

    __slots__ = ("_candidates", "_sources", "_ssrc", "source", "state")

    def __init__(self, sources: SourceSet) -> None:
        self.state = LatchState.OPEN
        self.source: Address | None = None
        """The address that is latched, or was before a silence."""
        self._sources = sources
        self._candidates: dict[Address, _Candidate] = {}
        self._ssrc = 0

    @property
    def heard_from(self) -> Address | None:
        """Return the best known address of the peer, None before the first accepted packet."""
        return self.source or next(iter(self._candidates), None)

    def accept(self, sources: SourceSet) -> None:
        """Take another set of accepted sources; what is latched stays so."""
        self._sources = sources

    def admits(self, source: Address) -> bool:
        """Tell whether a packet from this address is worth reading at all."""
        if source == self.source:
            return True
        return self.state is not LatchState.LATCHED and source[0] in self._sources

    def on_packet(
        self, source: Address, ssrc: int, sequence: int, *, is_authentic: bool = False
    ) -> Effect:
        """Judge a packet that is known to have version 2 and a negotiated payload type.

        One that is not authentic does not get here on an SRTP leg (EDGE Q7).
        """
        effect = self._enter(self._sight(source, ssrc, sequence, is_authentic))
        if effect is Effect.LATCH:
            self.source = source
            self._candidates.clear()
        return effect

    def on_silence(self, ssrc: int) -> Effect:
        """Hear that the latched source, last with this SSRC, has been silent (EDGE Q5)."""
        self._ssrc = ssrc
        return self._enter(Sighting.SILENCE)

    def on_moved(self) -> Effect:
        """Hear that the peer's SDP has a new address: forget everything."""
        effect = self._enter(Sighting.MOVED)
        self.source = None
        self._candidates.clear()
        return effect

    def _enter(self, sighting: Sighting) -> Effect:
        self.state, effect = LATCH_TABLE[self.state, sighting]
        return effect

    def _sight(self, source: Address, ssrc: int, sequence: int, is_authentic: bool) -> Sighting:
        if source == self.source:
            return Sighting.LOCKED
        if not self.admits(source):
            return Sighting.FOREIGN
        if self.state is LatchState.SILENT:
            is_kin = is_authentic or ssrc == self._ssrc
            return Sighting.KIN if is_kin else Sighting.STRANGER
        return self._sight_candidate(source, ssrc, sequence)

    def _sight_candidate(self, source: Address, ssrc: int, sequence: int) -> Sighting:
        candidate = self._candidates.get(source)
        if candidate is None:
            if len(self._candidates) == MOST_CANDIDATES:
                del self._candidates[next(iter(self._candidates))]
            self._candidates[source] = _Candidate(ssrc, sequence)
        elif candidate.see(ssrc, sequence):
            return Sighting.PROVEN
        return Sighting.CANDIDATE if source == self.heard_from else Sighting.RIVAL
