"""What the signalling process and the AWS worker say to each other."""

from enum import Enum
from typing import NamedTuple, TypeAlias

from edge.seam import ConfigLoaded, Log, WriteRecord
from model.settings import Settings


class Begin(NamedTuple):
    """The first command: what to follow and where."""

    settings: Settings
    table_prefix: str
    poll_interval_s: float


class RecordOutcome(Enum):
    """What became of a record."""

    STORED = "stored"
    ALREADY_THERE = "already there"
    """An earlier attempt had arrived after all; the object is the same (EDGE C9)."""
    GIVEN_UP = "given up"


class RecordSettled(NamedTuple):
    """A record needs no more care."""

    transaction_id: str
    outcome: RecordOutcome


AwsCommand: TypeAlias = Begin | WriteRecord
AwsReport: TypeAlias = ConfigLoaded | RecordSettled | Log
