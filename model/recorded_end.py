"""The end of a call as its object tells it, where that is not what its node or the reaper knows.

A node may come back after the reaper has closed its calls, and the reaper may meet an object that
the node stored with its last breath. Whoever finds the object there takes the end from it: it has
been billed (EDGE C9).
"""

from datetime import datetime

from model.cdr_reader import ReadRecord
from model.codec import Plain, moment_text


def told_end(there: ReadRecord, started_at: datetime) -> dict[str, Plain]:
    """Return the members of a call's item that its object decides; `started_at` is the call's own,
    because the format `v2` knows whole seconds only."""
    return {
        "ended_at": moment_text(max(started_at, there.ended_at)),
        "status": there.status.value,
        "status_message": there.status_message,
        "billable_duration": there.billed_s,
    }
