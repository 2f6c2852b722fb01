"""The Core: joins the parts of the edge and decides nothing itself.

handle(input, now) takes what happened, poll() returns what is to be done, deadline() says when the
next Tick is due. There is no clock, socket or thread below this line; a test drives it with a
simulated clock exactly as the runtime does with a real one.
"""

from collections import deque
from typing import assert_never

from edge.call.b2bua import B2bua
from edge.call.call import Call
from edge.call.leg import Stack
from edge.call.media_pool import MediaPool
from edge.call.outcome import shutdown
from edge.clock import Clock
from edge.config import Snapshot, is_address
from edge.flow import Address, Flow
from edge.ids import Ids
from edge.media.session import MediaCommand, MediaReport, MediaSilent, PortsLeased, SessionClosed
from edge.media.targets import is_never_contacted
from edge.policy.admission import Admission
from edge.policy.reasons import Reason
from edge.policy.verdict import (
    AdmitCall,
    AnswerOptions,
    Challenge,
    Refuse,
    Silence,
    Verdict,
)
from edge.records import LogFields, Records, call_attempt, call_ended, call_started, new_destination
from edge.refusals import Refusals
from edge.routing.failover import Failure
from edge.seam import (
    CommandMedia,
    ConfigLoaded,
    Drain,
    ForgetCall,
    HangUp,
    Input,
    JournalCall,
    Log,
    MediaLost,
    MediaReported,
    NodeReport,
    Output,
    Received,
    Resolved,
    Send,
    Tick,
    Unreachable,
    WriteRecord,
)
from edge.sip.endpoint import Endpoint
from edge.sip.message import MalformedRequest, Request
from edge.sip.timers import Timers
from model.cdr import CallDetailRecord, Disposition
from model.node import CarrierState
from model.settings import Settings

PRODUCT = "Open-Voice-Connector"


