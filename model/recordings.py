"""Recordings of calls for debugging: what operators permit, want and get (docs/recording.md)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from model.checks import check

RECORDING_PREFIX = "Amazon-Chime-Voice-Connector-Recordings/pcap"
"""Of the objects in the bucket of the call detail records."""
CONTENT_TYPE = "application/vnd.tcpdump.pcap"
BEGUN_WITHIN = timedelta(seconds=60)
"""An order that is older is not carried out any more: nobody waits for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingSettings:
    """Whether and how much may be recorded; what is said in a call is in it, in clear."""

    allowed: bool = False
    longest_minutes: int = 10
    most_mib: int = 32
    """Of one recording; a minute of G.711 takes 2.5. They are held in memory until they end."""
    at_once: int = 4
    """On one node."""

    def __post_init__(self) -> None:
        """Refuse limits that would let nothing through, or fill a node's memory."""
        for name, most in (("longest_minutes", 240), ("most_mib", 256), ("at_once", 16)):
            value = getattr(self, name)
            check(name, value, 1 <= value <= most, f"a number from 1 to {most}")


class RecordingState(Enum):
    """How far a recording has come."""

    ORDERED = "ORDERED"
    RUNNING = "RUNNING"
    STORED = "STORED"
    FAILED = "FAILED"

    @property
    def is_over(self) -> bool:
        """Tell whether nothing will change any more."""
        return self in (RecordingState.STORED, RecordingState.FAILED)


class RecordingEnd(Enum):
    """Why a recording ended."""

    CALL_ENDED = "the call has ended"
    ORDERED = "as ordered"
    TIME = "the time is over"
    SIZE = "it is as large as the operator allows"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingOrder:
    """What somebody wants recorded; the moment tells orders for the same call apart."""

    transaction_id: str
    node_id: str
    """The node that holds the call."""
    seconds: int
    """The longest that it may take."""
    ordered_by: str
    """Access key id or ARN."""
    ordered_at: datetime
    """UTC, to the millisecond."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """An order and what has become of it."""

    order: RecordingOrder
    state: RecordingState = RecordingState.ORDERED
    end_wanted: bool = False
    """Whoever ordered it has seen enough."""
    bucket: str | None = None
    object_key: str | None = None
    size: int | None = None
    """Bytes of the object."""
    reason: str | None = None
    """Why it ended or failed."""


def object_key(connector_id: str, transaction_id: str, began_at: datetime) -> str:
    """Return the S3 object key of a recording that began at this moment."""
    stamp = f"{began_at:%Y/%m/%d/%H.%M.%S}.{began_at.microsecond // 1000:03d}"
    return f"{RECORDING_PREFIX}/{connector_id}/{stamp}_{transaction_id}.pcap"
