"""Rates: how often something may happen, in memory that never grows without bound.

All limits are token buckets kept as one number, the *theoretical arrival time* of the generic cell
rate algorithm: the moment at which the bucket would be full again. That is exactly a bucket that
holds `burst` tokens and gains `rate` tokens per second, without a second field or a refill step.
"""

from array import array
from hashlib import blake2b
from struct import Struct

_TOLERANCE_S = 1e-6
"""A call exactly one interval after the last one is in time, whatever the float's last bit says."""

BUCKETS = 20_000
"""Twice the numbers or sources that one node is made for; a bucket takes about 150 bytes."""

SKETCH_ROWS = 4
SKETCH_COLUMNS = 4_096
"""4 x 4,096 doubles are 128 KiB; with 1,000 busy strangers one in 450 shares all its cells."""


_WORDS = Struct(f"={SKETCH_ROWS}I")


def _next_full(full_at: float, rate: float, burst: float, now: float) -> float | None:
    """Return when a bucket is full after taking one token, None when it holds none."""
    if not rate:
        return None  # a setting of 0 means never
    interval = 1.0 / rate
    if full_at - (burst - 1.0) * interval > now + _TOLERANCE_S:
        return None
    return max(full_at, now) + interval


class RateLimiter:
    """One token bucket per key; the key that was idle longest is forgotten when there are many."""

    __slots__ = ("_capacity", "_full_at")

    def __init__(self, capacity: int = BUCKETS) -> None:
        self._capacity = capacity
        self._full_at: dict[str, float] = {}

    def take(self, key: str, rate: float, burst: float, now: float) -> bool:
        """Take a token; False when the bucket is empty. `rate` is per second, `burst` >= 1."""
        before = self._full_at.pop(key, now)  # popped, so that insertion order is order of use
        after = _next_full(before, rate, burst, now)
        self._full_at[key] = before if after is None else after
        if len(self._full_at) > self._capacity:
            del self._full_at[next(iter(self._full_at))]
        return after is not None

    def __len__(self) -> int:
        return len(self._full_at)


class RateSketch:
    """Token buckets for any number of keys in fixed memory (EDGE S3).

    A count-min sketch of buckets: a key owns one cell in every row and is judged by the emptiest
    claim on them, so strangers who share one cell do not hurt each other. It never lets a key have
    more than its rate. The hash is keyed, so that nobody can choose addresses that collide.
    """

    __slots__ = ("_cells", "_columns", "_key")

    def __init__(self, secret: str, *, columns: int = SKETCH_COLUMNS) -> None:
        self._key = secret.encode()[:64]
        self._columns = columns
        self._cells = array("d", bytes(8 * SKETCH_ROWS * columns))

    def take(self, key: str, rate: float, burst: float, now: float) -> bool:
        """Take a token; False when the bucket is empty."""
        digest = blake2b(key.encode(), digest_size=4 * SKETCH_ROWS, key=self._key).digest()
        columns, cells = self._columns, self._cells
        words = _WORDS.unpack(digest)
        places = [row * columns + word % columns for row, word in enumerate(words)]
        full_at = _next_full(min([cells[place] for place in places]), rate, burst, now)
        if full_at is None:
            return False
        for place in places:
            cells[place] = max(cells[place], full_at)
        return True
