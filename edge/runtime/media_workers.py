"""The media workers of a node: started, commanded, heard, started again."""

from asyncio import AbstractEventLoop, Event, TimerHandle
from dataclasses import replace
from typing import Protocol

from edge.media.session import (
    CloseSession,
    MediaCommand,
    MediaReport,
    OpenSession,
    SessionId,
    SetLeg,
)
from edge.media.srtp_leg import SrtpRules
from edge.runtime.backoff import Backoff
from edge.runtime.log import Logger
from edge.runtime.media_control import MediaWorker
from edge.runtime.pump import Pump
from edge.seam import MediaCongested, MediaLost, MediaReported
from model.settings import MediaSettings

FIRST_RESTART_S = 0.1
LONGEST_RESTART_S = 5.0
LINGER_S = 0.02
"""How long opening and closing a session may wait for company: nobody can hear the difference,
because a session carries sound only once its legs are set."""


class Feed(Protocol):
    """Takes what media workers report."""

    def __call__(self, *inputs: MediaReported | MediaLost | MediaCongested) -> None:
        """Give inputs to the Core."""


class MediaWorkers:
    """All media workers of a node, numbered from 0."""

    def __init__(
        self,
        *,
        count: int,
        address: str,
        settings: MediaSettings,
        srtp: SrtpRules,
        loop: AbstractEventLoop,
        feed: Feed,
        log: Logger,
    ) -> None:
        """Start `count` workers that bind at `address`; each gets a share of the port range."""
        self.ready = Event()
        """Set once every worker has reported for the first time: there are ports."""
        self._silent = set(range(count))
        self._feed = feed
        self._workers = [
            _Worker(number, address, share, srtp, loop=loop, feed=self._heard, log=log)
            for number, share in enumerate(port_shares(settings, count))
        ]

    @property
    def pids(self) -> list[int]:
        """Return the process ids of the workers that run."""
        return [worker.pid for worker in self._workers]

    def command(self, worker: int, command: MediaCommand) -> None:
        """Tell a worker; one that is lost takes no commands, its sessions are gone."""
        self._workers[worker].command(command)

    def close(self) -> None:
        """End all workers."""
        for worker in self._workers:
            worker.close()

    def _heard(self, *inputs: MediaReported | MediaLost | MediaCongested) -> None:
        self._silent -= {heard.worker for heard in inputs if isinstance(heard, MediaReported)}
        if not self._silent:
            self.ready.set()
        self._feed(*inputs)


def port_shares(settings: MediaSettings, count: int) -> list[MediaSettings]:
    """Return the settings of each of `count` workers: the ports in disjoint, equal parts.

    Disjoint, because a port that rests in one worker must not be bound by another (EDGE Q1).
    """
    first = settings.first_port + settings.first_port % 2
    ports_each = (settings.last_port - first + 1) // 2 // count * 2
    return [
        replace(
            settings,
            first_port=first + number * ports_each,
            last_port=first + (number + 1) * ports_each - 1,
        )
        for number in range(count)
    ]


class _Worker:
    """One worker's place: a process at a time, with a pause between two."""

    def __init__(
        self,
        number: int,
        address: str,
        settings: MediaSettings,
        srtp: SrtpRules,
        *,
        loop: AbstractEventLoop,
        feed: Feed,
        log: Logger,
    ) -> None:
        self._number = number
        self._address = address
        self._settings = settings
        self._srtp = srtp
        self._loop = loop
        self._feed = feed
        self._log = log
        self._backoff = Backoff(first_s=FIRST_RESTART_S, longest_s=LONGEST_RESTART_S)
        self._restart: TimerHandle | None = None
        self._in_use: dict[SessionId, tuple[int, int]] = {}
        self._resting: tuple[int, ...] = ()
        """Ports that were in use when the last process ended, until the next one knows."""
        self._start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def command(self, command: MediaCommand) -> None:
        if isinstance(command, OpenSession):
            self._in_use[command.session] = (command.a_port, command.b_port)
        elif isinstance(command, CloseSession):
            self._in_use.pop(command.session, None)
        self._pump.send(command, linger_s=0.0 if isinstance(command, SetLeg) else LINGER_S)

    def close(self) -> None:
        if self._restart is not None:
            self._restart.cancel()
        self._pump.close()
        self._process.close()

    def _start(self) -> None:
        self._restart = None
        self._process = MediaWorker(
            self._address, self._settings, self._srtp, resting=self._resting
        )
        self._pump: Pump[MediaCommand, MediaReport] = Pump(
            self._process.channel,
            loop=self._loop,
            on_messages=self._heard,
            on_closed=self._lost,
            on_congestion=self._tell_congestion,
        )

    def _heard(self, reports: list[MediaReport]) -> None:
        self._backoff.reset()
        self._resting = ()
        self._feed(*(MediaReported(self._number, report) for report in reports))

    def _tell_congestion(self, is_behind: bool) -> None:
        self._log("media-worker-congested", {"worker": self._number, "is_behind": is_behind})
        self._feed(MediaCongested(self._number, is_behind))

    def _lost(self) -> None:
        self._process.close()
        self._resting += tuple(port for ports in self._in_use.values() for port in ports)
        self._in_use.clear()
        wait_s = self._backoff.next_s()
        self._log("media-worker-lost", {"worker": self._number, "restart_in_s": wait_s})
        self._restart = self._loop.call_later(wait_s, self._start)
        self._feed(MediaLost(self._number))
