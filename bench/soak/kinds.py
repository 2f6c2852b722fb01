"""Which calls are made: who calls, who is called, how it has to end, and what share they are."""

from typing import NamedTuple

from edge.flow import Transport

NORMAL = "Normal Call Clearing"


class Kind(NamedTuple):
    """One kind of call. The scenarios are those of tests/e2e/scenarios."""

    name: str
    caller: str
    callee: str | None
    """None when the edge itself refuses."""
    share: float
    """Of all calls."""
    message: str | None
    """StatusMessage of the record; None when there is no record (EDGE C7: a challenge)."""
    dialed: str = ""
    """Empty takes the number of the kind."""
    caller_words: tuple[tuple[str, str | int], ...] = ()
    callee_words: tuple[tuple[str, str | int], ...] = ()
    fails_first: bool = False
    """Whether a carrier that answers 503 is tried before."""
    inbound: bool = False
    user: bool = False
    """Whether the connector asks for a digest."""
    transport: Transport = Transport.UDP
    """Of the caller."""


CREDENTIALS = ("pbx", "secret")

_STREAMS = [it for it in Transport if it is not Transport.UDP]
_EACH_STREAM = 0.1

KINDS = (
    Kind("answered", "uac_call", "uas_answer", 0.34 - _EACH_STREAM * len(_STREAMS), NORMAL),
    *(
        Kind(f"answered {it}", "uac_call", "uas_answer", _EACH_STREAM, NORMAL, transport=it)
        for it in _STREAMS
    ),
    Kind("hung-up-on", "uac_hung_up", "uas_hangs_up", 0.12, NORMAL),
    Kind("inbound", "uac_call", "uas_answer", 0.15, NORMAL, inbound=True),
    Kind("held", "uac_hold", "uas_reinvited", 0.05, NORMAL),
    Kind("late-offer", "uac_late_offer", "uas_answer", 0.03, NORMAL),
    Kind("failed-over", "uac_call", "uas_answer", 0.06, NORMAL, fails_first=True),
    Kind("cancelled", "uac_cancel", "uas_cancelled", 0.07, "487 Request Terminated"),
    Kind(
        "unanswered", "uac_refused", "uas_cancelled", 0.04, "480 No answer",
        caller_words=(("STATUS", 480),),
    ),
    Kind(
        "busy", "uac_refused", "uas_refuse", 0.05, "486 Busy Here",
        caller_words=(("STATUS", 486),),
        callee_words=(("STATUS", 486), ("PHRASE", "Busy Here")),
    ),
    Kind(
        "refused", "uac_refused", None, 0.02, "403 Dialed number not valid",
        dialed="+12125550", caller_words=(("STATUS", 403),),
    ),
    Kind(
        "proven", "uac_digest", "uas_answer", 0.05, NORMAL,
        caller_words=(("USER", CREDENTIALS[0]), ("PASSWORD", CREDENTIALS[1])),
        user=True,
    ),
    Kind("unacknowledged", "uac_no_ack", "uas_answer", 0.02, "ACK timeout"),
)  # fmt: skip


def number_of(kind: Kind) -> str:
    """Return the number by which a kind's carrier or connector is found."""
    return f"+1212555{KINDS.index(kind) + 100:04d}"
