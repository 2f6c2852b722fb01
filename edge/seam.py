"""The inputs and outputs of the Core: the whole contract between decisions and the world.

Core.handle(input, now) takes one input; Core.poll() returns the next output, None when there is
none; Core.deadline() is the monotonic time of the next Tick. Made per message, hence NamedTuples.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from types import MappingProxyType
from typing import NamedTuple, TypeAlias

from edge.config_change import ConfigChange, Existing
from edge.directory import Service
from edge.flow import Address, Flow, Transport
from edge.media.session import MediaCommand, MediaReport
from edge.routing.credentials import Credentials
from model.calls import LiveCall
from model.cdr import CallDetailRecord
from model.connector_logs import ConnectorLog
from model.cqr import CallQualityRecord
from model.node import CarrierState, TlsState
from model.quality import CallQuality
from model.recordings import RecordingEnd, RecordingOrder


class Received(NamedTuple):
    """A datagram, or one whole message of a stream."""

    data: bytes
    flow: Flow
    broken: bool = False
    """What could be read of a message after which a stream makes no sense any more (EDGE W2)."""


class Unreachable(NamedTuple):
    """The network says that a peer cannot be reached (ICMP, no connection; EDGE F4)."""

    remote: Address
    transport: Transport = Transport.UDP


class FlowClosed(NamedTuple):
    """A stream connection has ended, whoever ended it (EDGE F4, W6)."""

    flow: Flow


class FlowIdle(NamedTuple):
    """Nothing has come over a stream connection for a long time (EDGE W4)."""

    flow: Flow


class MediaReported(NamedTuple):
    """A media worker reports."""

    worker: int
    report: MediaReport


class MediaLost(NamedTuple):
    """A media worker process has ended: its sessions and ports are gone."""

    worker: int


class MediaCongested(NamedTuple):
    """A media worker has fallen behind its commands, or has caught up."""

    worker: int
    is_behind: bool


class ConfigLoaded(NamedTuple):
    """The changes before this one have told the whole configuration (A9)."""

    existing: Existing
    """What is not among them is gone."""


class ConfigChanged(NamedTuple):
    """A part of the configuration has changed (A9)."""

    change: ConfigChange


class Resolved(NamedTuple):
    """What the names of the configuration resolve to now; replaces what was known (EDGE W11)."""

    addresses: Mapping[str, tuple[str, ...]]
    services: Mapping[str, tuple[Service, ...]] = MappingProxyType({})
    """SRV records, targets by `addresses` again; an empty entry: the service is not offered."""


class Counted(NamedTuple):
    """How many calls of a connector all nodes together admit (A10, EDGE R15)."""

    connector_id: str
    granted: int | None
    """Calls that this node may admit; None when they could not be counted."""
    valid_until: float
    """Monotonic moment until which calls that come are covered."""
    closed_until: float | None = None
    """Monotonic moment before which no further call is admitted, if it is known."""


class PeersSeen(NamedTuple):
    """What the other nodes of the deployment say of themselves (A10)."""

    taking_calls: int
    """Nodes besides this one that are live and not draining."""
    calls: Mapping[str, int]
    """Calls that other nodes hold, by connector; only where there is a limit (EDGE R16)."""


class CredentialsChanged(NamedTuple):
    """A carrier knows us by another password from now on (EDGE F13)."""

    carrier: str
    """Its name."""
    credentials: Credentials


class RecordCall(NamedTuple):
    """Somebody wants a call recorded (docs/recording.md)."""

    order: RecordingOrder


class EndRecording(NamedTuple):
    """Whoever wanted a call recorded has seen enough."""

    transaction_id: str


class JournalPlace(Enum):
    """Where the row of an answered call is."""

    TABLE = "table"
    DISK = "disk"
    """Of this node, flushed; the table gets it as soon as it takes any."""
    NOWHERE = "nowhere"
    """But in memory: neither the table nor the disk takes it, which somebody has to hear of."""


class CallJournalled(NamedTuple):
    """An answered call's row is as safe as it can be made now (EDGE C9).

    Whoever carries out a JournalCall answers with this; one that keeps no rows at all says NOWHERE.
    """

    transaction_id: str
    place: JournalPlace


class LoadMeasured(NamedTuple):
    """How busy the process is (EDGE R30)."""

    lag_s: float
    """How late the event loop was."""
    cpu: float
    """Share of one CPU."""


class Drain(NamedTuple):
    """Refuse new calls from now on (EDGE R31)."""


class Resume(NamedTuple):
    """Take new calls again: the order to drain was taken back."""


class HangUp(NamedTuple):
    """End every call with a BYE and this status message (EDGE C9, V5)."""

    status_message: str


class Tick(NamedTuple):
    """Time has passed: the deadline is reached."""


Input: TypeAlias = (
    Received
    | Unreachable
    | FlowClosed
    | FlowIdle
    | MediaReported
    | MediaLost
    | MediaCongested
    | ConfigLoaded
    | ConfigChanged
    | Resolved
    | Counted
    | PeersSeen
    | CredentialsChanged
    | RecordCall
    | EndRecording
    | CallJournalled
    | LoadMeasured
    | Drain
    | Resume
    | HangUp
    | Tick
)


class Send(NamedTuple):
    """Send one message."""

    data: bytes
    flow: Flow


class CloseFlow(NamedTuple):
    """Close a stream connection once what was sent before has gone out."""

    flow: Flow
    ban_s: float = 0.0
    """Seconds for which the peer's address gets no new connection (EDGE S2)."""


