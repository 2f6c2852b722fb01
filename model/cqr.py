"""The call quality record: what the CDR does not say of an answered call (EDGE X10).

Its object lies beside that of the CDR, under a prefix of its own, so that whoever reads CDRs never
meets it; TransactionId and the rest of the key are the same. `Route` says whether anybody charges
for the call. It has the members of the format `seed` whichever format the CDR has.
"""

import json
from dataclasses import dataclass
from enum import Enum

from model.cdr import CallDetailRecord, CallStatus
from model.quality import CallQuality
from model.record_form import object_key

QUALITY_PREFIX = "Amazon-Chime-Voice-Connector-CQRs/json"

_SHARED = (
    *("AwsAccountId", "TransactionId", "CallId", "VoiceConnectorId", "Disposition"),
    *("StartTime", "EndTime"),
)
"""Members that are those of a CDR of the format `seed`, to the letter."""


class CallRoute(Enum):
    """Where the other side of a call is."""

    PSTN = "pstn"
    ON_NET = "on-net"
    """With another customer, or the same one again."""
    CONFERENCE = "conference"
    """Behind a meeting's dial-in number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallQualityRecord:
    """One answered call of one connector, ended."""

    call: CallDetailRecord
    route: CallRoute
    last_minute: CallQuality | None
    """Since the last minute that was told of; None, as is `total`, when the media worker was lost
    with what it knew."""
    total: CallQuality | None

    @property
    def transaction_id(self) -> str:
        """Return the TransactionId of the CDR."""
        return self.call.transaction_id

    @property
    def status(self) -> CallStatus:
        """Return the Status of the CDR."""
        return self.call.status

    def key(self) -> str:
        """Return the S3 object key."""
        call = self.call
        return object_key(QUALITY_PREFIX, call.connector_id, call.started_at, call.transaction_id)

    def members(self) -> dict[str, object]:
        """Return the members of the object; figures are named as the metrics are (EDGE X2)."""
        of_call = self.call.seed_members(self.call.form.time)
        members: dict[str, object] = {name: of_call[name] for name in _SHARED}
        members["Route"] = self.route.value
        if self.last_minute is not None and self.total is not None:
            members["LastMinute"] = self.last_minute.members()
            members["Total"] = self.total.members()
        return members

    def body(self) -> bytes:
        """Return the object: one JSON object, no whitespace."""
        return json.dumps(self.members(), separators=(",", ":"), ensure_ascii=False).encode()
