"""What the management plane sees of a node: the rows of its calls and of itself (EDGE C9).

What becomes of a call's row: `answered` makes it, which the caller waits for; `ended` says how the
call ended and where its record goes; `stored` takes it off the list of those to whom something is
owed. In between, news of its media come along. Each write is the whole row, and the newest counts.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import NamedTuple, Protocol

from edge.runtime.aws_messages import EndKept, LeaseWritten, NodeIdentity
from edge.runtime.batch_writes import BatchWrites
from edge.runtime.log import Logger, utc_now
from edge.runtime.row_writer import Request, RowWriter
from edge.seam import CallJournalled, JournalPlace, NodeReport
from model.call_items import call_key, due_members, ended_members, live_members
from model.calls import LiveCall
from model.cdr import CallDetailRecord
from model.cdr_reader import ReadRecord
from model.codec import Item, Plain, encode_item
from model.node import NodeState
from model.node_items import node_members
from model.quality import CallQuality
from model.recorded_end import told_end
from model.tables import NODE, NODES, SORT_KEY, key

REMEMBERED_S = 15.0
"""How long news of a call's media may come after its end; the last ones take five seconds."""


class CallRows(Protocol):
    """The rows of calls, on their way to where no crash can take them."""

    @property
    def pending(self) -> int:
        """Return how many rows the table does not have yet."""

    def put(self, item: Item, *, is_urgent: bool = False) -> None:
        """Write a row, which shall not get lost."""

    def delete(self, key: Item) -> None:
        """Remove a row, which shall not come back."""

    def note(self, item: Item) -> None:
        """Write news of a row: if they get lost, an older one is as good."""

    def spare(self, item: Item) -> None:
        """Write a row that may get lost."""

    def flush(self) -> None:
        """Write what there is now without waiting for company."""


class Disk(Protocol):
    """The node's own journal, as far as the node itself is concerned."""

    def seen(self, at: datetime) -> None:
        """Note that the node is alive."""

    def drop_seen(self) -> None:
        """Forget when the node was seen."""


class DueCall(NamedTuple):
    """A call that has ended, and where its record goes."""

    record: CallDetailRecord
    bucket: str
    quality: CallQuality | None = None
    told: Mapping[str, Plain] = {}
    """Members of its row that the object which is there knows better (model/recorded_end.py)."""


