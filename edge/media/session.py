"""What the signalling process tells a media worker, and what it hears back (A8).

A *session* is the media of one call: two legs, each with a port of its own. Ports are bound by the
worker ahead of time and leased to the signalling process in blocks, so that allocating one costs no
round trip. Commands are idempotent descriptions of the wanted state; reports are facts.
"""

from enum import IntEnum, StrEnum
from typing import NamedTuple, NewType, TypeAlias

from edge.flow import Address
from edge.media.srtp_keys import LegSrtp

SessionId = NewType("SessionId", int)


class Side(IntEnum):
    """A leg of a session: A called us, B is whom we call."""

    A = 0
    B = 1

    @property
    def other(self) -> "Side":
        """Return the opposite leg."""
        return Side.B if self is Side.A else Side.A


class Direction(StrEnum):
    """Media direction as the describing party sees itself (RFC 3264 §5.1)."""

    SENDRECV = "sendrecv"
    SENDONLY = "sendonly"
    RECVONLY = "recvonly"
    INACTIVE = "inactive"

    @property
    def sends(self) -> bool:
        """Tell whether the describing party sends media."""
        return self in (Direction.SENDRECV, Direction.SENDONLY)

    @property
    def receives(self) -> bool:
        """Tell whether the describing party wants to receive media."""
        return self in (Direction.SENDRECV, Direction.RECVONLY)

    @classmethod
    def of(cls, *, sends: bool, receives: bool) -> "Direction":
        """Return the direction of a party that sends or not, and receives or not."""
        if sends:
            return cls.SENDRECV if receives else cls.SENDONLY
        return cls.RECVONLY if receives else cls.INACTIVE

    def narrowed(self, bound: "Direction") -> "Direction":
        """Return the part of this direction that `bound` leaves open (RFC 3264 §6.1)."""
        return Direction.of(
            sends=self.sends and bound.sends, receives=self.receives and bound.receives
        )

    @property
    def reversed(self) -> "Direction":
        """Return the same stream as the other party describes it."""
        mirror = {Direction.SENDONLY: Direction.RECVONLY, Direction.RECVONLY: Direction.SENDONLY}
        return mirror.get(self, self)


class PayloadTypes(NamedTuple):
    """RTP payload types that one receiver expects."""

    pcmu: int | None = 0
    """None when G.722 is the only codec."""
    telephone_event: int | None = 101
    """None when DTMF events were not negotiated."""
    g722: int | None = None
    """None outside calls to meeting bridges (EDGE M1, M3)."""


class LegMedia(NamedTuple):
    """Everything a worker needs to know of one leg; replaces what it knew before.

    No dataclass: three of them are pickled in every call, and a tuple takes a quarter of the time.
    """

    remote: Address | None
    """Where the peer's SDP wants RTP; None while unknown or not permitted (EDGE Q4, S11)."""
    remote_rtcp: Address | None
    sources: tuple[str, ...]
    """Addresses and networks whose packets may latch the leg (EDGE Q4)."""
    expects: PayloadTypes
    """Payload types that we announced: what arrives on this leg's port."""
    peer_expects: PayloadTypes
    """Payload types that the peer announced: what we send to it."""
    direction: Direction = Direction.SENDRECV
    """As the peer describes itself."""
    verified: bool = False
    """The address has proved itself: no limit before latching (EDGE S13)."""
    answered: bool = False
    """The call is up: media timeouts count (EDGE V4)."""
    is_fed: bool = False
    """The peer gets silence while the other leg sends nothing: that one's hold is local (D6)."""
    srtp: LegSrtp | None = None
    """None on a plain leg. An equal key keeps its context and rollover counter (EDGE K14)."""
    moves: int = 0
    """How often the peer has announced another address, permitted or not: each time the leg is
    latched anew (EDGE Q5)."""


class Begin(NamedTuple):
    """The first command: lease ports, all but those whose rest is not over yet."""

    resting: tuple[int, ...] = ()
    """RTP ports that a worker which has ended had in use: their peers may still send (EDGE Q1)."""


class OpenSession(NamedTuple):
    """Take two leased ports into use; stale packets in their sockets are thrown away."""

    session: SessionId
    a_port: int
    b_port: int


class SetLeg(NamedTuple):
    """Describe one leg, anew after every offer and answer."""

    session: SessionId
    side: Side
    media: LegMedia


class CloseSession(NamedTuple):
    """End a session; its ports rest, are bound anew and leased again (EDGE Q1)."""

    session: SessionId


class RecordSession(NamedTuple):
    """Begin or end to report every packet of a session, for debugging (docs/recording.md)."""

    session: SessionId
    wanted: bool
    address: str = ""
    """Ours, as SDP shows it."""
    epoch_s: float = 0.0
    """UTC at monotonic 0, in seconds since 1970."""


class PortsLeased(NamedTuple):
    """Even RTP ports that are bound (with the next odd one for RTCP) and free to use."""

    ports: tuple[int, ...]


class MediaSilent(NamedTuple):
    """No valid packet for the media timeout; the session stays open until it is closed."""

    session: SessionId
    last_packet_at: float | None
    """Monotonic time of the last valid packet, None when there never was one."""


class LegStatistics(NamedTuple):
    """What went between one leg's port and its peer, totals since the session was opened.

    Octets are those of RTP and RTCP, headers included, without what SRTP adds.
    """

    packets: int = 0
    bytes: int = 0
    rtcp_packets: int = 0
    rtcp_bytes: int = 0
    lost: int = 0
    """Expected minus received, never negative (EDGE X5)."""
    jitter_us: int = 0
    """RFC 3550 §6.4.1, at most a second."""
    sent_packets: int = 0
    sent_bytes: int = 0
    sent_rtcp_packets: int = 0
    sent_rtcp_bytes: int = 0
    peer_lost: int | None = None
    """Of what we sent, as the peer reports it; None until it has."""
    peer_jitter_us: int | None = None
    rtt_us: int | None = None
    """Round trip between us and the peer, None while its RTCP does not tell (EDGE X5)."""
    foreign: int = 0
    """Packets from addresses that were not accepted, counted while the leg was open (EDGE Q6)."""
    malformed: int = 0
    """Wrong version or length."""
    unexpected: int = 0
    """Payload type, event or size that was not agreed on (EDGE SD6, V1, V2)."""
    over_rate: int = 0
    """Beyond the packets of a second."""
    unauthentic: int = 0
    """SRTP and SRTCP whose tag is wrong, or that came before (EDGE K13)."""

    @property
    def dropped(self) -> dict[str, int]:
        """Return how many packets were dropped for each reason that there was (EDGE Q6)."""
        counts = {
            "foreign": self.foreign,
            "malformed": self.malformed,
            "unexpected": self.unexpected,
            "over_rate": self.over_rate,
            "unauthentic": self.unauthentic,
        }
        return {reason: count for reason, count in counts.items() if count}


class SessionMeasured(NamedTuple):
    """What an open session was like so far: told every minute (EDGE X4)."""

    session: SessionId
    a: LegStatistics
    b: LegStatistics


class SessionClosed(NamedTuple):
    """The last word on a session."""

    session: SessionId
    a: LegStatistics
    b: LegStatistics


class Captured(NamedTuple):
    """Packets of a recorded session, in clear; the last ones come before SessionClosed."""

    session: SessionId
    records: bytes
    """Of a capture file (edge/media/pcap.py)."""


SessionCommand: TypeAlias = OpenSession | SetLeg | CloseSession | RecordSession
MediaCommand: TypeAlias = Begin | SessionCommand
MediaReport: TypeAlias = PortsLeased | MediaSilent | SessionMeasured | SessionClosed | Captured
