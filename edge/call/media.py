"""The media of one call: what each side described and was told, what the worker knows."""

from collections.abc import Mapping
from dataclasses import dataclass

from edge.call.media_pool import Lease, MediaPool
from edge.flow import Address
from edge.media.sdp import UNSPECIFIED, LocalDescription, RemoteDescription, read, read_answer
from edge.media.session import LegMedia, SetLeg, Side
from edge.media.targets import permitted


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaRules:
    """Where media may go (EDGE S11)."""

    address: str
    """Our own media address."""
    lab_mode: bool
    private: frozenset[Side]
    """Sides whose media may be at private addresses."""
    networks: Mapping[Side, tuple[str, ...]]
    """What the operator has given a carrier or bridge: its RTP may come from there (Q4)."""


class _Part:
    """One leg's half."""

    __slots__ = (
        *("allowed", "allowed_rtcp", "at", "local", "moves", "networks", "private", "remote"),
        *("sent", "signalling"),
    )

    def __init__(self, local: LocalDescription, networks: tuple[str, ...], private: bool) -> None:
        self.local = local
        self.networks = networks
        self.private = private
        self.remote: RemoteDescription | None = None
        self.at: Address | None = None
        """The last RTP address that the peer gave, holds by 0.0.0.0 aside."""
        self.moves = 0
        """How often the peer has changed that address (Q5)."""
        self.allowed = False
        """Whether RTP may be sent where `remote` wants it."""
        self.allowed_rtcp = False
        self.signalling = ""
        """Address that the leg's SIP comes from; its RTP may come from there too (Q4)."""
        self.sent: bytes | None = None
        """The answer that was given in a provisional; it may not change any more (A2)."""


