"""One request before admission: what was sent, what the checks found out so far."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import NamedTuple, Protocol

from edge.config import Snapshot
from edge.flow import Address, Flow
from edge.ids import Ids
from edge.media.sdes import SdesRules
from edge.media.sdp import RemoteDescription
from edge.policy.authentication import Authentication
from edge.policy.call_rates import CallRates
from edge.policy.number_rules import ANONYMOUS, GivenCaller, given_caller, shown_to_pbx
from edge.policy.rate import RateLimiter
from edge.policy.reasons import Reason
from edge.policy.sources import Source, StrangerLimits
from edge.policy.spending import Spending
from edge.policy.verdict import Fields, RecordDue, Refuse
from edge.sip.grammar import SipParseError
from edge.sip.message import Request
from edge.sip.uri import SipUri, parse_uri
from model.cdr import CallStatus, Disposition
from model.connector import Connector
from model.settings import MeetingBridge, Settings

PHRASES = {
    400: "Bad Request",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    406: "Not Acceptable",
    414: "Request-URI Too Long",
    415: "Unsupported Media Type",
    416: "Unsupported URI Scheme",
    420: "Bad Extension",
    422: "Session Interval Too Small",
    480: "Temporarily Unavailable",
    481: "Call/Transaction Does Not Exist",
    482: "Loop Detected",
    483: "Too Many Hops",
    487: "Request Terminated",
    488: "Not Acceptable Here",
    501: "Not Implemented",
    503: "Service Unavailable",
    505: "Version Not Supported",
    513: "Message Too Large",
}
"""Reason phrases of RFC 3261 §21 for the refusals of EDGE 2.2."""

_NOT_QUOTABLE = re.compile(r"[^ !#-\[\]-~]")
_NOBODY = GivenCaller("", False)


class CallTable(Protocol):
    """What admission asks of the call layer."""

    def is_merged(self, request: Request) -> bool:
        """Tell whether the request came over another path and is pending (EDGE L1)."""

    def has_leg_at(self, host: str) -> bool:
        """Tell whether a call, live or just ended, has a leg at this IP address (EDGE S1)."""

    def active_calls(self) -> int:
        """Return how many calls the node holds, ringing ones included."""

    def active_calls_of(self, connector_id: str) -> int:
        """Return how many of them are a connector's."""

    def loop_turns(self, source: str, from_number: str, to_number: str, now: float) -> int:
        """Return how many calls with these numbers went to this IP address within the loop window
        and are unanswered or live (EDGE L2)."""

    def has_ports(self) -> bool:
        """Tell whether one more call could have its media (EDGE R30)."""

    def draining(self) -> bool:
        """Tell whether new calls are refused (EDGE R31)."""


class Context:
    """What all checks consult: configuration, memory of rates, the rest of the node."""

    __slots__ = (
        "authentication",
        "call_rates",
        "calls",
        "ids",
        "is_configured",
        "limits",
        "overloaded",
        "peer_calls",
        "sent_by",
        "settings",
        "snapshot",
        "source_rates",
        "spending",
        "suites",
        "tls_port",
        "utc_of",
    )

    def __init__(
        self,
        *,
        settings: Settings,
        snapshot: Snapshot,
        calls: CallTable,
        authentication: Authentication,
        ids: Ids,
        sent_by: Address,
        tls_port: int,
        utc_of: Callable[[float], datetime],
    ) -> None:
        self.settings = settings
        self.snapshot = snapshot
        self.calls = calls
        self.authentication = authentication
        self.ids = ids
        self.sent_by = sent_by
        """Address and port that our own Via shows over UDP and TCP."""
        self.tls_port = tls_port
        self.utc_of = utc_of
        """Wall time at a monotonic moment."""
        # Two tables: however many sources there are, no connector's bucket is forgotten for them.
        self.call_rates = CallRates()
        self.source_rates = RateLimiter()
        self.limits = StrangerLimits(settings.admission, ids)
        self.spending = Spending(settings.admission, utc_of)
        self.suites = SdesRules.of(settings.srtp).suites
        """What media may be encrypted with."""
        self.is_configured = False
        """Whether the node has ever read its configuration (EDGE R32)."""
        self.overloaded = False
        """EDGE R30; whoever measures load sets it."""
        self.peer_calls: Mapping[str, int] = {}
        """Calls that other nodes hold, by connector (EDGE R16)."""