class CommandMedia(NamedTuple):
    """Tell a media worker."""

    worker: int
    command: MediaCommand


Record: TypeAlias = CallDetailRecord | CallQualityRecord
"""What becomes an object in the bucket."""


class WriteRecord(NamedTuple):
    """Store a record of a call."""

    bucket: str
    record: Record
    is_journalled: bool = False
    """Whether the call has a row, which is to say where the record goes until it is there."""


class JournalCall(NamedTuple):
    """Note that a call is up, and say so: its caller waits for CallJournalled (EDGE C9).

    Its record, or that it is forgotten, follows at its end.
    """

    call: LiveCall


class ForgetCall(NamedTuple):
    """Forget a journalled call: it has ended and nobody wants records (EDGE C11)."""

    transaction_id: str


class NoteQuality(NamedTuple):
    """Note what the media of a journalled call is like so far, or was like (EDGE X5)."""

    call: LiveCall | CallDetailRecord
    quality: CallQuality


class RecordingBegun(NamedTuple):
    """A call is being recorded; what is recorded follows."""

    order: RecordingOrder
    bucket: str
    key: str


class RecordingGrew(NamedTuple):
    """More of a recording; opaque to whoever passes it on."""

    transaction_id: str
    records: bytes
    """Of a capture file (edge/media/pcap.py)."""


class RecordingOver(NamedTuple):
    """A recording is whole: store it."""

    order: RecordingOrder
    why: RecordingEnd


class RecordingRefused(NamedTuple):
    """A call is not recorded."""

    order: RecordingOrder
    reason: str


RecordingStep: TypeAlias = RecordingBegun | RecordingGrew | RecordingOver | RecordingRefused


class NoteHealth(NamedTuple):
    """A connector's host has pinged with OPTIONS (EDGE F11)."""

    connector_id: str
    source: str
    """IP address."""
    at: datetime
    """UTC."""


class Count(NamedTuple):
    """Ask all nodes together for calls of a connector; one question at a time for each (A10)."""

    connector_id: str
    limit: int
    """Calls per second."""
    wanted: int
    first_at: float
    """Monotonic moments at which the first and the last of them came."""
    last_at: float


class Log(NamedTuple):
    """Something that people want to see; the fields hold no secret and no control character."""

    event: str
    fields: dict[str, str | int | float | None]


class WriteLog(NamedTuple):
    """Append to a log that a connector's logging configuration asks for (EDGE X4)."""

    log: ConnectorLog
    connector_id: str
    at: datetime
    """UTC."""
    record: dict[str, str | int | float | None]


class PutMetrics(NamedTuple):
    """Let CloudWatch have figures (EDGE X2)."""

    dimensions: dict[str, str]
    figures: dict[str, int | float]


Output: TypeAlias = (
    Send
    | CloseFlow
    | CommandMedia
    | WriteRecord
    | JournalCall
    | ForgetCall
    | NoteQuality
    | RecordingStep
    | NoteHealth
    | Count
    | Log
    | WriteLog
    | PutMetrics
)


class NodeReport(NamedTuple):
    """What a node says of itself from time to time."""

    renewed_at: datetime
    """UTC by the clock of the records: the lease (EDGE C9)."""
    active_calls: int
    draining: bool
    carriers: tuple[CarrierState, ...]
    connector_calls: Mapping[str, int] = {}
    """Calls by connector; empty where the number is not limited (EDGE R16)."""
    longest_recording_s: int | None = None
    """Of a call, for debugging; None where the operator allows none."""
    tls: TlsState | None = None
    """Told by whoever holds the port, not by the Core."""
