"""A whole node on a simulated network: the Core, a media worker that only keeps books, peers."""

import heapq
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import assert_never

from edge.clock import Clock
from edge.config import Snapshot
from edge.config_change import Existing, everything_in
from edge.core import Core
from edge.flow import Address, Flow, Transport
from edge.media.session import (
    Begin,
    CloseSession,
    LegMedia,
    LegStatistics,
    MediaCommand,
    MediaReport,
    OpenSession,
    PortsLeased,
    RecordSession,
    SessionClosed,
    SessionId,
    SessionMeasured,
    SetLeg,
    Side,
)
from edge.seam import (
    CallJournalled,
    CloseFlow,
    CommandMedia,
    ConfigChanged,
    ConfigLoaded,
    Count,
    Drain,
    ForgetCall,
    Input,
    JournalCall,
    JournalPlace,
    Log,
    MediaLost,
    MediaReported,
    NoteHealth,
    NoteQuality,
    PutMetrics,
    Received,
    RecordingBegun,
    RecordingGrew,
    RecordingOver,
    RecordingRefused,
    RecordingStep,
    Send,
    Tick,
    Unreachable,
    WriteLog,
    WriteRecord,
)
from edge.sip.message import Response, parse_datagram
from model.calls import LiveCall
from model.cdr import CallDetailRecord
from model.connector import Connector, Credential, Origination, Route, Termination, connector_host
from model.connector_group import ConnectorGroup
from model.connector_logs import ConnectorLog
from model.cqr import CallQualityRecord
from model.numbers import InventoryNumber
from model.settings import Carrier, Settings
from tests.support.agent import Agent, CalleePlan
from tests.support.ids import CountingIds
from tests.support.link import LossyLink

CONNECTOR_ID = "abcdefghijklmnopqrst12"
DOMAIN = "voiceconnector.example.net"
HOST = connector_host(CONNECTOR_ID, DOMAIN)
BUCKET = "records"

EDGE: Address = ("198.51.100.10", 5060)
TLS_EDGE: Address = ("198.51.100.10", 5061)
PBX: Address = ("192.0.2.7", 5060)
SECOND_PBX: Address = ("192.0.2.8", 5060)
CARRIER: Address = ("203.0.113.5", 5060)
SECOND_CARRIER: Address = ("203.0.113.6", 5060)

DIALED = "+13125550142"
CALLER = "+12065550100"
OWNED = "+12065550199"
OUTBOUND_URI = f"sip:{DIALED}@{HOST}"
INBOUND_URI = f"sip:{OWNED}@{EDGE[0]}"

EPOCH = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
PORT_REST_S = 5.0
PORTS = tuple(range(10_000, 10_128, 2))

SETTINGS = Settings(
    domain=DOMAIN,
    carriers=(
        Carrier(name="first", host=CARRIER[0], priority=1),
        Carrier(name="second", host=SECOND_CARRIER[0], priority=2),
    ),
)


def connector(*, cps_limit: int = 100, user: tuple[str, str] | None = None) -> Connector:
    """Return the customer's connector; `user` is a name and a password."""
    credentials = () if user is None else (Credential.from_password(*user, realm=HOST),)
    return Connector(
        connector_id=CONNECTOR_ID,
        name="demo",
        region="us-east-1",
        require_encryption=False,
        created_at=EPOCH,
        updated_at=EPOCH,
        origination=Origination(
            routes=(Route(host=PBX[0], priority=1), Route(host=SECOND_PBX[0], priority=2))
        ),
        termination=Termination(
            calling_regions=("US",),
            cidr_allowed_list=(f"{PBX[0]}/32", f"{SECOND_PBX[0]}/32"),
            cps_limit=cps_limit,
        ),
        credentials=credentials,
    )


def number(e164: str = OWNED) -> InventoryNumber:
    """Return a number of the connector."""
    return InventoryNumber(
        e164=e164,
        number_type="Local",
        product_type="VoiceConnector",
        country="US",
        created_at=EPOCH,
        updated_at=EPOCH,
        connector_id=CONNECTOR_ID,
    )


