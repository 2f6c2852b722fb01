"""What becomes of requests that belong to no dialog: admission decides, this carries it out."""

from collections.abc import Callable
from typing import assert_never

from edge.call.b2bua import B2bua
from edge.clock import Clock
from edge.flow import Flow
from edge.policy.admission import Admission
from edge.policy.case import AwaitCount, Case
from edge.policy.rate import RateLimiter
from edge.policy.reasons import Reason
from edge.policy.verdict import AdmitCall, AnswerOptions, Challenge, Refuse, Silence, Verdict
from edge.records import new_destination
from edge.refusals import Refusals
from edge.seam import CloseFlow, Log, NoteHealth, Output
from edge.sip.endpoint import Endpoint
from edge.sip.exchange import Fields, ServerTransaction
from edge.sip.grammar import SipParseError
from edge.sip.message import MalformedRequest, Request, parse_message
from edge.sip.timers import Timers
from edge.sip_log import SipLog
from edge.waiting import WaitingRoom

HEALTH_EVERY_S = 10.0
"""A connector's health is noted at most so often, however many of its hosts ping (EDGE F11)."""
BAN_S = 60.0
"""How long a stranger may open no stream after its third bad request (EDGE S2)."""


class Reception:
    """The door of one node."""

    def __init__(
        self,
        *,
        admission: Admission,
        calls: B2bua,
        endpoint: Endpoint,
        timers: Timers,
        refusals: Refusals,
        sip_log: SipLog,
        clock: Clock,
        put_out: Callable[[Output], None],
    ) -> None:
        """`put_out` takes what is to be done outside."""
        self._admission = admission
        self._calls = calls
        self._endpoint = endpoint
        self._refusals = refusals
        self._sip_log = sip_log
        self._clock = clock
        self._put_out = put_out
        self._pings = RateLimiter()
        self.waiting = WaitingRoom(
            endpoint=endpoint,
            timers=timers,
            rates=admission.rates,
            ask=put_out,
            conclusion=self,
        )
        """Calls that wait for the count of all nodes (A10)."""

    def take(self, request: Request, flow: Flow, now: float) -> None:
        """Take a request that belongs to no transaction and no dialog."""
        if request.method != "ACK":
            self._carry_out(self._admission.judge(request, flow, now), request, flow, now)
        elif not self._admission.is_known(flow):
            self._refusals.count(Reason.STRAY, flow, now)

    def take_malformed(self, error: MalformedRequest, flow: Flow, now: float) -> None:
        """Answer or drop what cannot be processed."""
        verdict = self._admission.malformed(error, flow, now)
        if isinstance(verdict, Silence):
            known = self._admission.is_known(flow)
            self._refusals.unread(verdict, flow, now, is_known=known)
        elif error.request is not None:
            self._endpoint.respond_statelessly(
                error.request, flow, verdict.status, verdict.reason, verdict.fields
            )
            self._refusals.refused(verdict, error.request, flow, now)
            self._sip_log.met(verdict.connector, error.request, flow, now)
        self._judge_stream(flow, now)

    def turn_away(self, data: bytes, flow: Flow, now: float) -> None:
        """Leave unread what a stranger sends over its rate; on a stream it gets 503 (EDGE S3)."""
        if not flow.connection:
            self._refusals.count(Reason.STRANGER_RATE, flow, now)
            return
        try:
            message = parse_message(data, flow.transport)
        except (MalformedRequest, SipParseError):
            message = None
        if isinstance(message, Request) and message.method != "ACK":
            self._endpoint.respond_statelessly(message, flow, 503, "Service Unavailable")
        self._put_out(CloseFlow(flow))

    # Conclusion, for the calls that waited for their count

    def on_counted(
        self, case: Case, transaction: ServerTransaction, admitted: bool, now: float
    ) -> None:
        """Go on with a call, or refuse it."""
        verdict = self._admission.counted(case, admitted, now)
        self._carry_out(verdict, case.request, case.flow, now, transaction)

    def on_given_up(self, case: Case, transaction: ServerTransaction, now: float) -> None:
        """Answer the INVITE of a caller who did not wait (EDGE E1)."""
        verdict = case.refuse(Reason.CANCELLED, "the caller hung up at once")
        self._refuse(verdict, case.request, case.flow, now, transaction)

    def _carry_out(
        self,
        verdict: Verdict | AwaitCount,
        request: Request,
        flow: Flow,
        now: float,
        transaction: ServerTransaction | None = None,
    ) -> None:
        match verdict:
            case AdmitCall():
                self._calls.invite(verdict, request, flow, now, transaction)
                if verdict.new_region is not None:
                    self._put_out(Log("new-destination", new_destination(verdict)))
            case AwaitCount(case):
                self.waiting.take(verdict, request, flow, now)
                self._sip_log.met(case.connector, request, flow, now)
            case Silence(why, hint):
                self._refusals.ignored(why, hint, request, flow, now)
                self._judge_stream(flow, now)
            case Refuse():
                self._refuse(verdict, request, flow, now, transaction)
            case Challenge():
                self._respond(request, flow, verdict.status, verdict.reason, verdict.fields, now)
                self._refusals.challenged(verdict, request, flow, now)
                self._sip_log.met(verdict.connector, request, flow, now)
            case AnswerOptions(fields, connector):
                self._respond(request, flow, 200, "OK", fields, now)
                if connector is not None:
                    self._sip_log.met(connector, request, flow, now)
                    self._pinged(connector.connector_id, flow, now)
            case _:
                assert_never(verdict)

    def _pinged(self, connector_id: str, flow: Flow, now: float) -> None:
        """Note a connector's health, at most once in ten seconds (EDGE F11)."""
        if self._pings.take(connector_id, 1.0 / HEALTH_EVERY_S, 1.0, now):
            at = self._clock.utc_at(now)
            self._put_out(NoteHealth(connector_id, flow.remote[0], at))

    def _refuse(
        self,
        verdict: Refuse,
        request: Request,
        flow: Flow,
        now: float,
        transaction: ServerTransaction | None = None,
    ) -> None:
        status, reason, fields = verdict.status, verdict.reason, verdict.fields
        if verdict.stateless and transaction is None:
            self._endpoint.respond_statelessly(request, flow, status, reason, fields)
        else:
            self._respond(request, flow, status, reason, fields, now, transaction)
        if self._admission.is_known(flow):
            self._refusals.refused(verdict, request, flow, now)
            self._sip_log.met(verdict.connector, request, flow, now)
        else:
            self._refusals.ignored(verdict.why, verdict.hint, request, flow, now)
            self._judge_stream(flow, now)

    def _respond(
        self,
        request: Request,
        flow: Flow,
        status: int,
        reason: str,
        fields: Fields,
        now: float,
        transaction: ServerTransaction | None = None,
    ) -> None:
        if request.method != "INVITE":
            self._endpoint.respond_statelessly(request, flow, status, reason, fields)
            return
        if transaction is None:
            transaction = self._endpoint.serve(request, flow)
        self._endpoint.respond(transaction, status, reason, now, fields=fields)

    def _judge_stream(self, flow: Flow, now: float) -> None:
        """Close a stranger's stream on which nothing of use comes (EDGE S2)."""
        if flow.connection and not self._admission.is_tolerable(flow, now):
            self._put_out(CloseFlow(flow, BAN_S))