class Journal:
    """Turns what happens on a node into rows."""

    def __init__(
        self,
        node: NodeIdentity,
        *,
        disk: Disk,
        report: Callable[[CallJournalled | EndKept | LeaseWritten], None],
        utc: Callable[[], datetime] = utc_now,
    ) -> None:
        """`report` hears when the rows of answers and of ends are safe, and when the node's own is
        there for the first time. `write_to` must follow."""
        self._node = node
        self._disk = disk
        self._report = report
        self._utc = utc
        self._answers: dict[str, JournalPlace | None] = {}
        """Answered calls whose row is not safe yet, and what was told of it."""
        self._ends: set[str] = set()
        """Ended ones."""
        self._due: dict[str, DueCall] = {}
        """Ended calls whose object is not known to be there."""
        self._done: dict[str, DueCall] = {}
        """Those whose object is there, for a while."""
        self._forget_at: deque[tuple[float, str]] = deque()
        self._aside: set[str] = set()
        """Those whose object cannot be stored, because something else is there."""
        self._is_lease_written = True
        self._was_lease_written = False

    def write_to(self, calls: CallRows, writes: BatchWrites, prefix: str, log: Logger) -> None:
        """Write the rows of calls to `calls`, and the node's own with `writes`."""
        self._calls = calls
        table = NODES.physical_name(prefix)
        self._nodes = RowWriter(
            writes.to(table),
            table=table,
            name_attribute=SORT_KEY,
            log=log,
            follower=self,
        )

    @property
    def pending(self) -> int:
        """Return how many rows are not written yet."""
        return self._calls.pending + self._nodes.pending

    def answered(self, call: LiveCall) -> None:
        """Note a call that is up, before its caller hears of it."""
        self._answers[call.transaction_id] = None
        self._calls.put(encode_item(live_members(call, self._node.node_id)), is_urgent=True)

    def measured(self, call: LiveCall, quality: CallQuality) -> None:
        """Note what the media of a call that is up is like so far."""
        self._calls.note(encode_item(live_members(call, self._node.node_id, quality)))

    def forgotten(self, transaction_id: str) -> None:
        """Remove a call that has ended and leaves no record (EDGE C11)."""
        self._ends.add(transaction_id)
        self._calls.delete(call_key(transaction_id))

    def ended(self, due: DueCall) -> None:
        """Note the end of a call that has a row; its object is due."""
        name = due.record.transaction_id
        self._ends.add(name)
        self._due[name] = due
        self._calls.put(self._row_due(due))

    def measured_to_the_end(self, record: CallDetailRecord, quality: CallQuality) -> None:
        """Note what the media of an ended call was like; it is too late if nobody knows the call
        any more."""
        name = record.transaction_id
        if name in self._due:
            self._due[name] = due = self._due[name]._replace(quality=quality)
            self._calls.put(self._row_due(due))
        elif name in self._done:
            self._done[name] = done = self._done[name]._replace(quality=quality)
            self._calls.put(self._row_done(done))

    def found(self, due: DueCall) -> bool:
        """Take a row whose object is due; False when it is being cared for already."""
        name = due.record.transaction_id
        if name in self._due or name in self._done or name in self._aside:
            return False
        self._due[name] = due
        return True

    def is_due(self, record: CallDetailRecord) -> bool:
        """Tell whether a record is that of a call that has a row and no object yet."""
        return record.transaction_id in self._due

    def stored(self, record: CallDetailRecord) -> None:
        """Note that a call's object is there."""
        due = self._due.pop(record.transaction_id)
        self._calls.put(self._row_done(due))
        now = asyncio.get_running_loop().time()
        self._done[record.transaction_id] = due
        self._forget_at.append((now + REMEMBERED_S, record.transaction_id))
        while self._forget_at and self._forget_at[0][0] <= now:
            self._done.pop(self._forget_at.popleft()[1], None)

    def replaced(self, record: CallDetailRecord, there: ReadRecord) -> None:
        """Note which record is in the place of a call's own: its row takes the end from it."""
        due = self._due.get(record.transaction_id)
        if due is not None:
            told = told_end(there, record.started_at)
            self._due[record.transaction_id] = due._replace(told=told)

    def set_aside(self, record: CallDetailRecord) -> None:
        """Leave it to a call's row, and to whoever reads the log, that its object is due."""
        self._aside.add(record.transaction_id)
        self.left(record)

    def left(self, record: CallDetailRecord) -> None:
        """Leave it to a call's row to say that its object is due; it is safe, or will be."""
        self._due.pop(record.transaction_id, None)

    def refused(self, record: CallDetailRecord, *, has_object: bool = True) -> None:
        """Note a call that never was answered; without `has_object` its record was given up."""
        key = record.key() if has_object else None
        self._calls.spare(encode_item(ended_members(record, self._node.node_id, key)))

    def safe(self, name: str, place: JournalPlace) -> None:
        """Hear where the newest row of a call is now."""
        is_safe = place is not JournalPlace.NOWHERE
        if name in self._answers and self._answers[name] is not place:
            self._report(CallJournalled(name, place))
            self._answers[name] = place
            if is_safe:
                del self._answers[name]
        if is_safe and name in self._ends:
            self._ends.discard(name)
            self._report(EndKept(name))

    def renewed(self, report: NodeReport) -> None:
        """Note how the node is doing."""
        node = NodeState(
            node_id=self._node.node_id,
            sip_address=self._node.sip_address,
            started_at=self._node.started_at,
            renewed_at=report.renewed_at,
            active_calls=report.active_calls,
            draining=report.draining,
            carriers=report.carriers,
            connector_calls=report.connector_calls,
            longest_recording_s=report.longest_recording_s,
            task=self._node.task,
            shown_at=self._utc(),
            tls=report.tls,
        )
        self._nodes.put(encode_item(node_members(node)))
        if not self._is_lease_written:
            # Whoever closes the calls of this node shall know that it was up (EDGE C9).
            self._disk.seen(report.renewed_at)
        self._is_lease_written = False

    def written(self, name: str, row: Request, /) -> None:
        """Hear that the table has the node's row."""
        self._is_lease_written = True
        if not self._was_lease_written:
            self._was_lease_written = True
            self._report(LeaseWritten())
        self._disk.drop_seen()

    def let_go(self, name: str, row: Request, /, *, is_bad: bool) -> None:
        """Hear that it has not; the next one follows."""

    def flush(self) -> None:
        """Write what there is without waiting for company."""
        self._nodes.flush()
        self._calls.flush()

    def leave(self) -> None:
        """Take the node off the list; nobody looks for its calls any more."""
        self._nodes.delete(key(NODE, self._node.node_id))
        self._nodes.flush()

    def _row_due(self, due: DueCall) -> Item:
        record, bucket, quality, _ = due
        members = due_members(record, self._node.node_id, bucket, record.key(), quality)
        return encode_item(members)

    def _row_done(self, due: DueCall) -> Item:
        record, _, quality, told = due
        members = ended_members(record, self._node.node_id, record.key(), quality)
        return encode_item({**members, **told})
