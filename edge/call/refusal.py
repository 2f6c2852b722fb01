"""What a peer is told when its description, or the other side's, cannot be taken (EDGE E5, R17)."""

from typing import NamedTuple

from edge.call import outcome
from edge.call.events import Rejected
from edge.media.sdp import SdpError
from edge.policy.case import PHRASES
from edge.policy.verdict import Fields

MISCELLANEOUS = 399
"""Warn code of RFC 3261 §20.43 for whatever has no code of its own."""

REFUSED_BY_CALLEE = "Refused by the called side"
_ABOUT_MEDIA = frozenset({488, 606})


class Refusal(NamedTuple):
    """A final answer to an INVITE or re-INVITE."""

    status: int
    reason: str
    fields: Fields
    detail: str
    """What the record says after the status (EDGE 6.3)."""


def of_description(error: SdpError, host: str) -> Refusal:
    """Return the refusal of an unusable description; `host` is the connector's (EDGE 2.2)."""
    warning = _warning(error.warning or MISCELLANEOUS, host, error.detail)
    return Refusal(error.status, PHRASES[error.status], warning, error.detail)


def of_callee(event: Rejected, host: str) -> Refusal:
    """Return the callee's own refusal as the caller gets it (EDGE E5).

    Its Warning stays behind, for its agent is an address of that leg; refusals that are about media
    get one of ours instead.
    """
    reason = outcome.printable_phrase(event.reason)
    if event.status not in _ABOUT_MEDIA:
        return Refusal(event.status, reason, event.headers, reason)
    warning = _warning(MISCELLANEOUS, host, REFUSED_BY_CALLEE)
    return Refusal(event.status, reason, (*event.headers, *warning), REFUSED_BY_CALLEE)


def _warning(code: int, host: str, text: str) -> Fields:
    return (("Warning", f'{code} {host} "{text}"'),)