class Core:
    """One node's decisions."""

    def __init__(
        self,
        *,
        settings: Settings,
        ids: Ids,
        clock: Clock,
        sip_address: Address,
        media_address: str,
        nonce_secret: bytes,
        workers: int,
    ) -> None:
        """Build a node.

        `sip_address` is what Via and Contact say, `media_address` what SDP says; `nonce_secret` is
        shared by all nodes of a deployment (EDGE G3); `workers` is the number of media workers.
        """
        self._settings = settings
        self._ids = ids
        self._clock = clock
        self._outputs: deque[Output] = deque()
        self._timers = Timers()
        self._endpoint = Endpoint(
            timers=self._timers, ids=ids, send=self._send, user=self, sent_by=sip_address
        )
        stack = Stack(
            endpoint=self._endpoint,
            timers=self._timers,
            ids=ids,
            address=sip_address,
            product=PRODUCT,
        )
        self._stack = stack
        self._pool = MediaPool(workers, self._command_media)
        self._calls = B2bua(
            stack=stack,
            settings=settings,
            pool=self._pool,
            media_address=media_address,
            watcher=self,
            owns=self._owns,
        )
        self._snapshot = Snapshot()
        self._admission = Admission(
            settings=settings,
            snapshot=self._snapshot,
            calls=self._calls,
            ids=ids,
            sent_by=sip_address,
            utc_of=clock.utc_at,
            master_secret=nonce_secret,
            node=f"{sip_address[0]}:{sip_address[1]}",
        )
        self._records = Records(settings, clock)
        self._refusals = Refusals(
            settings=settings.admission,
            ids=ids,
            timers=self._timers,
            records=self._records,
            write=self._write,
            log=self._log,
        )

    def handle(self, happened: Input, now: float) -> None:
        """Take one input at the monotonic time `now`."""
        match happened:
            case Received(data, flow):
                if self._admission.may_spend(data, flow, now):
                    self._endpoint.receive(data, flow, now)
                else:
                    self._refusals.count(Reason.STRANGER_RATE, flow, now)
            case Tick():
                pass
            case MediaReported(worker, report):
                self._media_reported(worker, report, now)
            case Unreachable(remote):
                self._endpoint.unreachable(remote, now)
            case ConfigLoaded(snapshot):
                self._snapshot = self._calls.snapshot = snapshot
                self._admission.snapshot = snapshot
            case Resolved(addresses):
                self._calls.addresses = addresses
            case MediaLost(worker):
                self._calls.media_lost(worker, now)
            case Drain():
                self._calls.is_draining = True
            case HangUp(status_message):
                self._calls.hang_up_all(shutdown(status_message), now)
            case _:
                assert_never(happened)
        self._timers.fire(now)

    def poll(self) -> Output | None:
        """Return the next output, None when there is none."""
        return self._outputs.popleft() if self._outputs else None

    def deadline(self) -> float | None:
        """Return the monotonic time at which a Tick is due, None when nothing waits."""
        return self._timers.deadline()

    @property
    def active_calls(self) -> int:
        """Return how many calls there are."""
        return self._calls.active_calls()

    def report(self, now: float) -> NodeReport:
        """Return what the node says of itself at the monotonic time `now`."""
        return NodeReport(
            active_calls=self._calls.active_calls(),
            draining=self._calls.is_draining,
            carriers=tuple(
                CarrierState(
                    name=carrier.name,
                    host=carrier.host,
                    port=carrier.port,
                    priority=carrier.priority,
                    weight=carrier.weight,
                    out_until=None if until is None else self._clock.utc_at(until),
                )
                for carrier, until in self._calls.carrier_outages(now)
            ),
        )

    @property
    def pending(self) -> dict[str, int]:
        """Return what is held, by kind: all zero but `free_ports` when the node is idle."""
        return {
            "calls": self._calls.active_calls(),
            "dialogs": len(self._stack.dialogs),
            "transactions": self._endpoint.pending(),
            "timers": len(self._timers),
            "free_ports": self._pool.free,
        }

    # TransactionUser, for the endpoint

    def on_request(self, request: Request, flow: Flow, now: float) -> None:
        """Give a request to its dialog, or ask admission what to do with it."""
        if request.to.tag is not None and request.method != "CANCEL":
            leg = self._stack.leg_of(request, flow)
            if leg is not None:
                leg.on_request(request, flow, now)
                return
        if request.method != "ACK":
            self._carry_out(self._admission.judge(request, flow, now), request, flow, now)
        elif not self._admission.is_known(flow):
            self._refusals.count(Reason.STRAY, flow, now)

    def on_malformed(self, error: MalformedRequest, flow: Flow, now: float) -> None:
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

    # CallWatcher, for the calls

    def on_call_started(self, call: Call, now: float) -> None:
        """Show the call."""
        self._log("call-started", call_started(call))

    def on_attempt_over(self, call: Call, ending: int | Failure, now: float) -> None:
        """Show that a target has failed."""
        self._log("call-attempt", call_attempt(call, ending))

    def on_call_answered(self, call: Call, now: float) -> None:
        """Note the call."""
        self._outputs.append(JournalCall(self._records.of_answer(call)))
        if call.admitted.disposition is Disposition.TERMINATION:
            self._admission.spending.answered(call.admitted.connector.connector_id, now)

    def on_call_ended(self, call: Call, now: float) -> None:
        """Write the record and show the end."""
        self._write(self._records.of_call(call))
        connector_id, answered_at = call.admitted.connector.connector_id, call.answered_at
        if answered_at is not None and call.admitted.disposition is Disposition.TERMINATION:
            self._admission.spending.ended(connector_id, answered_at, now)
        if self._snapshot.cdr_bucket is None and answered_at is not None:
            self._outputs.append(ForgetCall(call.transaction_id))
        self._log("call-ended", call_ended(call))

    def _carry_out(self, verdict: Verdict, request: Request, flow: Flow, now: float) -> None:
        match verdict:
            case AdmitCall():
                self._calls.invite(verdict, request, flow, now)
                if verdict.new_region is not None:
                    self._log("new-destination", new_destination(verdict))
            case Silence(why, hint):
                self._refusals.ignored(why, hint, request, flow, now)
            case Refuse():
                self._refuse(verdict, request, flow, now)
            case Challenge():
                self._respond(request, flow, verdict.status, verdict.reason, verdict.fields, now)
                self._refusals.challenged(verdict, request, flow, now)
            case AnswerOptions(fields, _):
                self._respond(request, flow, 200, "OK", fields, now)
            case _:
                assert_never(verdict)

    def _refuse(self, verdict: Refuse, request: Request, flow: Flow, now: float) -> None:
        if not verdict.stateless:
            self._respond(request, flow, verdict.status, verdict.reason, verdict.fields, now)
        else:
            self._endpoint.respond_statelessly(
                request, flow, verdict.status, verdict.reason, verdict.fields
            )
        if self._admission.is_known(flow):
            self._refusals.refused(verdict, request, flow, now)
        else:
            self._refusals.ignored(verdict.why, verdict.hint, request, flow, now)

    def _respond(
        self,
        request: Request,
        flow: Flow,
        status: int,
        reason: str,
        fields: tuple[tuple[str, str], ...],
        now: float,
    ) -> None:
        if request.method != "INVITE":
            self._endpoint.respond_statelessly(request, flow, status, reason, fields)
            return
        transaction = self._endpoint.serve(request, flow)
        self._endpoint.respond(transaction, status, reason, now, fields=fields)

    def _media_reported(self, worker: int, report: MediaReport, now: float) -> None:
        match report:
            case PortsLeased(ports):
                self._pool.lease(worker, ports)
            case MediaSilent(session, last_packet_at):
                call = self._calls.call_of(worker, session)
                if call is not None:
                    call.media_silent(last_packet_at, now)
            case SessionClosed():
                pass
            case _:
                assert_never(report)

    def _owns(self, connector_id: str, address: str) -> bool:
        """Tell whether an address is a connector's (by id) or a carrier's (EDGE S10, S12)."""
        snapshot = self._snapshot
        if is_never_contacted(address):
            return False
        if not connector_id:
            return snapshot.is_carrier(address)
        if connector_id in snapshot.sources.labels(address):
            return True
        return any(
            # A name is nobody's address: a Contact may show one (EDGE S12).
            address in ((host,) if is_address(host) else self._calls.addresses.get(host, ()))
            for host in snapshot.route_hosts(connector_id)
        )

    def _write(self, record: CallDetailRecord) -> None:
        bucket = self._snapshot.cdr_bucket
        if bucket is not None:
            self._outputs.append(WriteRecord(bucket, record))

    def _log(self, event: str, fields: LogFields) -> None:
        self._outputs.append(Log(event, fields))

    def _send(self, data: bytes, flow: Flow) -> None:
        self._outputs.append(Send(data, flow))

    def _command_media(self, worker: int, command: MediaCommand) -> None:
        self._outputs.append(CommandMedia(worker, command))
