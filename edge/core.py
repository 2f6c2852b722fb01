"""The Core: joins the parts of the edge and decides nothing itself.

handle(input, now) takes what happened, poll() returns what is to be done, deadline() says when the
next Tick is due. There is no clock, socket or thread below this line; a test drives it with a
simulated clock exactly as the runtime does with a real one.
"""

from collections import deque
from collections.abc import Mapping
from types import MappingProxyType
from typing import assert_never

from edge.call.b2bua import B2bua
from edge.call.call import Call
from edge.call.leg import Stack
from edge.call.media_pool import MediaPool
from edge.call.outcome import shutdown
from edge.clock import Clock
from edge.config import Snapshot
from edge.config_change import ConfigChange
from edge.directory import Directory
from edge.flow import Address, Flow
from edge.ids import Ids
from edge.load_watch import LoadWatch
from edge.media.session import MediaCommand, MediaReport, MediaSilent, PortsLeased
from edge.media.targets import is_never_contacted
from edge.meter import Figures, Meter, calls_held
from edge.observers import Observers
from edge.policy.admission import Admission
from edge.reception import Reception
from edge.records import LogFields, Records
from edge.refusals import Refusals
from edge.routing.credentials import credentials_of
from edge.routing.failover import Failure
from edge.routing.peers import Peers, owns
from edge.routing.surroundings import Surroundings
from edge.seam import (
    CallJournalled,
    CloseFlow,
    CommandMedia,
    ConfigChanged,
    ConfigLoaded,
    Counted,
    CredentialsChanged,
    Drain,
    EndRecording,
    FlowClosed,
    FlowIdle,
    ForgetCall,
    HangUp,
    Input,
    JournalCall,
    LoadMeasured,
    Log,
    MediaCongested,
    MediaLost,
    MediaReported,
    NodeReport,
    Output,
    PeersSeen,
    Received,
    RecordCall,
    Resolved,
    Resume,
    Send,
    Tick,
    Unreachable,
    WriteRecord,
)
from edge.sip.endpoint import Endpoint
from edge.sip.message import MalformedRequest, Request
from edge.sip.timers import Timers
from model.cdr import CallDetailRecord
from model.settings import Settings, UdpLarge

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
        tls_port: int = 5061,
        carrier_passwords: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """Build a node.

        `sip_address` is what Via and Contact say, over TLS with `tls_port` (EDGE B3),
        `media_address` what SDP says; `nonce_secret` is shared by all nodes of a deployment (EDGE
        G3); `workers` counts media workers; `carrier_passwords` are by carriers' names.
        """
        self._settings = settings
        self._ids = ids
        self._clock = clock
        self._outputs: deque[Output] = deque()
        self._timers = Timers()
        self._endpoint = Endpoint(
            timers=self._timers,
            ids=ids,
            send=self._send,
            user=self,
            large_by_tcp=settings.routing.udp_large is UdpLarge.AUTO,
        )
        stack = Stack(
            endpoint=self._endpoint,
            timers=self._timers,
            ids=ids,
            address=sip_address,
            product=PRODUCT,
            tls_port=tls_port,
        )
        self._stack = stack
        self._pool = MediaPool(workers, self._command_media)
        self._credentials = credentials_of(settings.carriers, carrier_passwords)
        self._calls = B2bua(
            stack=stack,
            settings=settings,
            pool=self._pool,
            media_address=media_address,
            watcher=self,
            owns=self._owns,
            credentials=self._credentials,
        )
        self._peers = Peers(
            settings,
            self._credentials,
            Surroundings(self._endpoint, self._timers, ids, PRODUCT, stack.local, stack.flow_to),
            health=self._calls.health,
            is_carrier=lambda address: self._snapshot.is_carrier(address),
            tell=self._registration_changed,
        )
        self._snapshot = Snapshot.build(settings, (), (), None)
        self._admission = Admission(
            settings=settings,
            snapshot=self._snapshot,
            calls=self._calls,
            ids=ids,
            sent_by=sip_address,
            utc_of=clock.utc_at,
            master_secret=nonce_secret,
            node=f"{sip_address[0]}:{sip_address[1]}",
            tls_port=tls_port,
        )
        self._records = Records(settings, clock)
        self._meter = Meter(settings.logs)
        self._observers = Observers(
            settings,
            meter=self._meter,
            records=self._records,
            clock=clock,
            timers=self._timers,
            calls=self._calls,
            pool=self._pool,
            media_address=media_address,
            owns=self._owns,
            put_out=self._outputs.append,
        )
        self._recordings, self._sip_log = self._observers.recordings, self._observers.sip_log
        self._quality = self._observers.quality
        self._calls.snapshot = self._quality.snapshot = self._snapshot
        self._reception = Reception(
            admission=self._admission,
            calls=self._calls,
            endpoint=self._endpoint,
            timers=self._timers,
            refusals=Refusals(
                settings=settings.admission,
                ids=ids,
                timers=self._timers,
                records=self._records,
                meter=self._meter,
                write=self._write,
                log=self._log,
            ),
            sip_log=self._sip_log,
            clock=clock,
            put_out=self._outputs.append,
        )
        self._now = 0.0
        """Of the input that is being handled."""
        self._load = LoadWatch(settings.admission)
        self._limits_calls = settings.admission.concurrent_calls_per_connector is not None

    def handle(self, happened: Input, now: float) -> None:
        """Take one input at the monotonic time `now`."""
        self._now = now
        match happened:
            case Received(data, flow, broken):
                if self._recordings.is_on:
                    self._recordings.received(data, flow, now)
                if self._sip_log.is_on:
                    self._sip_log.received(data, flow, now)
                if self._load.is_dropping and self._load.drops(data, flow):
                    self._meter.dropped("overload")
                    return
                if self._admission.may_spend(data, flow, now):
                    self._endpoint.receive(data, flow, now)
                else:
                    self._reception.turn_away(data, flow, now)
                if broken:
                    self._outputs.append(CloseFlow(flow))
            case Tick():
                pass
            case MediaReported(worker, report):
                self._media_reported(worker, report, now)
            case Unreachable(remote, transport):
                self._endpoint.unreachable(remote, transport, now)
            case FlowClosed(flow):
                self._endpoint.flow_closed(flow, now)
            case FlowIdle(flow):
                if not self._stack.uses(flow.connection):
                    self._outputs.append(CloseFlow(flow))
            case ConfigLoaded(existing):
                self._change(existing.without_others(self._snapshot), now)
                self._admission.is_configured = True
                self._peers.reach(self._snapshot, self._calls.directory, now)
            case ConfigChanged(change):
                self._change(change.news_for(self._snapshot), now)
            case Resolved(addresses, services):
                self._calls.directory = Directory(addresses, services)
                self._peers.reach(self._snapshot, self._calls.directory, now)
            case Counted():
                self._reception.waiting.counted(happened, now)
            case PeersSeen(peers, calls):
                if peers != self._admission.rates.peers:
                    self._outputs.append(Log("peers", {"taking_calls": peers}))
                self._admission.peers_seen(peers, calls)
            case CredentialsChanged(carrier, credentials):
                self._credentials[carrier] = credentials
            case RecordCall(order):
                self._recordings.take(order, self._snapshot.cdr_bucket, now)
            case EndRecording(transaction_id):
                self._recordings.end(transaction_id, now)
            case CallJournalled(transaction_id):
                self._calls.journalled(transaction_id, now)
            case LoadMeasured():
                self._load_measured(happened, now)
            case MediaLost(worker):
                self._calls.media_lost(worker, now)
                self._quality.worker_lost(worker, now)
            case MediaCongested(worker, is_behind):
                self._pool.congested(worker, is_behind=is_behind)
            case Drain():
                self._calls.is_draining = True
                self._peers.leave(now)
            case Resume():
                self._calls.is_draining = False
                self._peers.come_back(self._calls.directory, now)
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

    def knows(self, remote: Address) -> bool:
        """Tell whether a carrier, a listed PBX or the far end of a call is there (EDGE S9)."""
        return self._admission.knows(remote)

    def report(self, now: float) -> NodeReport:
        """Return what the node says of itself at the monotonic time `now`."""
        return NodeReport(
            renewed_at=self._clock.utc_at(now),
            active_calls=self._calls.active_calls(),
            draining=self._calls.is_draining,
            carriers=self._peers.carrier_states(self._calls.directory, self._clock, now),
            connector_calls=self._calls.calls_by_connector() if self._limits_calls else {},
            longest_recording_s=self._recordings.longest_s,
        )

    def minute(self) -> list[Figures]:
        """Return what was counted since the last time this was asked (EDGE X1, X7)."""
        held = calls_held(self._calls.active_calls(), is_draining=self._calls.is_draining)
        return self._meter.minute({"PortsFree": self._pool.free, **held})

    @property
    def pending(self) -> dict[str, int]:
        """Return what is held, by kind, calls whose quality is not known yet included: all zero
        but `free_ports` when the node is idle."""
        return {
            "calls": self._calls.active_calls() + self._quality.waiting,
            "dialogs": len(self._stack.dialogs),
            "transactions": self._endpoint.pending(),
            "timers": len(self._timers),
            "recordings": len(self._recordings),
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
        self._reception.take(request, flow, now)

    def on_malformed(self, error: MalformedRequest, flow: Flow, now: float) -> None:
        """Answer or drop what cannot be processed."""
        self._reception.take_malformed(error, flow, now)

    # CallWatcher, for the calls

    def on_call_started(self, call: Call, now: float) -> None:
        """Show the call."""
        self._observers.call_started(call)

    def on_attempt(self, call: Call, now: float) -> None:
        """Show whom the call goes to."""
        self._observers.attempted(call)

    def on_attempt_over(self, call: Call, ending: int | Failure, now: float) -> None:
        """Show that a target has failed."""
        self._observers.attempt_over(call, ending)

    def on_call_answered(self, call: Call, now: float) -> None:
        """Note the call."""
        self._outputs += [JournalCall(self._records.of_answer(call, it)) for it in call.parties]

    def on_call_not_journalled(self, transaction_ids: list[str]) -> None:
        """Raise an alarm."""
        self._observers.not_journalled(transaction_ids)

    def on_call_connected(self, call: Call, now: float) -> None:
        """Begin to count what the call costs."""
        self._observers.call_answered(call)
        if call.admitted.costs_money:
            self._admission.spending.answered(call.admitted.connector.connector_id, now)

    def on_call_ended(self, call: Call, now: float) -> None:
        """Write the record of each customer and show the end."""
        admitted, connected_at, ended_at = call.admitted, call.connected_at, call.ended_at
        assert ended_at is not None
        self._observers.call_ended(call, now)
        if connected_at is not None and admitted.costs_money:
            self._admission.spending.ended(admitted.connector.connector_id, connected_at, ended_at)
        bucket = self._snapshot.cdr_bucket
        records = [self._records.of_call(call, party) for party in call.parties]
        for party, record in zip(call.parties, records, strict=True):
            self._write(record, is_journalled=call.is_journalled)
            if bucket is None and call.is_journalled:
                self._outputs.append(ForgetCall(party.transaction_id))
        self._quality.ended(call, records, bucket, now)

    def _change(self, change: ConfigChange, now: float) -> None:
        if not change.differs_from(self._snapshot):
            return
        self._observers.configured(change.connectors)
        snapshot = change.made_to(self._snapshot, self._settings.domain)
        self._snapshot = self._calls.snapshot = self._quality.snapshot = snapshot
        self._admission.snapshot = snapshot
        if self._admission.is_configured:
            self._peers.reach(snapshot, self._calls.directory, now)

    def _load_measured(self, measured: LoadMeasured, now: float) -> None:
        self._meter.longest_lag_s = max(self._meter.longest_lag_s, measured.lag_s)
        line = self._load.take(measured, self._pool.free_share, now)
        self._admission.overloaded = self._load.is_overloaded
        if line is not None:
            self._outputs.append(line)

    def _registration_changed(self, event: str, carrier: str, status: int | None) -> None:
        self._outputs.append(Log(event, {"carrier": carrier, "status": status}))

    def _media_reported(self, worker: int, report: MediaReport, now: float) -> None:
        match report:
            case PortsLeased(ports):
                self._pool.lease(worker, ports)
            case MediaSilent(session, last_packet_at):
                if (call := self._calls.call_of(worker, session)) is not None:
                    call.media_silent(last_packet_at, now)
            case _:
                self._observers.media_reported(worker, report, now)

    def _owns(self, connector_id: str, address: str) -> bool:
        """Tell whether an address is a connector's (by id) or a carrier's (EDGE S10, S12)."""
        if is_never_contacted(address):
            return False
        return owns(self._snapshot, self._calls.directory, connector_id, address)

    def _write(self, record: CallDetailRecord, *, is_journalled: bool = False) -> None:
        bucket = self._snapshot.cdr_bucket
        if bucket is not None:
            self._outputs.append(WriteRecord(bucket, record, is_journalled))

    def _log(self, event: str, fields: LogFields) -> None:
        self._outputs.append(Log(event, fields))

    def _send(self, data: bytes, flow: Flow) -> None:
        if self._recordings.is_on:
            self._recordings.sent(data, flow, self._now)
        if self._sip_log.is_on:
            self._sip_log.sent(data, flow, self._now)
        self._outputs.append(Send(data, flow))

    def _command_media(self, worker: int, command: MediaCommand) -> None:
        self._outputs.append(CommandMedia(worker, command))
