"""A wall clock that a test can step, for a Python process and its children.

Python imports this by itself when the directory is on PYTHONPATH. The variable STEPPED_CLOCK names
a file of eight octets: how many seconds the clock is off, as a double. Only the wall clock is
touched, as by a step of the real one; monotonic time goes on.
"""

import datetime as module
import mmap
import os
import struct
import time
from datetime import datetime as real
from datetime import tzinfo

_PATH = os.environ.get("STEPPED_CLOCK")


class _Meta(type):
    def __instancecheck__(cls, value: object) -> bool:
        # What native code makes is of the real class.
        return isinstance(value, real)


class _Stepped(real, metaclass=_Meta):
    @classmethod
    def now(cls, tz: tzinfo | None = None) -> "_Stepped":
        return cls.fromtimestamp(time.time(), tz)

    @classmethod
    def utcnow(cls) -> "_Stepped":
        return cls.fromtimestamp(time.time(), module.UTC).replace(tzinfo=None)


def _install(path: str) -> None:
    with open(path, "r+b") as file:
        shared = mmap.mmap(file.fileno(), 8)

    def offset_s() -> float:
        return float(struct.unpack("d", shared[:8])[0])

    actual, actual_ns = time.time, time.time_ns
    time.time = lambda: actual() + offset_s()
    time.time_ns = lambda: actual_ns() + round(offset_s() * 1e9)
    # Under its own name, so that what one process pickles another one finds.
    _Stepped.__name__ = _Stepped.__qualname__ = "datetime"
    _Stepped.__module__ = "datetime"
    module.datetime = _Stepped  # type: ignore[misc]  # the very point


if _PATH is not None:
    _install(_PATH)
