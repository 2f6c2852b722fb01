"""Whether a node is dead, by what several runs have seen of it (EDGE C9).

Nothing here reads a clock or a table: a run says when it looks and what it saw, and gets what the
next run has to know and which nodes are dead.

A lease that does not change proves little: its node may be well, and the database away from it. So
a lease counts as silent only through runs that could read and write the tables, and that followed
each other: after a gap, or a step of this clock, the silence starts from nothing. And even then it
is not the lease that has the last word but whoever runs the node's task. Where nobody can be asked,
the silence must last far longer than an outage of which the runs themselves would notice nothing.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum

SILENT_FOR = timedelta(seconds=60)
"""Between the first and the last run that saw a lease unchanged, when its task is gone (C9)."""
SILENT_ALONE_FOR = timedelta(hours=1)
"""The same when nobody can say what became of the task."""
LONGEST_GAP = timedelta(minutes=3)
"""Between two runs that follow each other; they come every minute. While one failed, others of the
deployment may have been without the database as well."""


class TaskState(Enum):
    """What became of the task that a node ran as."""

    RUNNING = "running"
    GONE = "gone"
    """It has stopped, or is not known any more."""
    UNANSWERED = "unanswered"
    """Whoever knows could not be asked this time."""
    NOBODY_KNOWS = "nobody knows"
    """There is nobody to ask."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """Since when the lease of a node has not changed."""

    lease: str
    """As the node wrote it, empty for a node without a row of its own."""
    since: datetime
    """UTC of the first of the runs that saw it so, one after the other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """What one run tells the next."""

    at: datetime
    """UTC of the run."""
    silences: Mapping[str, Silence] = field(default_factory=dict)
    """By node id."""

    def next(
        self, leases: Mapping[str, str], now: datetime, longest_gap: timedelta = LONGEST_GAP
    ) -> "Watch":
        """Return what a run that sees these leases tells the next one; by node id."""
        follows = timedelta(0) <= now - self.at <= longest_gap
        known = self.silences if follows else {}
        return Watch(
            at=now,
            silences={
                node_id: known[node_id]
                if node_id in known and known[node_id].lease == lease
                else Silence(lease=lease, since=now)
                for node_id, lease in leases.items()
            },
        )

    def without(self, buried: Collection[str]) -> "Watch":
        """Return the same without some nodes."""
        left = {name: it for name, it in self.silences.items() if name not in buried}
        return Watch(at=self.at, silences=left)

    def is_dead(self, node_id: str, state: TaskState) -> bool:
        """Tell whether a node is dead; only to be asked when this watch has been written."""
        silent_for = self.at - self.silences[node_id].since
        match state:
            case TaskState.RUNNING | TaskState.UNANSWERED:
                return False
            case TaskState.GONE:
                return silent_for >= SILENT_FOR
            case TaskState.NOBODY_KNOWS:
                return silent_for >= SILENT_ALONE_FOR

    def suspects(self) -> list[str]:
        """Return the nodes whose tasks must be asked for; the others are not dead in any case."""
        return [
            it for it, silence in self.silences.items() if self.at - silence.since >= SILENT_FOR
        ]
