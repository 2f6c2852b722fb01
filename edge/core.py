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
from edge.load_watch import LoadWatch
from edge.media.session import MediaCommand, MediaReport, MediaSilent, PortsLeased, SessionClosed
from edge.policy.admission import Admission
from edge.policy.case import AwaitCount, Case
from edge.policy.rate import RateLimiter
from edge.policy.verdict import (
    AdmitCall,
    AnswerOptions,
    Challenge,
    Refuse,
    Silence,
    Verdict,
)
from edge.records import LogFields, Records, call_ended, call_started
from edge.report import node_report
from edge.seam import (
    CommandMedia,
    ConfigChanged,
    ConfigLoaded,
    Counted,
    Drain,
    ForgetCall,
    HangUp,
    Input,
    JournalCall,
    LoadMeasured,
    Log,
    MediaLost,
    MediaReported,
    NodeReport,
    Output,
    PeersSeen,
    Received,
    Resolved,
    Send,
    Tick,
    Unreachable,
    WriteRecord,
)
from edge.sip.endpoint import Endpoint
from edge.sip.exchange import ServerTransaction
from edge.sip.message import MalformedRequest, Request
from edge.sip.timers import Timers
from edge.waiting import WaitingRoom
from model.cdr import CallDetailRecord, filtered_number
from model.settings import Settings

PRODUCT = "Open-Voice-Connector"

