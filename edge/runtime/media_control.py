"""The signalling side of a media worker: starts the process, commands it, hears its reports (A8).

Knows no event loop: its owner watches `fileno()` for reading, and for writing while
`wants_to_write`.
"""

import socket
import subprocess
import sys
from typing import Final

from edge.media.session import MediaCommand, MediaReport
from edge.runtime.channel import Channel
from model.settings import MediaSettings

PASSED_ON: Final = (
    *("first_port", "last_port", "packets_per_second"),
    *("port_rest_s", "timeout_s", "hold_timeout_s", "relatch_after_s"),
)
"""Members of MediaSettings that a worker takes as options."""
END_S = 2.0
"""A worker ends within a loop turn; one that takes longer is killed."""


class MediaWorker:
    """One worker process and our end of its channel."""

    def __init__(self, address: str, settings: MediaSettings) -> None:
        """Start a worker that binds its ports at a local address; 0.0.0.0 means every one."""
        ours, theirs = socket.socketpair()
        with theirs:
            options = [f"--{name}={getattr(settings, name)}" for name in PASSED_ON]
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "edge.runtime.media_worker"),
                    *(f"--fd={theirs.fileno()}", f"--address={address}", *options),
                ],
                stdin=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
            )
        self._channel: Channel[MediaCommand, MediaReport] = Channel(ours)

    @property
    def pid(self) -> int:
        """Return the process id of the worker."""
        return self._process.pid

    @property
    def is_lost(self) -> bool:
        """Tell whether the worker is gone, with its sessions and ports; start a new one then."""
        return self._channel.closed

    @property
    def wants_to_write(self) -> bool:
        """Tell whether commands wait to be flushed."""
        return self._channel.wants_to_write

    def fileno(self) -> int:
        """Return the descriptor to watch, -1 once the worker is lost."""
        return self._channel.fileno()

    def command(self, command: MediaCommand) -> None:
        """Queue a command for the next `flush`."""
        self._channel.send(command)

    def flush(self) -> bool:
        """Send this loop turn's commands; False when some wait until the socket is writable."""
        return self._channel.flush()

    def reports(self) -> list[MediaReport]:
        """Return what the worker has reported; look at `is_lost` afterwards."""
        return self._channel.receive()

    def close(self) -> None:
        """End the worker and wait for it (at most 2 s, then it is killed)."""
        self._channel.close()
        try:
            self._process.wait(END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
