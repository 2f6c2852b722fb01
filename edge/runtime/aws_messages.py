"""What the signalling process and the AWS worker say to each other."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import NamedTuple, TypeAlias

from edge.seam import (
    CallJournalled,
    ConfigChanged,
    ConfigLoaded,
    Count,
    Counted,
    EndRecording,
    ForgetCall,
    JournalCall,
    Log,
    NodeReport,
    NoteHealth,
    NoteQuality,
    PeersSeen,
    RecordCall,
    RecordingStep,
    WriteLog,
    WriteRecord,
)
from model.settings import Settings


class NodeIdentity(NamedTuple):
    """Which node this is, for as long as its process lives."""

    node_id: str
    """Another one after each start: what an earlier process had up is not ours."""
    sip_address: str
    """As advertised, host:port."""
    started_at: datetime
    """UTC."""
    task: str | None = None
    """Whom to ask whether the process still runs (model/node_task.py); None: nobody."""


class JournalPlan(NamedTuple):
    """Where the node's own journal is kept (EDGE C9)."""

    directory: Path
    longest_bytes: int


class Begin(NamedTuple):
    """The first command: what to follow and where."""

    settings: Settings
    table_prefix: str
    poll_interval_s: float
    node: NodeIdentity
    journal: JournalPlan
    agent_uri: str | None = None
    """Where ECS's agent is asked to protect the task; None: there is nothing to be protected."""
    secrets: tuple[str, ...] = ()
    """Names or ARNs of what is read of Secrets Manager, and read again when it changes."""


class Protect(NamedTuple):
    """Let ECS protect the task from being stopped from now on, or no longer (A11)."""

    is_wanted: bool


class Leave(NamedTuple):
    """The node stops: write what is to be written, take the node off the list unless something of
    it is left, and report Left."""


class LookAtSecrets(NamedTuple):
    """Look now whether secrets have changed."""


class RecordOutcome(Enum):
    """What became of a record."""

    STORED = "stored"
    ALREADY_THERE = "already there"
    """An earlier attempt had arrived after all; the object is the same (EDGE C9)."""
    REPLACED = "replaced"
    """Another record of the call is there, of the reaper: ours is discarded, and the row takes the
    end from it."""
    KEY_TAKEN = "key taken"
    """What is there is no record; the row goes on saying that one is due."""
    GIVEN_UP = "given up"
    LEFT = "left to its row"
    """It is due, and read again later."""


class RecordSettled(NamedTuple):
    """A record needs no more care."""

    bucket: str
    key: str
    outcome: RecordOutcome


class EndKept(NamedTuple):
    """The end of a journalled call is in the table, or on the disk: no crash can take it."""

    transaction_id: str


class Backlog(NamedTuple):
    """How many records are not stored yet."""

    records: int


class RecordingSettled(NamedTuple):
    """A recording needs no more care."""

    transaction_id: str


class RoutesNamed(NamedTuple):
    """Which hosts are names; found here, because looking at all of them takes a while."""

    hosts: frozenset[str]
    services: frozenset[str]
    """Names of SRV records."""


@dataclass(frozen=True, slots=True)
class SecretRead:
    """A secret has been read for the first time, or is another one now."""

    secret_id: str
    text: str = field(repr=False)


class SecretsLooked(NamedTuple):
    """Every secret has been looked at; what could be read has been told."""


class DrainOrder(NamedTuple):
    """That this node is to drain (A11)."""

    reason: str
    is_unlisted: bool
    """Whether it certainly has no DNS record any more."""
    given: str = ""
    """Tells one order from another: when it was given, by whoever gave it."""


class DrainTold(NamedTuple):
    """What the table of nodes says about draining; None: nothing."""

    order: DrainOrder | None


class ProtectionSet(NamedTuple):
    """ECS has been told to protect the task, or not to."""

    is_protected: bool


class LeaseWritten(NamedTuple):
    """The node's row is in the table: it may take calls (EDGE C9)."""


class Left(NamedTuple):
    """Every row is written, and the node is off the list if nothing of it is left."""


JournalEntry: TypeAlias = JournalCall | ForgetCall | NoteQuality | NoteHealth
"""What is worth a row."""
AwsCommand: TypeAlias = (
    Begin
    | WriteRecord
    | JournalEntry
    | RecordingStep
    | WriteLog
    | NodeReport
    | Protect
    | Leave
    | Count
    | LookAtSecrets
)
News: TypeAlias = (
    ConfigLoaded
    | ConfigChanged
    | RoutesNamed
    | DrainTold
    | Counted
    | PeersSeen
    | RecordCall
    | EndRecording
    | CallJournalled
    | SecretRead
)
"""What the worker has found out for the node."""
AwsReport: TypeAlias = (
    News
    | EndKept
    | LeaseWritten
    | ProtectionSet
    | RecordSettled
    | Backlog
    | RecordingSettled
    | Log
    | Left
    | SecretsLooked
)