class Worker:
    """The books of a media worker: which ports are leased, in use, resting."""

    def __init__(self) -> None:
        self.free: set[int] = set()
        self.open: dict[SessionId, OpenSession] = {}
        self.legs: dict[tuple[SessionId, Side], LegMedia] = {}
        self.heard: dict[SessionId, tuple[LegStatistics, LegStatistics]] = {}
        """What a session's legs have had, for tests that want some."""
        self.is_mute = False
        """It closes sessions without a last word."""
        self.recorded: set[SessionId] = set()
        self._resting: list[tuple[float, tuple[int, ...]]] = []

    def lease(self, ports: tuple[int, ...]) -> PortsLeased:
        """Bind ports for the node."""
        self.free.update(ports)
        return PortsLeased(ports)

    def obey(self, command: MediaCommand, now: float) -> MediaReport | None:
        """Take a command; one that a real worker could not carry out fails."""
        match command:
            case Begin():
                raise AssertionError("workers are begun by whoever starts them")
            case OpenSession(session, a_port, b_port):
                assert session not in self.open
                self.free.remove(a_port)
                self.free.remove(b_port)
                self.open[session] = command
            case SetLeg(session, side, media):
                assert session in self.open, "a closed session is described"
                self.legs[session, side] = media
            case CloseSession(session):
                was = self.open.pop(session)
                heapq.heappush(self._resting, (now + PORT_REST_S, (was.a_port, was.b_port)))
                return None if self.is_mute else SessionClosed(session, *self._heard_of(session))
            case RecordSession(session, wanted):
                assert session in self.open, "a closed session is recorded"
                (self.recorded.add if wanted else self.recorded.discard)(session)
            case _:
                assert_never(command)
        return None

    def measured(self) -> list[SessionMeasured]:
        """Return what there is to report every minute."""
        return [SessionMeasured(session, *self._heard_of(session)) for session in self.open]

    def _heard_of(self, session: SessionId) -> tuple[LegStatistics, LegStatistics]:
        return self.heard.get(session, (LegStatistics(), LegStatistics()))

    def rested_at(self) -> float | None:
        """Return when the next ports may be leased again."""
        return self._resting[0][0] if self._resting else None

    def rested(self, now: float) -> list[PortsLeased]:
        """Return what may be leased again."""
        reports = []
        while self._resting and self._resting[0][0] <= now:
            reports.append(self.lease(heapq.heappop(self._resting)[1]))
        return reports


