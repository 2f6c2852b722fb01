"""The state table of the re-INVITEs that a leg sends (RFC 3261 §14, EDGE D5).

    QUIET        none of ours is pending
    PENDING      one is out, its final response has to come
    WAITING      one is wanted soon: the last met another one, or could not go out (§14.1)
    RETRYING     the second try is out; there is no third
    CANCELLING   given up, its final response has to come all the same
    OVER         the leg hangs up: nothing goes out any more

A pair that the table lacks is refused.
"""

from collections.abc import Mapping
from enum import auto

from edge.symbol import Symbol


class ReinviteState(Symbol):
    """See the head of this module."""

    QUIET = auto()
    PENDING = auto()
    WAITING = auto()
    RETRYING = auto()
    CANCELLING = auto()
    OVER = auto()


class ReinviteInput(Symbol):
    """What happens to a re-INVITE of ours."""

    SEND = auto()
    FINAL = auto()
    """A final response, or the certainty that none will come."""
    LATER = auto()
    DROP = auto()
    """What waited is not needed any more."""
    CANCEL = auto()
    END = auto()


_S, _I = ReinviteState, ReinviteInput

REINVITE: Mapping[tuple[ReinviteState, ReinviteInput], ReinviteState] = {
    (_S.QUIET, _I.SEND): _S.PENDING,
    (_S.QUIET, _I.LATER): _S.WAITING,
    (_S.PENDING, _I.FINAL): _S.QUIET,
    (_S.PENDING, _I.CANCEL): _S.CANCELLING,
    (_S.WAITING, _I.SEND): _S.RETRYING,
    (_S.WAITING, _I.LATER): _S.WAITING,
    (_S.WAITING, _I.DROP): _S.QUIET,
    (_S.RETRYING, _I.FINAL): _S.QUIET,
    (_S.RETRYING, _I.CANCEL): _S.CANCELLING,
    (_S.CANCELLING, _I.FINAL): _S.QUIET,
    **{(state, _I.END): _S.OVER for state in _S if state is not _S.OVER},
}


class ReinviteTimer(Symbol):
    """Timers of a re-INVITE of ours."""

    RETRY = auto()
    NO_FINAL = auto()
    """64*T1 without a final response: a CANCEL follows, and after another 64*T1 the end."""