LINES_AT_ONCE = 20.0
"""Log lines about refused sources before they come one a second: source addresses are free to
invent, log storage is not (EDGE S5)."""


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
        self._waiting = WaitingRoom(
            endpoint=self._endpoint,
            timers=self._timers,
            rates=self._admission.rates,
            ask=self._outputs.append,
            conclusion=self,
        )
        self._records = Records(settings, clock)
        self._refusals = RateLimiter()
        self._source_lines = RateLimiter()
        self._refused_lines = RateLimiter()
        self._suppressed_records = 0
        self._load = LoadWatch(settings.admission)
        self._limits_calls = settings.admission.concurrent_calls_per_connector is not None

    def handle(self, happened: Input, now: float) -> None:
        """Take one input at the monotonic time `now`."""
        match happened:
            case Received(data, flow):
                if self._load.is_dropping and self._load.drops(data, flow):
                    return
                if self._admission.may_spend(data, flow, now):
                    self._endpoint.receive(data, flow, now)
            case Tick():
                pass
            case MediaReported(worker, report):
                self._media_reported(worker, report, now)
            case Unreachable(remote):
                self._endpoint.unreachable(remote, now)
            case ConfigLoaded(snapshot):
                self._use(snapshot)
            case ConfigChanged(change):
                self._use(change.made_to(self._snapshot, self._settings.domain))
            case Resolved(addresses):
                self._calls.addresses = addresses
            case Counted():
                self._waiting.counted(happened, now)
            case PeersSeen(peers, calls):
                if peers != self._admission.rates.peers:
                    self._outputs.append(Log("peers", {"taking_calls": peers}))
                self._admission.peers_seen(peers, calls)
            case LoadMeasured():
                self._load_measured(happened, now)
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
        return node_report(self._calls, self._clock, now, by_connector=self._limits_calls)

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

    def on_malformed(self, error: MalformedRequest, flow: Flow, now: float) -> None:
        """Answer or drop what cannot be processed."""
        verdict = self._admission.malformed(error, flow, now)
        if error.request is not None and isinstance(verdict, Refuse):
            request = error.request
            if request.method != "ACK":
                self._endpoint.respond_statelessly(
                    request, flow, verdict.status, verdict.reason, verdict.fields
                )
            self._source_refused(flow, verdict.hint, now)

    # CallWatcher, for the calls

    def on_call_started(self, call: Call, now: float) -> None:
        """Show the call."""
        self._outputs.append(Log("call-started", call_started(call)))

    def on_call_answered(self, call: Call, now: float) -> None:
        """Note the call."""
        self._outputs.append(JournalCall(self._records.of_answer(call)))

    def on_call_ended(self, call: Call, now: float) -> None:
        """Write the record and show the end."""
        self._write(self._records.of_call(call))
        if self._snapshot.cdr_bucket is None and call.answered_at is not None:
            self._outputs.append(ForgetCall(call.transaction_id))
        self._outputs.append(Log("call-ended", call_ended(call)))

    # Conclusion, for the calls that waited for their count

    def on_counted(
        self, case: Case, transaction: ServerTransaction, admitted: bool, now: float
    ) -> None:
        """Go on with a call, or refuse it."""
        verdict = self._admission.counted(case, admitted, now)
        self._carry_out(verdict, case.request, case.flow, now, transaction)

    def on_given_up(self, case: Case, transaction: ServerTransaction, now: float) -> None:
        """Answer the INVITE of a caller who did not wait (EDGE E1)."""
        verdict = case.refuse(487, "the caller hung up at once", reason="Request Terminated")
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
            case AwaitCount():
                self._waiting.take(verdict, request, flow, now)
            case Silence(hint):
                self._source_refused(flow, hint, now)
            case Refuse():
                self._refuse(verdict, request, flow, now, transaction)
            case Challenge(status, reason, fields, _):
                self._respond(request, flow, status, reason, fields, now)
            case AnswerOptions(fields, _):
                self._respond(request, flow, 200, "OK", fields, now)
            case _:
                assert_never(verdict)

    def _refuse(
        self,
        verdict: Refuse,
        request: Request,
        flow: Flow,
        now: float,
        transaction: ServerTransaction | None = None,
    ) -> None:
        if verdict.stateless and transaction is None:
            self._endpoint.respond_statelessly(
                request, flow, verdict.status, verdict.reason, verdict.fields
            )
            self._source_refused(flow, verdict.hint, now)
            return
        self._respond(
            request, flow, verdict.status, verdict.reason, verdict.fields, now, transaction
        )
        due = verdict.record
        if due is not None:
            connector_id = due.connector.connector_id
            rate = float(self._settings.admission.rejected_records_per_second)
            if self._refusals.take(connector_id, rate, rate, now):
                transaction_id = self._ids.transaction_id()
                self._write(self._records.of_refusal(due, request, transaction_id, now))
            else:
                self._record_suppressed(connector_id, now)
        self._call_refused(verdict, flow, now)

    def _record_suppressed(self, connector_id: str, now: float) -> None:
        """Count a record that a flood costs (EDGE C8); say so at most once in ten seconds."""
        self._suppressed_records += 1
        if self._source_lines.take(f"record {connector_id}", 0.1, 1.0, now):
            total = self._suppressed_records
            fields: LogFields = {"connector_id": connector_id, "total": total}
            self._outputs.append(Log("records-suppressed", fields))

    def _respond(
        self,
        request: Request,
        flow: Flow,
        status: int,
        reason: str,
        fields: tuple[tuple[str, str], ...],
        now: float,
        transaction: ServerTransaction | None = None,
    ) -> None:
        if request.method != "INVITE":
            self._endpoint.respond_statelessly(request, flow, status, reason, fields)
            return
        if transaction is None:
            transaction = self._endpoint.serve(request, flow)
        self._endpoint.respond(transaction, status, reason, now, fields=fields)

    def _call_refused(self, verdict: Refuse, flow: Flow, now: float) -> None:
        due, connector = verdict.record, verdict.connector
        if not self._source_lines.take(f"{flow.remote[0]} {verdict.status}", 0.1, 1.0, now):
            return
        fields: LogFields = {
            "connector_id": None if connector is None else connector.connector_id,
            "source": f"{flow.remote[0]}:{flow.remote[1]}",
            "status": verdict.status,
            "reason": verdict.reason,
            "hint": verdict.hint,
            "from_number": None if due is None else filtered_number(due.from_number),
            "to_number": None if due is None else filtered_number(due.to_number),
        }
        self._outputs.append(Log("call-refused", fields))

    def _source_refused(self, flow: Flow, hint: str, now: float) -> None:
        """Show an unwelcome source, at most once in ten seconds; of a flood only some (S5)."""
        fresh = self._source_lines.take(flow.remote[0], 0.1, 1.0, now)
        if fresh and self._refused_lines.take("node", 1.0, LINES_AT_ONCE, now):
            source = f"{flow.remote[0]}:{flow.remote[1]}"
            self._outputs.append(Log("source-refused", {"source": source, "hint": hint}))

    def _load_measured(self, measured: LoadMeasured, now: float) -> None:
        line = self._load.take(measured, self._pool.free_share, now)
        self._admission.overloaded = self._load.is_overloaded
        if line is not None:
            self._outputs.append(line)

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
        """Tell whether an address is a connector's (by id) or a carrier's (EDGE S10)."""
        snapshot = self._snapshot
        if not connector_id:
            return snapshot.is_carrier(address)
        if connector_id in snapshot.sources.labels(address):
            return True
        return any(
            # A name is nobody's address: a Contact may show one (EDGE S12).
            address in ((host,) if is_address(host) else self._calls.addresses.get(host, ()))
            for host in snapshot.route_hosts(connector_id)
        )

    def _use(self, snapshot: Snapshot) -> None:
        self._snapshot = self._calls.snapshot = snapshot
        self._admission.snapshot = snapshot

    def _write(self, record: CallDetailRecord) -> None:
        bucket = self._snapshot.cdr_bucket
        if bucket is not None:
            self._outputs.append(WriteRecord(bucket, record))

    def _send(self, data: bytes, flow: Flow) -> None:
        self._outputs.append(Send(data, flow))

    def _command_media(self, worker: int, command: MediaCommand) -> None:
        self._outputs.append(CommandMedia(worker, command))