class Node:
    """The Core as a party on the link."""

    name = "E"

    def __init__(
        self,
        *connectors: Connector,
        settings: Settings = SETTINGS,
        seed: int = 1,
        numbers: Sequence[InventoryNumber] | None = None,
        groups: Sequence[ConnectorGroup] = (),
        carrier_passwords: Mapping[str, str] | None = None,
        configured: bool = True,
    ) -> None:
        self.core = Core(
            settings=settings,
            ids=CountingIds(f"edge{seed}"),
            clock=Clock(0.0, EPOCH),
            sip_address=EDGE,
            media_address=EDGE[0],
            nonce_secret=b"a secret of thirty-two characters",
            workers=1,
            carrier_passwords=carrier_passwords or {},
        )
        self.worker = Worker()
        self.records: list[CallDetailRecord] = []
        self.recorded_rows: list[str] = []
        """TransactionIds of records whose calls have rows."""
        self.quality_records: list[CallQualityRecord] = []
        self.buckets: dict[str, str] = {}
        """Where each object went, by its key."""
        self.qualities: list[NoteQuality] = []
        self.media_logs: list[WriteLog] = []
        self.sip_logs: list[WriteLog] = []
        self.metrics: list[PutMetrics] = []
        self.journalled: list[LiveCall] = []
        self.is_journal_prompt = True
        """Whether rows are safe as soon as they are noted; otherwise `journal` says when."""
        self.forgotten: list[str] = []
        self.asked: list[Count] = []
        """Counts of all nodes that were asked for (A10)."""
        self.logs: list[Log] = []
        self.pings: list[NoteHealth] = []
        self.recording: list[RecordingStep] = []
        """What became of orders to record (docs/recording.md)."""
        self.sent: list[Send] = []
        """Everything since the last look, for tests without a link."""
        self.all_sent: list[tuple[bytes, Flow]] = []
        self.closed: list[CloseFlow] = []
        self._settings = settings
        self._numbers = (number(),) if numbers is None else numbers
        self._groups = groups
        self._now = 0.0
        if configured:
            self.load(*(connectors or (connector(),)))
        self.core.handle(MediaReported(0, self.worker.lease(PORTS)), 0.0)

    def load(self, *connectors: Connector, bucket: str | None = BUCKET) -> None:
        """Configure the node anew."""
        self._bucket = bucket
        snapshot = Snapshot.build(self._settings, connectors, self._numbers, bucket, self._groups)
        self._handle(ConfigChanged(everything_in(snapshot)), self._now)
        self._handle(ConfigLoaded(Existing.of(snapshot)), self._now)

    def drain(self, now: float) -> None:
        """Be told to take no new calls."""
        self._handle(Drain(), now)

    def journal(self, call: LiveCall, now: float) -> None:
        """Hear that the row of a call is safe."""
        self._handle(CallJournalled(call.transaction_id, JournalPlace.TABLE), now)

    def measure(self, now: float) -> None:
        """Hear from the media worker what every minute has brought."""
        for report in self.worker.measured():
            self._handle(MediaReported(0, report), now)

    def replace_worker(self, now: float) -> None:
        """Lose the media worker, its calls with it, and get another one."""
        self._handle(MediaLost(0), now)
        self.worker = Worker()
        self._handle(MediaReported(0, self.worker.lease(PORTS)), now)

    def is_empty(self) -> bool:
        """Tell whether nothing is held and every leased port has come back."""
        return (
            self.core.pending
            == {
                "calls": 0,
                "dialogs": 0,
                "transactions": 0,
                "timers": 0,
                "recordings": 0,
                "free_ports": len(PORTS),
            }
            and self.worker.free == set(PORTS)
            and not self.worker.open
        )

    def assert_journal_is_even(self) -> None:
        """Fail unless every answered call was noted once, and has ended once (EDGE C9, C11)."""
        assert {it.transaction_id for it in self.records if it.answered} <= {*self.recorded_rows}
        ended = self.recorded_rows + self.forgotten
        assert Counter(ended) == Counter(it.transaction_id for it in self.journalled)
        assert len(set(ended)) == len(ended)

    def take(self, data: bytes, flow: Flow, now: float) -> None:
        """Take a datagram."""
        self._handle(Received(data, flow), now)

    def refused(self, remote: Address, now: float) -> None:
        """Hear of an ICMP error."""
        self._handle(Unreachable(remote), now)

    def hear(self, happened: Input, now: float) -> list[CloseFlow]:
        """Hear of a stream, of other nodes or of a change; return what streams are to be closed."""
        self.closed.clear()
        self._handle(happened, now)
        return self.closed

    def tick(self, now: float) -> None:
        """Fire timers and lease rested ports."""
        for report in self.worker.rested(now):
            self._handle(MediaReported(0, report), now)
        self._handle(Tick(), now)

    def deadline(self) -> float | None:
        """Return the next thing that is due."""
        due = [at for at in (self.core.deadline(), self.worker.rested_at()) if at is not None]
        return min(due, default=None)

    def outgoing(self) -> list[tuple[bytes, Flow]]:
        """Return what is to be sent, once."""
        sent, self.sent = self.sent, []
        return [(it.data, it.flow) for it in sent]

    def ask(self, data: bytes, remote: Address, now: float) -> list[Send]:
        """Take a datagram and return what is sent at once, for tests without a link."""
        return self.ask_over(Transport.UDP, data, remote, now)

    def ask_over(
        self, transport: Transport, data: bytes, remote: Address, now: float
    ) -> list[Send]:
        """Take a message over some transport and return what is sent at once."""
        self.sent.clear()
        self.take(data, Flow(transport, EDGE, remote), now)
        return self.sent

    def _handle(self, happened: Input, now: float) -> None:
        self._now = now
        self.core.handle(happened, now)
        reports: list[MediaReport] = []
        noted: list[LiveCall] = []
        while (output := self.core.poll()) is not None:
            match output:
                case Send():
                    self.sent.append(output)
                    self.all_sent.append((output.data, output.flow))
                case CloseFlow():
                    self.closed.append(output)
                case CommandMedia(_, command):
                    report = self.worker.obey(command, now)
                    reports += [] if report is None else [report]
                case WriteRecord(bucket, record, is_journalled):
                    assert bucket == self._bucket or self._bucket != BUCKET
                    self.buckets[record.key()] = bucket
                    if isinstance(record, CallQualityRecord):
                        self.quality_records.append(record)
                    else:
                        self.records.append(record)
                        self.recorded_rows += [record.transaction_id] * is_journalled
                case NoteQuality():
                    self.qualities.append(output)
                case WriteLog(ConnectorLog.SIP_MESSAGES):
                    self.sip_logs.append(output)
                case WriteLog():
                    self.media_logs.append(output)
                case PutMetrics():
                    self.metrics.append(output)
                case JournalCall(call):
                    self.journalled.append(call)
                    noted += [call] * self.is_journal_prompt
                case ForgetCall(transaction_id):
                    self.forgotten.append(transaction_id)
                case RecordingBegun() | RecordingGrew() | RecordingOver() | RecordingRefused():
                    self.recording.append(output)
                case NoteHealth():
                    self.pings.append(output)
                case Count():
                    self.asked.append(output)
                case Log():
                    self.logs.append(output)
                case _:
                    assert_never(output)
        for report in reports:
            self._handle(MediaReported(0, report), now)
        for call in noted:
            self.journal(call, now)


