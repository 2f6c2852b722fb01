"""A media worker as a child process: started, reached over a channel, ended (A8)."""

import socket
import subprocess
import sys
from typing import Final

from edge.media.session import Begin, MediaCommand, MediaReport
from edge.media.srtp_leg import SrtpRules
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

    def __init__(
        self,
        address: str,
        settings: MediaSettings,
        srtp: SrtpRules = SrtpRules(),  # noqa: B008 - an immutable NamedTuple
        *,
        resting: tuple[int, ...] = (),
    ) -> None:
        """Start a worker that binds its ports at a local address; 0.0.0.0 means every one.

        It leases no port that is `resting` before its rest is over.
        """
        ours, theirs = socket.socketpair()
        with theirs:
            options = [f"--{name}={getattr(settings, name)}" for name in PASSED_ON]
            options.append(f"--aes192_kdf={srtp.aes192}")
            if srtp.srtcp_tag32:
                options.append("--srtcp_tag32")
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "edge.runtime.media_worker"),
                    *(f"--fd={theirs.fileno()}", f"--address={address}", *options),
                ],
                stdin=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
            )
        self.channel: Channel[MediaCommand, MediaReport] = Channel(ours)
        """Takes commands and brings reports; closed once the worker is gone with all it had."""
        self.channel.send(Begin(resting))
        self.channel.flush()

    @property
    def pid(self) -> int:
        """Return the process id of the worker."""
        return self._process.pid

    def close(self) -> None:
        """End the worker and wait for it (at most 2 s, then it is killed)."""
        self.channel.close()
        try:
            self._process.wait(END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