class Case:
    """A request and what the checks found out; made per request, thrown away with its verdict."""

    __slots__ = (
        "_caller",
        "_uri",
        "auth_user",
        "bridge",
        "called",
        "callees",
        "connector",
        "context",
        "disposition",
        "flow",
        "from_number",
        "now",
        "offer",
        "on_record",
        "request",
        "sdp",
        "source",
        "to_number",
    )

    def __init__(
        self, request: Request, flow: Flow, now: float, source: Source, context: Context
    ) -> None:
        self.request = request
        self.flow = flow
        self.now = now
        self.source = source
        self.context = context
        self.connector: Connector | None = None
        self.disposition = (
            Disposition.TERMINATION if source.carrier is None else Disposition.ORIGINATION
        )
        self.on_record = False
        """A refusal from here on leaves a detail record (EDGE C7)."""
        self.auth_user: str | None = None
        self.callees: tuple[Connector, ...] = ()
        """Connectors whose PBXs are called, in order."""
        self.called: Connector | None = None
        """The called side of a call from another connector; refusals are on its record, too."""
        self.bridge: MeetingBridge | None = None
        self.from_number = ""
        self.to_number = ""
        self.sdp = b""
        self.offer: RemoteDescription | None = None
        self._uri: SipUri | None = None
        self._caller: GivenCaller | None = None

    @property
    def uri(self) -> SipUri:
        """Return the Request-URI; raises SipParseError."""
        if self._uri is None:
            self._uri = parse_uri(self.request.uri)
        return self._uri

    @property
    def caller(self) -> GivenCaller:
        """Return the caller as given; raises SipParseError."""
        if self._caller is None:
            self._caller = given_caller(self.request)
        return self._caller

    @property
    def stays_on_net(self) -> bool:
        """Tell whether a connector's call goes to no carrier (EDGE 1.4, 1.5)."""
        return self.called is not None or self.bridge is not None

    def refuse(
        self,
        why: Reason,
        hint: str,
        *,
        status: int | None = None,
        text: str | None = None,
        warning: int = 399,
        fields: Fields = (),
        stateless: bool = False,
        silent: bool = False,
    ) -> Refuse:
        """Return a refusal; its text goes into the phrase or a Warning header, record and log.

        `status` and `text` are for reasons that have several; `silent` keeps the reason from the
        wire, for those whom it is none of their business (EDGE R7).
        """
        status = why.status if status is None else status
        text = _NOT_QUOTABLE.sub("", why.text if text is None else text)
        phrase = text if why.in_phrase else PHRASES[status]
        if not (why.in_phrase or silent):
            fields = (*fields, ("Warning", f'{warning} {self._warning_agent()} "{text}"'))
        record = callee_record = None
        if self.on_record and self.connector is not None:
            message = text if why.limited else f"{status} {text}"
            record = self._record(self.connector, why.limited, message)
            if self.called is not None:
                callee_record = _of_callee(record, self.called, self.caller)
        return Refuse(
            status,
            phrase,
            fields,
            stateless,
            self.connector,
            record,
            hint,
            why,
            text,
            callee_record,
        )

    def connector_named(self) -> Connector | None:
        """Return the connector whose host the Request-URI names; raises SipParseError."""
        return self.context.snapshot.hosts.get(self.uri.host)

    def connector_meant(self) -> Connector | None:
        """Return the connector that the Request-URI names; None for one that cannot be read."""
        try:
            return self.connector_named()
        except SipParseError:
            return None

    def _warning_agent(self) -> str:
        """Return the connector's host, never an address (EDGE 2.2)."""
        return self.context.settings.domain if self.connector_meant() is None else self.uri.host

    def _record(self, connector: Connector, limited: bool, message: str) -> RecordDue:
        try:
            caller = self.caller
        except SipParseError:
            caller = _NOBODY
        inbound = self.disposition is Disposition.ORIGINATION
        return RecordDue(
            connector=connector,
            status=CallStatus.RATE_LIMITED if limited else CallStatus.REJECTED,
            status_message=message,
            disposition=self.disposition,
            from_number=self.from_number or (shown_to_pbx(caller) if inbound else caller.user),
            to_number=self.to_number or self.uri.user_text,
            auth_user=self.auth_user,
        )


class AwaitCount(NamedTuple):
    """The call waits until all nodes together have counted it (A10, EDGE R15)."""

    case: Case
    connector_id: str
    limit: int
    """Calls per second."""


def _of_callee(record: RecordDue, called: Connector, caller: GivenCaller) -> RecordDue:
    """Return the record of the called side: no user of its own, a withheld caller stays so (I2)."""
    return record._replace(
        connector=called,
        disposition=Disposition.ORIGINATION,
        from_number=ANONYMOUS if caller.anonymous else record.from_number,
        auth_user=None,
    )