class Stage:
    """A node, a PBX, a second PBX and two carriers on one link."""

    def __init__(
        self,
        link: LossyLink,
        *,
        node: Node | None = None,
        pbx: CalleePlan = CalleePlan(),  # noqa: B008 - immutable
        second_pbx: CalleePlan = CalleePlan(),  # noqa: B008 - as above
        carrier: CalleePlan = CalleePlan(),  # noqa: B008 - as above
        second_carrier: CalleePlan = CalleePlan(),  # noqa: B008 - as above
        transport: Transport = Transport.UDP,
    ) -> None:
        """`transport` is that of the PBX's calls."""
        self.link = link
        self.node = Node(seed=link.seed) if node is None else node
        self.pbx = Agent("A", PBX, plan_of=lambda _: pbx, transport=transport)
        self.second_pbx = Agent("A2", SECOND_PBX, plan_of=lambda _: second_pbx)
        self.carrier = Agent("B", CARRIER, plan_of=lambda _: carrier)
        self.second_carrier = Agent("B2", SECOND_CARRIER, plan_of=lambda _: second_carrier)
        link.join(self.node, EDGE, TLS_EDGE)
        for agent in self.agents:
            link.join(agent, agent.address)

    @property
    def agents(self) -> tuple[Agent, ...]:
        """Return every peer."""
        return (self.pbx, self.second_pbx, self.carrier, self.second_carrier)

    @property
    def record(self) -> CallDetailRecord:
        """Return the only record."""
        (record,) = self.node.records
        return record

    def assert_quiet(self) -> None:
        """Fail unless nothing is left anywhere."""
        assert self.node.is_empty(), self.node.core.pending
        self.node.assert_journal_is_even()
        for agent in self.agents:
            assert agent.is_quiet, f"{agent.name} still waits for something"


def ladder(link: LossyLink) -> str:
    """Return everything that was sent, in one line and in the notation of EDGE 1.12."""
    return "  ".join(link.ladder())


def responses(link: LossyLink, what: str) -> list[Response]:
    """Return what the edge answered the PBX."""
    found = [parse_datagram(it.data) for it in link.sent("E", "A", what)]
    return [it for it in found if isinstance(it, Response)]


def moments(link: LossyLink, source: str, destination: str, what: str) -> list[float]:
    """Return when something was sent, to the millisecond."""
    return [round(it.at, 3) for it in link.sent(source, destination, what)]