class CallMedia:
    """Two halves on one worker session."""

    __slots__ = (
        "_a",
        "_answered",
        "_b",
        "_closed",
        "_parts",
        "_pool",
        "_rules",
        "_verified",
        "lease",
    )

    def __init__(self, pool: MediaPool, lease: Lease, rules: MediaRules) -> None:
        self._pool = pool
        self._rules = rules
        self.lease = lease
        self._parts = tuple(
            _Part(
                LocalDescription(lease.session, rules.address, port),
                rules.networks.get(side, ()),
                side in rules.private,
            )
            for side, port in ((Side.A, lease.a_port), (Side.B, lease.b_port))
        )
        self._a, self._b = self._parts
        self._verified = [False, False]
        self._answered = False
        self._closed = False

    def caller_offered(self, offer: RemoteDescription | None, signalling: str) -> None:
        """Take what the caller's INVITE describes; None when it asks us for an offer (A1)."""
        self._a.signalling = signalling
        if offer is not None:
            self._take(Side.A, offer)

    def offer_to_callee(self, signalling: str) -> bytes:
        """Return the offer for the next target (SD4)."""
        offered = self._a.remote
        self._b.signalling = signalling
        self._b.remote = None
        if offered is None:
            return self._b.local.offer()
        return self._b.local.offer(
            telephone_event=offered.payload_types.telephone_event is not None,
            direction=offered.direction,
            maxptime=offered.maxptime,
        )

    def callee_progressed(self, body: bytes) -> bytes:
        """Take the answer in a provisional; return the SDP for the caller, the same every time.

        Raises SdpError when the answer is unusable.
        """
        answer = self._callee_said(body)
        self._describe(Side.B)
        self._describe(Side.A)
        return answer

    def callee_answered(self, body: bytes) -> bytes:
        """Take the answer in a 200, whose ACK goes out at once; return the SDP for the caller.

        Both sides have answered then: timeouts count from now on (EDGE V4). Raises SdpError when
        the answer is unusable.
        """
        answer = self._callee_said(body)
        self._answered = True
        self._a.sent = None
        self._verified[Side.B] = self._has_proved(self._b)
        self._describe(Side.B)
        self._describe(Side.A)
        return answer

    def caller_sdp(self) -> bytes | None:
        """Return the SDP that the caller was given, None before there was one."""
        return self._a.sent

    def acknowledged(self, side: Side, body: bytes) -> None:
        """Take the ACK of a leg: its address has proved itself (S13); a body answers our offer.

        Raises SdpError when our offer was answered by something unusable.
        """
        part = self._parts[side]
        answers = bool(body) and part.remote is None
        if answers:
            self._take(side, read_answer(body))
        if answers or self._has_proved(part) != self._verified[side]:
            self._verified[side] = self._has_proved(part)
            self._describe(side)

    def wants_answer(self, side: Side) -> bool:
        """Tell whether our offer to a leg is still unanswered."""
        return self._parts[side].remote is None

    def reoffered(self, side: Side, body: bytes) -> bytes:
        """Answer a re-INVITE for one leg alone; without a body make an offer (EDGE D6, D8).

        Raises SdpError when the offer is unusable; nothing has changed then (D7).
        """
        part, other = self._parts[side], self._parts[side.other]
        events = other.remote is None or other.remote.payload_types.telephone_event is not None
        maxptime = None if other.remote is None else other.remote.maxptime
        if not body:
            part.remote = None
            return part.local.offer(telephone_event=events, maxptime=maxptime)
        offer = read(body)
        answer = part.local.answer(
            offer,
            telephone_event=events and offer.payload_types.telephone_event is not None,
            direction=offer.direction.reversed,
            maxptime=maxptime,
        )
        if part.remote is None or part.remote.rtp != offer.rtp:
            self._verified[side] = False
        self._take(side, offer)
        self._describe(side)
        return answer

    def close(self) -> None:
        """Release the session, once."""
        if not self._closed:
            self._closed = True
            self._pool.close(self.lease)

    def _callee_said(self, body: bytes) -> bytes:
        answer = read_answer(body)
        self._take(Side.B, answer)
        if self._a.sent is None:
            self._a.sent = self._for_caller(answer)
        return self._a.sent

    @staticmethod
    def _has_proved(part: _Part) -> bool:
        """Tell whether an ACK proves a leg's media address: it is where the SIP comes from."""
        return part.remote is not None and part.remote.rtp[0] == part.signalling

    def _for_caller(self, answer: RemoteDescription) -> bytes:
        offered = self._a.remote
        events = answer.payload_types.telephone_event is not None
        if offered is None:
            return self._a.local.offer(telephone_event=events, maxptime=answer.maxptime)
        return self._a.local.answer(
            offered,
            telephone_event=events and offered.payload_types.telephone_event is not None,
            direction=answer.direction,
            maxptime=answer.maxptime,
        )

    def _take(self, side: Side, remote: RemoteDescription) -> None:
        part = self._parts[side]
        if part.remote is None or part.remote.rtp != remote.rtp or part.remote.rtcp != remote.rtcp:
            part.allowed = self._allowed(part, remote.rtp)
            part.allowed_rtcp = part.allowed and self._allowed(part, remote.rtcp)
        part.remote = remote
        if remote.rtp[0] != UNSPECIFIED and remote.rtp != part.at:
            part.moves += part.at is not None
            part.at = remote.rtp

    def _describe(self, side: Side) -> None:
        part = self._parts[side]
        remote = part.remote
        if remote is None or self._closed:
            return
        told = (remote.rtp[0],) if part.allowed and remote.rtp[0] != part.signalling else ()
        media = LegMedia(
            remote=remote.rtp if part.allowed else None,
            remote_rtcp=remote.rtcp if part.allowed_rtcp else None,
            sources=(part.signalling, *told, *part.networks),
            expects=part.local.expects,
            peer_expects=remote.payload_types,
            direction=remote.direction,
            verified=self._verified[side],
            answered=self._answered,
            moves=part.moves,
        )
        self._pool.tell(self.lease, SetLeg(self.lease.session, side, media))

    def _allowed(self, part: _Part, address: Address) -> bool:
        rules = self._rules
        return permitted(
            address,
            lab_mode=rules.lab_mode,
            private_media=part.private,
            own=frozenset({rules.address}),
            own_ports=self._pool,
            peer_networks=part.networks,
        )
