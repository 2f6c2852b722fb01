"""Offers and answers that pass between the legs of a connected call (EDGE 1.7, D5-D8).

    QUIET       nobody waits for the other side
    A_OFFERS    A's re-INVITE waits for what B says to ours
    B_OFFERS    the other way round

An offer that the other side would not notice is answered at once and appears in no state; neither
does what one side is told without anybody waiting: a session refresh, or news of the other side
that came too late to ask (in an ACK, before a CANCEL, against a 491). A pair that the table lacks
is refused: 491 to a second offer, nothing for an answer that nobody waits for any more.
"""

from collections.abc import Callable, Mapping
from enum import auto

from edge.call import outcome, refusal
from edge.call.events import Acknowledged, RefreshDue, Reinvited, Reoffered, RetryDue, Withdrawn
from edge.call.leg import Leg
from edge.call.machine import Machine
from edge.call.media import CallMedia
from edge.call.outcome import Outcome
from edge.media.sdp import RemoteDescription, SdpError, read
from edge.media.session import Side
from edge.symbol import Symbol


class ReofferState(Symbol):
    """See the head of this module."""

    QUIET = auto()
    A_OFFERS = auto()
    B_OFFERS = auto()


class ReofferInput(Symbol):
    """What can happen to an offer that crosses the call."""

    OFFER_OF_A = auto()
    OFFER_OF_B = auto()
    SETTLED = auto()
    """The other side has answered or refused."""
    WITHDRAWN = auto()
    """The offerer has cancelled."""


_S, _I = ReofferState, ReofferInput

REOFFER: Mapping[tuple[ReofferState, ReofferInput], ReofferState] = {
    (_S.QUIET, _I.OFFER_OF_A): _S.A_OFFERS,
    (_S.QUIET, _I.OFFER_OF_B): _S.B_OFFERS,
    (_S.A_OFFERS, _I.SETTLED): _S.QUIET,
    (_S.A_OFFERS, _I.WITHDRAWN): _S.QUIET,
    (_S.B_OFFERS, _I.SETTLED): _S.QUIET,
    (_S.B_OFFERS, _I.WITHDRAWN): _S.QUIET,
}
_OFFERS = {Side.A: (_I.OFFER_OF_A, _S.A_OFFERS), Side.B: (_I.OFFER_OF_B, _S.B_OFFERS)}

ReofferEvent = Acknowledged | Reoffered | Withdrawn | Reinvited | RetryDue | RefreshDue


