"""What the signalling process keeps on the disk itself while it has no AWS worker (EDGE C9).

A worker that has died takes a second and more to be replaced. Calls are answered meanwhile, others
end, and nobody but this process knows: were it killed now, too, nothing would be left of them. So
it has a journal of its own for that while, which the next start of an edge reads as it does any
other. The next worker hears of everything that is kept here, and what it has brought to a safe
place is dropped.
"""

from collections.abc import Callable

from edge.runtime.aws_messages import Begin
from edge.runtime.journal_lines import Entry, Header
from edge.runtime.local_journal import LocalJournal
from edge.runtime.log import Logger
from edge.seam import CallJournalled, ForgetCall, JournalCall, JournalPlace, WriteRecord
from model.call_items import call_key, due_members, live_members
from model.cdr import CallDetailRecord
from model.codec import encode_item

Owed = JournalCall | WriteRecord | ForgetCall
"""What must not get lost: the answer of a call, its end, or that it leaves no record."""


class StandbyJournal:
    """Keeps rows while nobody else does; as long as a worker runs it holds nothing."""

    def __init__(
        self, begin: Begin, *, feed: Callable[[CallJournalled], None], log: Logger
    ) -> None:
        """`feed` hears of answers whose rows are on the disk."""
        self._begin = begin
        self._feed = feed
        self._log = log
        self._journal: LocalJournal | None = None
        """Made when it is first needed."""

    def keep(self, owed: Owed) -> None:
        """Bring the row that says so to the disk."""
        name, entry = self._row(owed)

        def kept(is_kept: bool) -> None:
            # If the disk refuses, the patience of the caller's answer ends by itself.
            if is_kept and isinstance(owed, JournalCall):
                self._feed(CallJournalled(name, JournalPlace.DISK))

        if entry is not None:
            self._opened().keep(name, entry, kept)

    def drop(self, name: str) -> None:
        """Forget a call: a worker has brought its row to a safe place."""
        if self._journal is not None:
            self._journal.drop(name)

    def close(self) -> None:
        """Let go of the file; it stays if anything in it, or on its way there, is needed."""
        if self._journal is not None and not self._journal.pending:
            self._journal.close()

    def _opened(self) -> LocalJournal:
        if self._journal is None:
            plan, node_id = self._begin.journal, self._begin.node.node_id
            self._journal = LocalJournal(
                plan.directory,
                Header(node_id, self._begin.table_prefix),
                longest_bytes=plan.longest_bytes,
                log=self._log,
            )
        return self._journal

    def _row(self, owed: Owed) -> tuple[str, Entry | None]:
        node_id = self._begin.node.node_id
        match owed:
            case JournalCall(call):
                return call.transaction_id, Entry(put=encode_item(live_members(call, node_id)))
            case ForgetCall(transaction_id):
                return transaction_id, Entry(delete=call_key(transaction_id))
            case WriteRecord(bucket, record):
                if not isinstance(record, CallDetailRecord):
                    return record.transaction_id, None
                members = due_members(record, node_id, bucket, record.key())
                return record.transaction_id, Entry(put=encode_item(members))
