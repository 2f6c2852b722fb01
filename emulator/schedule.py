"""The local schedule: a handler that is called again and again, as EventBridge would call it."""

import threading
from types import TracebackType

from lambdas.management.composition import Handler

_END_WITHIN_S = 1.0
_EVENT = {"source": "aws.events", "detail-type": "Scheduled Event"}


class RunningSchedule:
    """Calls a handler in a thread of its own; ends with close() or the `with` block.

    What goes wrong is the handler's to tell: the next call comes in any case.
    """

    def __init__(self, handler: Handler, *, every_s: float) -> None:
        self._handler = handler
        self._every_s = every_s
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Let a call that is under way end, but not for long, and make no other."""
        self._ending.set()
        self._thread.join(_END_WITHIN_S)

    def __enter__(self) -> "RunningSchedule":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _run(self) -> None:
        while not self._ending.wait(self._every_s):
            try:
                self._handler(_EVENT, None)
            except Exception:
                # As Lambda does with a failed run: the schedule goes on.
                continue
