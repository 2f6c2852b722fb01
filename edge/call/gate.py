"""What happens between the callee's answer and the caller's hearing of it (EDGE C9).

The 2xx waits until the rows of all the call's customers are where no crash can take them. That is a
matter of milliseconds, but everything may happen in them: both sides may hang up, and whoever keeps
the rows may never say a word.
"""

from collections.abc import Iterable

from edge.call.outcome import Outcome

PATIENCE_S = 1.0
"""After this the caller hears the answer all the same: whoever keeps rows answers within 0.2 s."""
NOT_JOURNALLED = "if this node dies now, the call has no record; look for aws-worker-lost"
"""What the operator is told of such a call."""


class HeldAnswer:
    """The answer that waits, and how the call ended in the meantime."""

    __slots__ = ("_awaited", "body", "ended_at", "why")

    def __init__(self, body: bytes, transaction_ids: Iterable[str]) -> None:
        """Begin to wait for the rows of these customers; `body` is the SDP for the caller."""
        self._awaited = set(transaction_ids)
        self.body = body
        self.why: Outcome | None = None
        """How the call ended that nobody but the caller takes for up; None as long as it is up."""
        self.ended_at = 0.0
        """When it did."""

    @property
    def awaited(self) -> list[str]:
        """Return whose rows are not safe yet, in no order."""
        return list(self._awaited)

    def take(self, transaction_id: str) -> bool:
        """Take that a customer's row is safe; tell whether all are."""
        self._awaited.discard(transaction_id)
        return not self._awaited

    def end(self, why: Outcome, ended_at: float) -> None:
        """Note that the call has ended before the caller has heard of its answer."""
        self.why, self.ended_at = why, ended_at
