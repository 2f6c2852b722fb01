"""Which packets of a stream have been, and whose turn it is (RFC 3711 §3.3; EDGE K13).

A *packet index* is the rollover counter (ROC) above the 16 bits of the sequence number. Only the
latter is on the wire; the former is guessed, and a wrong guess makes the tag fail.
"""

SEQUENCES = 1 << 16
MEDIAN = 1 << 15
LEAST_WINDOW = 64
"""RFC 3711 §3.3.2."""
LARGEST_WINDOW = 1024
"""EDGE K8."""
WORD_BITS = 32
"""libsrtp rounds a window up to whole words; so do we, to judge alike."""


def window_within_limits(wished: int) -> int:
    """Return the window that is kept for a peer's wish (EDGE K8, K13)."""
    return max(LEAST_WINDOW, min(-(-wished // WORD_BITS) * WORD_BITS, LARGEST_WINDOW))


class ReplayList:
    """The indices seen, as far back as the window reaches (RFC 3711 §3.3.2)."""

    __slots__ = ("_mask", "_seen", "_window", "highest")

    def __init__(self, window: int) -> None:
        self.highest = 0
        """The highest index seen; 0 before the first packet as well, for the ROC starts there."""
        self._seen = 0
        """Bit n: the index `highest - n` has been seen."""
        self._window = window
        self._mask = (1 << window) - 1

    @property
    def is_empty(self) -> bool:
        """Tell whether no index has been seen."""
        return self._seen == 0

    def index_of(self, sequence: int) -> int:
        """Return the index that a sequence number most likely stands for (RFC 3711 §3.3.1)."""
        roc, last = divmod(self.highest, SEQUENCES)
        if last < MEDIAN:
            if sequence - last > MEDIAN and roc > 0:
                roc -= 1
        elif last - MEDIAN > sequence:
            roc += 1
        return roc * SEQUENCES + sequence

    def admits(self, index: int) -> bool:
        """Tell whether an index is neither seen nor too old to know."""
        age = self.highest - index
        return age < 0 or (age < self._window and not self._seen >> age & 1)

    def add(self, index: int) -> None:
        """Remember an admitted index; a received one only once its packet has been verified."""
        step = index - self.highest
        if step <= 0:
            self._seen |= 1 << -step
            return
        self._seen = (self._seen << step) & self._mask | 1 if step < self._window else 1
        self.highest = index