class Reoffers:
    """What the two sides of one call offer each other after the answer."""

    __slots__ = ("_host", "_legs", "_machine", "_media", "_offer", "_release")

    def __init__(
        self,
        a_leg: Leg,
        b_leg: Leg,
        media: CallMedia,
        host: str,
        release: Callable[[Outcome, float], None],
    ) -> None:
        """Begin in QUIET; `host` is what Warnings name as their agent."""
        self._legs = (a_leg, b_leg)
        self._media = media
        self._host = host
        self._release = release
        self._machine: Machine[ReofferState, ReofferInput] = Machine(REOFFER, _S.QUIET)
        self._offer: RemoteDescription | None = None
        """The one that waits."""

    def take(self, side: Side, event: ReofferEvent, now: float) -> None:
        """Take what happened on one side."""
        match event:
            case Reoffered(body):
                self._offered(side, body, now)
            case Acknowledged(body):
                self._acknowledged(side, body, now)
            case Withdrawn():
                if self._is_waiting(side) and self._machine.take(_I.WITHDRAWN):
                    self._legs[side.other].reinvites.cancel(now)
            case Reinvited():
                if self._is_waiting(side.other) and self._machine.take(_I.SETTLED):
                    self._settled(side.other, event, now)
                else:
                    self._heard(side, event, now)
            case RetryDue():
                self._retry(side, now)
            case RefreshDue():
                self._refresh(side, now)

    def _tell(self, side: Side, now: float) -> None:
        """Let a side know what the other one wants, if it has not been told (EDGE D6, A1)."""
        reinvites = self._legs[side].reinvites
        if not self._media.has_news_for(side):
            reinvites.drop()
        elif reinvites.may_send:
            reinvites.send(self._media.news_for(side), now)
        else:
            reinvites.later(now)

    def _is_waiting(self, side: Side) -> bool:
        """Tell whether a side's offer waits for the other side."""
        return self._machine.state is _OFFERS[side][1]

    def _offered(self, side: Side, body: bytes, now: float) -> None:
        reinvites, media = self._legs[side].reinvites, self._media
        if not body:
            reinvites.accept(media.full_offer(side), now)
            return
        try:
            offer = read(body, media.terms(side))
            concerns_other = media.concerns_other(side, offer)
            answer = b"" if concerns_other else media.answer_alone(side, offer)
        except SdpError as error:
            self._refuse(side, error, now)
            return
        if not concerns_other:
            reinvites.accept(answer, now)
            return
        others = self._legs[side.other].reinvites
        if others.may_send and self._machine.take(_OFFERS[side][0]):
            self._offer = offer
            others.drop()  # What waited to be told is part of this offer.
            others.send(media.relayed_offer(side, offer), now)
        else:
            reinvites.refuse(491, "Request Pending", (), now)

    def _acknowledged(self, side: Side, body: bytes, now: float) -> None:
        """Take an ACK; the answer that it may bring can be news for the other side (EDGE A1)."""
        answers = self._media.owes_answer(side)
        try:
            self._media.acknowledged(side, body)
        except SdpError:
            self._release(outcome.NO_USABLE_ANSWER, now)
        else:
            if answers:
                self._tell(side.other, now)

    def _settled(self, side: Side, event: Reinvited, now: float) -> None:
        """Answer the side that waits: with what the other one says, or alone (EDGE D6)."""
        reinvites, media, offer = self._legs[side].reinvites, self._media, self._offer
        assert offer is not None
        self._offer = None
        if event.status < 300:
            try:
                answer = media.relayed_answer(side, offer, event.body)
            except SdpError:
                self._release(outcome.NO_USABLE_ANSWER, now)
            else:
                reinvites.accept(answer, now)
            return
        is_busy = event.status == 491
        media.refused(side.other, for_now=is_busy)
        if is_busy and event.is_glare:
            reinvites.refuse(491, "Request Pending", (), now)
            return
        try:
            reinvites.accept(media.answer_alone(side, offer), now)
        except SdpError as error:
            self._refuse(side, error, now)
        if is_busy:
            self._legs[side.other].reinvites.later(now)

    def _refuse(self, side: Side, error: SdpError, now: float) -> None:
        """Refuse a side's offer; what was agreed on stays (EDGE D7)."""
        answer = refusal.of_description(error, self._host)
        self._legs[side].reinvites.refuse(answer.status, answer.reason, answer.fields, now)

    def _heard(self, side: Side, event: Reinvited, now: float) -> None:
        """Take what a side says to a re-INVITE that nobody waits for."""
        if event.status < 300:
            try:
                self._media.answered(side, event.body)
            except SdpError:
                self._release(outcome.NO_USABLE_ANSWER, now)
            else:
                self._tell(side, now)
        elif event.status == 408:
            self._release(outcome.PEER_LOST, now)
        else:
            self._media.refused(side, for_now=event.status == 491)
            if event.status == 491 and event.may_retry:
                self._legs[side].reinvites.later(now)

    def _retry(self, side: Side, now: float) -> None:
        session = self._legs[side].session
        if self._media.has_news_for(side) or session is None or not session.is_due:
            self._tell(side, now)
        else:
            self._refresh(side, now)

    def _refresh(self, side: Side, now: float) -> None:
        """Repeat the leg's description (EDGE ST3); whatever is pending does it as well."""
        reinvites = self._legs[side].reinvites
        if reinvites.may_send:
            reinvites.send(self._media.current(side), now)
        else:
            reinvites.later(now)
