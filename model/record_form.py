"""In which form a call detail record becomes an object: key, members, times (EDGE C1-C5).

A call keeps the form that it had at its answer: whoever writes its object, the node or the reaper,
before or after a change of the settings, writes the same octets under the same name (EDGE C9).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum

KEY_PREFIX = "Amazon-Chime-Voice-Connector-CDRs/json"
"""Of the objects that are records, unless the operator has chosen another one (EDGE C1)."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_USAGE_REGIONS: Mapping[str, str] = {
    "us-east-1": "USE1",
    "us-west-2": "USW2",
    "ca-central-1": "CAN1",
    "eu-central-1": "EUC1",
    "eu-west-1": "EUW1",
    "eu-west-2": "EUW2",
    "ap-northeast-1": "APN1",
    "ap-northeast-2": "APN2",
    "ap-southeast-1": "APS1",
    "ap-southeast-2": "APS2",
}
"""How Amazon's bills name the regions that connectors may have."""


class RecordFormat(Enum):
    """Which members a record has."""

    SEED = "seed"
    """Those of March 2019 (EDGE C2)."""
    V2 = "v2"
    """Those of the service's SchemaVersion 2.0 (EDGE C3)."""


class TimeForm(Enum):
    """How StartTime and EndTime are written (EDGE C5); the times of v2 are always whole seconds."""

    EPOCH_MS = "epoch_ms"
    ISO8601 = "iso8601"

    def written(self, moment: datetime) -> int | str:
        """Return a moment, cut off to the millisecond."""
        if self is TimeForm.EPOCH_MS:
            return epoch_ms(moment)
        return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordForm:
    """The form of one call's record."""

    format: RecordFormat = RecordFormat.SEED
    time: TimeForm = TimeForm.EPOCH_MS
    prefix: str = KEY_PREFIX
    region: str | None = None
    """The connector's, for the format that shows it; None in the other one."""

    def __post_init__(self) -> None:
        """Refuse a form that would write less, or other times, than it says."""
        if (self.format is RecordFormat.V2) != (self.region is not None):
            raise ValueError("the format v2, and it alone, shows the connector's region")
        if self.format is RecordFormat.V2 and self.time is not TimeForm.EPOCH_MS:
            raise ValueError("the format v2 has whole seconds and no other times")


SEED_FORM = RecordForm()
"""What a deployment writes that has not chosen anything."""


def object_key(prefix: str, connector_id: str, started_at: datetime, transaction_id: str) -> str:
    """Return the key of a call's object under a prefix: connector, start in UTC, id (EDGE C1)."""
    stamp = f"{started_at:%Y/%m/%d/%H.%M.%S}.{started_at.microsecond // 1000:03d}"
    return f"{prefix}/{connector_id}/{stamp}_{transaction_id}"


def usage_region(region: str) -> str:
    """Return how bills name a region; one that they have no name for keeps its own."""
    return _USAGE_REGIONS.get(region, region)


def epoch_ms(moment: datetime) -> int:
    """Return whole milliseconds since 1970."""
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def from_epoch_ms(milliseconds: int) -> datetime:
    """Return the moment, in UTC; raises OverflowError behind the year 9999."""
    return _EPOCH + timedelta(milliseconds=milliseconds)
