"""The media of one call: what each side described and was told, what the worker knows."""

from collections.abc import Mapping
from dataclasses import dataclass

from edge.call.media_part import Part
from edge.call.media_pool import Lease, MediaPool
from edge.flow import Address
from edge.ids import Ids
from edge.media.keying import Keying
from edge.media.local_sdp import LocalDescription
from edge.media.sdes import SdesRules
from edge.media.sdp import INCOMPATIBLE_FORMAT, UNSPECIFIED, RemoteDescription, SdpError
from edge.media.session import Direction, LegMedia, SetLeg, Side
from edge.media.targets import permitted
from edge.media.terms import Codec, Encryption, Terms


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaRules:
    """Where media may go (EDGE S11), and in what form."""

    address: str
    """Our own media address."""
    lab_mode: bool
    private: frozenset[Side]
    """Sides whose media may be at private addresses."""
    networks: Mapping[Side, tuple[str, ...]]
    """What the operator has given a carrier or bridge: its RTP may come from there (Q4)."""
    terms: Terms
    """What is taken from the caller's offers; suites and codecs are those of both sides."""
    sdes: SdesRules


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

    def __init__(self, pool: MediaPool, lease: Lease, rules: MediaRules, ids: Ids) -> None:
        self._pool = pool
        self._rules = rules
        self.lease = lease
        self._parts = tuple(
            Part(
                LocalDescription(lease.session, rules.address, port),
                Keying(rules.sdes, ids),
                rules.networks.get(side, ()),
                side in rules.private,
                rules.terms,
            )
            for side, port in ((Side.A, lease.a_port), (Side.B, lease.b_port))
        )
        self._a, self._b = self._parts
        self._verified = [False, False]
        self._answered = False
        self._closed = False

    def caller_offered(self, offer: RemoteDescription | None, signalling: str) -> None:
        """Take what the caller's INVITE describes; None when it asks us for an offer (A1)."""
        self._a.begin(signalling, self._rules.terms)
        if offer is None:
            self._a.owes = True
        else:
            self._take_offer(Side.A, offer)

    def offer_to_callee(self, signalling: str, *, encrypted: bool = False) -> bytes:
        """Return the offer for the next target (SD4), with new keys where it has some (K4)."""
        offered, part = self._a.remote, self._b
        encryption = Encryption.REQUIRED if encrypted else Encryption.NEVER
        part.begin(signalling, self._rules.terms._replace(encryption=encryption))
        return part.local.offer(
            telephone_event=offered is None or self._a.has_events,
            direction=Direction.SENDRECV if offered is None else offered.direction,
            maxptime=None if offered is None else offered.maxptime,
            codecs=self._a.codecs,
            crypto=part.keying.fresh() if encrypted else (),
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

    def acknowledged(self, side: Side, body: bytes) -> None:
        """Take the ACK of a leg: its address has proved itself (S13); a body answers our offer.

        Raises SdpError when our offer was answered by nothing or by something unusable.
        """
        part = self._parts[side]
        if part.owes:
            if not body:
                raise SdpError(488, None, "the ACK brought no answer to our offer")
            self._take_answer(side, part.local.read_answer(body))
            part.owes = False
            self._verified[side] = self._has_proved(part)
            self._describe_both()
        elif self._has_proved(part) != self._verified[side]:
            self._verified[side] = self._has_proved(part)
            self._describe(side)

    def terms(self, side: Side) -> Terms:
        """Return what is taken from a leg's offers."""
        return self._parts[side].terms

    def owes_answer(self, side: Side) -> bool:
        """Tell whether the ACK of a leg has to answer an offer of ours."""
        return self._parts[side].owes

    def concerns_other(self, side: Side, offer: RemoteDescription) -> bool:
        """Tell whether the other side has to hear of an offer (EDGE D6).

        It has to when it would notice: direction or codec set are new, and not what it was told.
        """
        part, other = self._parts[side], self._parts[side.other]
        told = other.left_of(other.local.direction)
        if not part.repeats(offer) and other.left_of(offer.direction) != told:
            return True
        if offer.codecs != part.codecs:
            offered = frozenset(offer.codecs)
            if not frozenset(other.codecs) <= offered <= other.local.codecs:
                return True
        events = offer.payload_types.telephone_event is not None
        told_events = other.local.expects.telephone_event is not None
        return events not in (part.has_events, told_events)

    def answer_alone(self, side: Side, offer: RemoteDescription) -> bytes:
        """Return our answer to a re-INVITE that the other side hears nothing of (EDGE D6, D8).

        A refresh gets what is agreed on, a new direction all that the other side's own hold leaves.
        Raises SdpError when the other side takes none of the codecs.
        """
        part, other = self._parts[side], self._parts[side.other]
        direction = part.local.direction if part.repeats(offer) else other.wish
        return self._answer(side, offer, direction)

    def relayed_offer(self, side: Side, offer: RemoteDescription) -> bytes:
        """Return the offer for the other side that tells of this side's (EDGE D6)."""
        part, other = self._parts[side], self._parts[side.other]
        return other.local.offer(
            telephone_event=offer.payload_types.telephone_event is not None,
            direction=part.wish if part.repeats(offer) else offer.direction,
            maxptime=offer.maxptime,
            codecs=offer.codecs,
            crypto=other.keying.again(),
        )

    def relayed_answer(self, side: Side, offer: RemoteDescription, body: bytes) -> bytes:
        """Return the answer to this side's offer, the other side having answered with `body`.

        Raises SdpError when that answer is unusable.
        """
        self.answered(side.other, body)
        other = self._parts[side.other].remote
        assert other is not None
        return self._answer(side, offer, other.direction)

    def full_offer(self, side: Side) -> bytes:
        """Return the offer that a re-INVITE without SDP asks for (EDGE A1)."""
        part, other = self._parts[side], self._parts[side.other]
        part.owes = True
        return part.local.offer(
            telephone_event=other.remote is None or other.has_events,
            direction=other.wish,
            maxptime=None if other.remote is None else other.remote.maxptime,
            codecs=other.codecs,
            crypto=part.keying.full(),
        )

    def current(self, side: Side) -> bytes:
        """Return what a leg was told last: the offer of a session refresh (EDGE ST3)."""
        return self._parts[side].local.repeated()

    def has_news_for(self, side: Side) -> bool:
        """Tell whether a leg has yet to hear what the other side wants, and does not mind to."""
        part, other = self._parts[side], self._parts[side.other]
        if part.remote is None or other.remote is None:
            return False
        if part.left_of(other.wish) != part.left_of(part.local.direction):
            return part.declined is not other.wish
        if any([codec not in other.codecs for codec in part.agreed_codecs]):
            return True
        if other.has_events:
            return part.local.expects.telephone_event is None
        return part.has_events

    def news_for(self, side: Side) -> bytes:
        """Return the offer that tells a leg what the other side wants."""
        part, other = self._parts[side], self._parts[side.other]
        return part.local.offer(
            telephone_event=other.has_events,
            direction=other.wish,
            maxptime=None if other.remote is None else other.remote.maxptime,
            codecs=other.codecs,
            crypto=part.keying.again(),
        )

    def answered(self, side: Side, body: bytes) -> None:
        """Take a leg's answer to a re-INVITE of ours; raises SdpError when it is unusable."""
        part = self._parts[side]
        self._take_answer(side, part.local.read_answer(body))
        part.declined = None
        self._verified[side] = self._has_proved(part)
        self._describe_both()

    def refused(self, side: Side, *, for_now: bool) -> None:
        """Take back what a re-INVITE of ours offered (EDGE D7); `for_now` it may come again."""
        part = self._parts[side]
        offered = part.local.direction
        if part.local.withdraw() and not for_now:
            part.declined = offered

    def close(self) -> None:
        """Release the session, once."""
        if not self._closed:
            self._closed = True
            self._pool.close(self.lease)

    def _callee_said(self, body: bytes) -> bytes:
        answer = self._b.remote
        if body or self._a.sent is None or answer is None:
            answer = self._b.local.read_answer(body)
            self._take_answer(Side.B, answer)
        if self._a.sent is None:
            self._a.sent = self._for_caller(answer)
        return self._a.sent

    @staticmethod
    def _has_proved(part: Part) -> bool:
        """Tell whether an ACK proves a leg's media address: it is where the SIP comes from."""
        return part.remote is not None and part.remote.rtp[0] == part.signalling

    def _for_caller(self, answer: RemoteDescription) -> bytes:
        part, offered = self._a, self._a.remote
        events = answer.payload_types.telephone_event is not None
        if offered is None:
            is_encrypted = part.terms.encryption is Encryption.REQUIRED
            return part.local.offer(
                telephone_event=events,
                direction=answer.direction,
                maxptime=answer.maxptime,
                codecs=answer.codecs,
                crypto=part.keying.fresh() if is_encrypted else (),
            )
        return part.local.answer(
            offered,
            telephone_event=events and offered.payload_types.telephone_event is not None,
            direction=answer.direction,
            maxptime=answer.maxptime,
            codecs=answer.codecs,
            crypto=part.keying.answer(offered.crypto),
        )

    def _answer(self, side: Side, offer: RemoteDescription, direction: Direction) -> bytes:
        part, other = self._parts[side], self._parts[side.other]
        events = offer.payload_types.telephone_event is not None
        codecs = _common(offer.codecs, other.codecs)
        answer = part.local.answer(
            offer,
            telephone_event=events and (other.remote is None or other.has_events),
            direction=direction,
            maxptime=None if other.remote is None else other.remote.maxptime,
            codecs=codecs,
            crypto=part.keying.answer(offer.crypto),
        )
        if part.remote is None or part.remote.rtp != offer.rtp:
            self._verified[side] = False
        self._take_offer(side, offer)
        self._describe_both()
        return answer

    def _take_offer(self, side: Side, offer: RemoteDescription) -> None:
        part = self._parts[side]
        if not part.repeats(offer):
            part.wish = offer.direction
        self._take(side, offer)

    def _take_answer(self, side: Side, answer: RemoteDescription) -> None:
        part = self._parts[side]
        part.keying.settle(part.local.crypto, answer.crypto)
        part.wish = part.wishes_after(answer)
        self._take(side, answer)

    def _take(self, side: Side, remote: RemoteDescription) -> None:
        part = self._parts[side]
        if part.remote is None or part.remote.rtp != remote.rtp or part.remote.rtcp != remote.rtcp:
            part.allowed = self._allowed(part, remote.rtp)
            part.allowed_rtcp = part.allowed and self._allowed(part, remote.rtcp)
        part.remote = remote
        if remote.rtp[0] != UNSPECIFIED and remote.rtp != part.at:
            part.moves += part.at is not None
            part.at = remote.rtp

    def _describe_both(self) -> None:
        self._describe(Side.A)
        self._describe(Side.B)

    def _is_fed(self, side: Side) -> bool:
        """Tell whether a leg was promised media that the other side's hold keeps back (D6)."""
        part, other = self._parts[side], self._parts[side.other]
        if part.remote is None or other.remote is None:
            return False
        said, told = other.remote.direction, part.local.direction
        holds = said is not Direction.SENDRECV and part.left_of(said) != part.left_of(told)
        return holds and part.local.direction.sends and part.remote.direction.receives

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
            is_fed=self._answered and self._is_fed(side),
            srtp=part.keying.agreed,
            moves=part.moves,
        )
        self._pool.tell(self.lease, SetLeg(self.lease.session, side, media))

    def _allowed(self, part: Part, address: Address) -> bool:
        rules = self._rules
        return permitted(
            address,
            lab_mode=rules.lab_mode,
            private_media=part.private,
            own=frozenset({rules.address}),
            own_ports=self._pool,
            peer_networks=part.networks,
        )


def _common(offered: tuple[Codec, ...], taken: tuple[Codec, ...]) -> tuple[Codec, ...]:
    """Return the codecs of an offer that the other side takes, too; raises SdpError for none."""
    if offered == taken:
        return offered
    common = tuple([codec for codec in taken if codec in offered])
    if not common:
        raise SdpError(488, INCOMPATIBLE_FORMAT, "the other side takes another codec")
    return common
