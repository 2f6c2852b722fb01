"""Steps the wall clock of single processes, without a system package and without their help.

What the edge does with wall time it does in Python, so its own Python is where the clock is put
wrong (stepped/sitecustomize.py). libfaketime would have to be installed, and would put the timers
of uvloop and of native threads at risk for nothing: obstore's signatures are the only thing beyond
Python that looks at the wall clock.
"""

import mmap
import os
import struct
from pathlib import Path

_DIRECTORY = Path(__file__).parent / "stepped"
_ROOT = Path(__file__).parents[2]


class SteppedClock:
    """The wall clock of the processes that get `environment`."""

    def __init__(self, path: Path) -> None:
        """Keep how wrong it is in a file."""
        path.write_bytes(struct.pack("d", 0.0))
        self.environment = {
            "STEPPED_CLOCK": str(path),
            "PYTHONPATH": os.pathsep.join((str(_DIRECTORY), str(_ROOT))),
        }
        with path.open("r+b") as file:
            self._shared = mmap.mmap(file.fileno(), 8)
        self.offset_s = 0.0
        """How far it is ahead of the real one."""

    def step(self, seconds: float) -> None:
        """Put it forward, or back by a negative number."""
        self.offset_s += seconds
        self._shared[:8] = struct.pack("d", self.offset_s)
