"""What a caller or a re-inviting peer is told instead of an answer (EDGE E5, R17, R34, R35).

Whatever ends a call that was never answered is one of these values: the answer on the wire, and the
reason that record, log and `ovc explain` name.
"""

from typing import NamedTuple

from edge.call import outcome
from edge.call.events import Rejected
from edge.media.sdp import SdpError
from edge.policy.case import PHRASES
from edge.policy.reasons import Reason
from edge.policy.verdict import Fields
from edge.routing.failover import Failure, answer_when_exhausted

MISCELLANEOUS = 399
"""Warn code of RFC 3261 §20.43 for whatever has no code of its own."""

_ABOUT_MEDIA = frozenset({488, 606})


class Refusal(NamedTuple):
    """A final answer to an INVITE or re-INVITE."""

    status: int
    reason: str
    fields: Fields
    detail: str
    """What the record says after the status (EDGE 6.3)."""
    why: Reason


def of(why: Reason, host: str, text: str | None = None) -> Refusal:
    """Return the refusal of a reason; `host` is the connector's, the agent of Warnings (2.2)."""
    text = why.text if text is None else text
    warning = _warning(MISCELLANEOUS, host, text)
    return Refusal(why.status, PHRASES[why.status], warning, text, why)


def of_description(error: SdpError, host: str) -> Refusal:
    """Return the refusal of an unusable description."""
    warning = _warning(error.warning or MISCELLANEOUS, host, error.detail)
    why = Reason.SDP_MALFORMED if error.status == 400 else Reason.SDP_NOT_ACCEPTABLE
    return Refusal(error.status, PHRASES[error.status], warning, error.detail, why)


def of_answer(error: SdpError, host: str) -> Refusal:
    """Return what the caller hears when the callee's answer cannot be used."""
    warning = _warning(error.warning or MISCELLANEOUS, host, error.detail)
    return Refusal(488, PHRASES[488], warning, error.detail, Reason.ANSWER_NOT_ACCEPTABLE)


def of_callee(event: Rejected, host: str) -> Refusal:
    """Return the callee's own refusal as the caller gets it (EDGE E5).

    Its Warning stays behind, for its agent is an address of that leg; refusals that are about media
    get one of ours instead.
    """
    phrase = outcome.printable_phrase(event.reason)
    if event.status not in _ABOUT_MEDIA:
        return Refusal(event.status, phrase, event.headers, phrase, Reason.CALLED_SIDE)
    why = Reason.CALLED_SIDE_MEDIA
    warning = _warning(MISCELLANEOUS, host, why.text)
    return Refusal(event.status, phrase, (*event.headers, *warning), why.text, why)


def when_exhausted(to_carriers: bool, last: int | Failure | None, host: str) -> Refusal:
    """Return what the caller hears when no target is left (EDGE R34, R35)."""
    answer = answer_when_exhausted(to_carriers, last)
    if last is None:
        why = Reason.NO_CARRIER if to_carriers else Reason.NO_ROUTE
    else:
        why = Reason.CARRIERS_FAILED if to_carriers else Reason.ROUTES_FAILED
    fields = (*answer.fields, *_warning(MISCELLANEOUS, host, why.text))
    return Refusal(answer.status, answer.reason, fields, why.text, why)


def _warning(code: int, host: str, text: str) -> Fields:
    return (("Warning", f'{code} {host} "{text}"'),)
