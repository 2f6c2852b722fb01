"""What admission can say of a request: a closed set of values."""

from typing import NamedTuple, TypeAlias

from edge.media.sdp import RemoteDescription
from edge.media.terms import PLAIN, Terms
from edge.policy.reasons import Reason
from model.cdr import CallStatus, Disposition
from model.connector import Connector
from model.settings import Carrier, MeetingBridge

Fields: TypeAlias = tuple[tuple[str, str], ...]

ALLOW = ("Allow", "INVITE, ACK, CANCEL, BYE, OPTIONS")
"""Stands in every INVITE, in 2xx answers to INVITE and OPTIONS, and in 405 and 501 (EDGE B5)."""
ACCEPT = ("Accept", "application/sdp")
SUPPORTED = ("Supported", "timer")
"""Stands in every INVITE and in 2xx answers to INVITE and OPTIONS (EDGE B6)."""
MIN_SE = ("Min-SE", "90")
"""The shortest session interval that is taken (EDGE ST2)."""


class RecordDue(NamedTuple):
    """A detail record that a refused INVITE must leave behind (EDGE C7)."""

    connector: Connector
    status: CallStatus
    status_message: str
    """EDGE 6.3."""
    disposition: Disposition
    from_number: str
    """User part as given, not filtered yet; `anonymous` for a withheld caller id."""
    to_number: str
    auth_user: str | None


class Silence(NamedTuple):
    """Nothing goes out."""

    why: Reason
    hint: str
    """What a person can do about it; for the operator's page and log, never for the wire."""


class Refuse(NamedTuple):
    """The request gets this final answer."""

    status: int
    reason: str
    fields: Fields
    """Header fields besides those that every response has."""
    stateless: bool
    """Answer without a transaction, keeping nothing (EDGE R7)."""
    connector: Connector | None
    """The connector that the request named or reached, for logs and metrics."""
    record: RecordDue | None
    """None when no detail record is due."""
    hint: str
    why: Reason
    text: str
    """The reason's text with its variable part filled in: what Warning or phrase, record and log
    say."""
    callee_record: RecordDue | None = None
    """What a call between two connectors leaves on the called side (EDGE N1)."""


class Challenge(NamedTuple):
    """The request must come again with credentials; leaves no detail record (EDGE G2, C7)."""

    status: int
    reason: str
    fields: Fields
    connector: Connector
    why: Reason
    hint: str


class AnswerOptions(NamedTuple):
    """The OPTIONS request gets a 200."""

    fields: Fields
    connector: Connector | None
    """The connector whose termination health it proves; None when it named none (EDGE F11)."""


class AdmitCall(NamedTuple):
    """The INVITE may become a call."""

    disposition: Disposition
    connector: Connector
    """Who pays: the caller's connector of a termination, the callee's of an origination; of a group
    the one that is tried first."""
    carrier: Carrier | None
    """Who brought the call; None for one from a PBX."""
    from_number: str
    """E.164 caller id; of an origination it may be another user part, or `anonymous`."""
    to_number: str
    """E.164."""
    auth_user: str | None
    anonymous: bool
    """The caller id is withheld from the called party (EDGE O4, I2)."""
    offer: RemoteDescription | None
    """None for a late offer (EDGE A1)."""
    headers: Fields
    """Headers that pass to the other leg, filtered (EDGE 1.11)."""
    new_region: str | None = None
    """The dialed region when this connector has not called it before (EDGE S6)."""
    callees: tuple[Connector, ...] = ()
    """Whose PBXs are called, in the order in which they are tried (EDGE F12); none of a call that
    goes to a carrier or a bridge."""
    bridge: MeetingBridge | None = None
    """Where a meeting's dial-in number leads (EDGE M1)."""
    join_parameters: tuple[tuple[str, str], ...] = ()
    """URI parameters for the bridge (EDGE M2)."""
    terms: Terms = PLAIN
    """What is taken from the caller's descriptions; no carrier and no bridge gets more."""

    @property
    def costs_money(self) -> bool:
        """Tell whether a carrier is paid for the call (EDGE S6)."""
        return self.disposition is Disposition.TERMINATION and not self.is_on_net

    @property
    def is_on_net(self) -> bool:
        """Tell whether no carrier has a part in the call (EDGE 1.4, 1.5)."""
        called = bool(self.callees) or self.bridge is not None
        return called and self.disposition is Disposition.TERMINATION


Verdict: TypeAlias = Silence | Refuse | Challenge | AnswerOptions | AdmitCall
