"""How long to wait before trying again: doubling, bounded."""


class Backoff:
    """Waits that double from `first_s` up to `longest_s`, and start anew after a success."""

    def __init__(self, *, first_s: float, longest_s: float) -> None:
        self._first_s = first_s
        self._longest_s = longest_s
        self._next_s = first_s

    def next_s(self) -> float:
        """Return the next wait in seconds."""
        wait_s = self._next_s
        self._next_s = min(2 * wait_s, self._longest_s)
        return wait_s

    def reset(self) -> None:
        """Begin with the first wait again."""
        self._next_s = self._first_s
