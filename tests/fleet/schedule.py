"""A function that is called again and again, as EventBridge calls a Lambda."""

from collections.abc import Callable
from threading import Condition, Thread


class Schedule:
    """Calls it in a thread of its own: every so often, and at once when something happens."""

    def __init__(self, run: Callable[[], object], every_s: float) -> None:
        self.runs = 0
        """How many have ended."""
        self.failures: list[str] = []
        self._run = run
        self._every_s = every_s
        self._changed = Condition()
        self._is_due = self._is_over = False
        self._thread = Thread(target=self._repeat)
        self._thread.start()

    def call(self) -> None:
        """Let a run begin now, or when the present one has ended."""
        with self._changed:
            self._is_due = True
            self._changed.notify()

    def close(self) -> None:
        """Let no further run begin, and wait for the present one."""
        with self._changed:
            self._is_over = True
            self._changed.notify()
        self._thread.join()

    def _repeat(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._is_due or self._is_over, self._every_s)
                if self._is_over:
                    return
                self._is_due = False
            try:
                self._run()
            except Exception as error:
                self.failures.append(repr(error))
            self.runs += 1
