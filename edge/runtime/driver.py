"""The shell around the Core: brings it what happens and carries out what it decides.

Everything runs on one thread and one event loop. Whoever has something for the Core calls `feed`,
or `on_datagram` for each of a batch and `on_turn_end` after it; outputs are carried out then. There
is exactly one timer handle. It is left alone while it is early enough, so that the usual message,
which only adds later deadlines, costs no timer; when it fires early, it is set anew.
"""

import time
import traceback
from asyncio import AbstractEventLoop, TimerHandle
from collections.abc import Callable
from typing import Protocol, assert_never

from edge.flow import Address, Flow, Transport
from edge.media.session import MediaCommand
from edge.meter import Figures
from edge.runtime.log import Logger
from edge.seam import (
    CloseFlow,
    CommandMedia,
    Count,
    FlowClosed,
    FlowIdle,
    ForgetCall,
    Input,
    JournalCall,
    Log,
    NodeReport,
    NoteHealth,
    NoteQuality,
    Output,
    PutMetrics,
    Received,
    RecordingBegun,
    RecordingGrew,
    RecordingOver,
    RecordingRefused,
    RecordingStep,
    Send,
    Tick,
    Unreachable,
    WriteLog,
    WriteRecord,
)

TIMER_RESOLUTION_S = 0.001
"""uvloop counts milliseconds; added to every wait, so that a timer never fires too early."""
TICK_EVERY_S = 0.01
"""Two Ticks are at least this far apart. Every call leaves timers behind that end at moments of
their own; waking up for each would cost a tenth of the call, and none of SIP's is so exact."""
FAULT_PAUSE_S = 0.1
"""After a fault the next Tick waits this long: a timer that always fails must not eat the CPU."""


class CoreLike(Protocol):
    """What the driver needs of a Core."""

    def handle(self, happened: Input, now: float, /) -> None:
        """Take one input."""

    def poll(self) -> Output | None:
        """Return the next output."""

    def deadline(self) -> float | None:
        """Return the monotonic time of the next Tick."""

    @property
    def active_calls(self) -> int:
        """Return how many calls there are."""

    def report(self, now: float, /) -> NodeReport:
        """Return what the node says of itself."""

    def minute(self) -> list[Figures]:
        """Return what was counted since the last time this was asked."""

    @property
    def pending(self) -> dict[str, int]:
        """Return how much is held, by kind."""

    def knows(self, remote: Address, /) -> bool:
        """Tell whether somebody of whom the node knows is at an address."""


class Sender(Protocol):
    """A transport, for sending."""

    def send(self, data: bytes, flow: Flow) -> None:
        """Send one message."""


class Closer(Protocol):
    """Whoever holds stream connections."""

    def close_flow(self, flow: Flow, ban_s: float) -> None:
        """Close a connection, and let its peer's address open no other for so long."""


class Driver:
    """Runs one Core on an event loop."""

    def __init__(
        self,
        core: CoreLike,
        *,
        loop: AbstractEventLoop,
        log: Logger,
        command_media: Callable[[int, MediaCommand], None],
        write_record: Callable[[WriteRecord], None],
        write_log: Callable[[WriteLog], None],
        put_metrics: Callable[[PutMetrics], None],
        journal: Callable[[JournalCall | ForgetCall | NoteQuality | NoteHealth], None],
        record: Callable[[RecordingStep], None],
        count: Callable[[Count], None],
    ) -> None:
        self._core = core
        self._loop = loop
        self._log = log
        self._command_media = command_media
        self._write_record = write_record
        self._write_log = write_log
        self._put_metrics = put_metrics
        self._journal = journal
        self._record = record
        self._count = count
        self._senders: dict[Transport, Sender] = {}
        self._closer: Closer | None = None
        self._timer: TimerHandle | None = None
        self._timer_at = 0.0
        self._not_before = 0.0
        self.faults = 0
        """Exceptions out of the Core since the start: each is a bug (EDGE R33)."""

    @property
    def active_calls(self) -> int:
        """Return how many calls there are."""
        return self._core.active_calls

    def report(self) -> NodeReport:
        """Return what the node says of itself now."""
        return self._core.report(time.monotonic())

    def minute(self) -> list[Figures]:
        """Return what was counted since the last time this was asked (EDGE X1, X7)."""
        return self._core.minute()

    @property
    def pending(self) -> dict[str, int]:
        """Return how much the Core holds, by kind."""
        return self._core.pending

    def add_transport(self, transport: Transport, sender: Sender) -> None:
        """Send the messages of one transport through `sender` from now on."""
        self._senders[transport] = sender

    def set_closer(self, closer: Closer) -> None:
        """Let `closer` carry out what is decided about stream connections."""
        self._closer = closer

    def knows(self, remote: Address) -> bool:
        """Tell whether somebody of whom the node knows is at an address (EDGE S9)."""
        return self._core.knows(remote)

    def feed(self, *inputs: Input) -> None:
        """Give inputs to the Core and carry out what follows."""
        for happened in inputs:
            self._handle(happened)
        self.on_turn_end()

    def on_datagram(self, data: bytes, flow: Flow) -> None:
        """Give one datagram to the Core; `on_turn_end` must follow."""
        self._handle(Received(data, flow))

    def on_stream_message(self, data: bytes, flow: Flow, *, broken: bool) -> None:
        """Give one message of a stream to the Core; `on_turn_end` must follow."""
        self._handle(Received(data, flow, broken))

    def on_unreachable(self, remote: Address, transport: Transport = Transport.UDP) -> None:
        """Tell the Core that a peer cannot be reached; `on_turn_end` must follow."""
        self._handle(Unreachable(remote, transport))

    def on_closed(self, flow: Flow) -> None:
        """Tell the Core that a stream connection has ended."""
        self.feed(FlowClosed(flow))

    def on_idle(self, flow: Flow) -> None:
        """Tell the Core that nothing has come over a stream connection for long."""
        self.feed(FlowIdle(flow))

    def on_turn_end(self) -> None:
        """Carry out all outputs and see to the timer."""
        while (output := self._core.poll()) is not None:
            self._carry_out(output)
        self._arm()

    def close(self) -> None:
        """Stop the timer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _handle(self, happened: Input) -> None:
        try:
            self._core.handle(happened, time.monotonic())
        except Exception as fault:
            self.faults += 1
            self._not_before = time.monotonic() + FAULT_PAUSE_S
            trace = traceback.format_exception(fault, limit=-4)
            self._log(
                "fault",
                {
                    "input": type(happened).__name__,
                    "faults": self.faults,
                    "error": trace[-1].strip(),
                    "traceback": "".join(trace[:-1]),
                },
            )

    def _carry_out(self, output: Output) -> None:
        match output:
            case Send(data, flow):
                sender = self._senders.get(flow.transport)
                if sender is None:
                    self._handle(Unreachable(flow.remote, flow.transport))
                else:
                    sender.send(data, flow)
            case CloseFlow(flow, ban_s):
                if self._closer is not None:
                    self._closer.close_flow(flow, ban_s)
            case CommandMedia(worker, command):
                self._command_media(worker, command)
            case WriteRecord():
                self._write_record(output)
            case JournalCall() | ForgetCall() | NoteQuality() | NoteHealth():
                self._journal(output)
            case RecordingBegun() | RecordingGrew() | RecordingOver() | RecordingRefused():
                self._record(output)
            case Count():
                self._count(output)
            case Log(event, fields):
                self._log(event, fields)
            case WriteLog():
                self._write_log(output)
            case PutMetrics():
                self._put_metrics(output)
            case _:
                assert_never(output)

    def _arm(self) -> None:
        deadline = self._core.deadline()
        if deadline is None:
            return
        at = max(deadline, self._not_before)
        if self._timer is not None:
            if self._timer_at <= at:
                return
            self._timer.cancel()
        wait_s = max(0.0, at - time.monotonic()) + TIMER_RESOLUTION_S
        self._timer_at = at
        self._timer = self._loop.call_later(wait_s, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        deadline = self._core.deadline()
        now = time.monotonic()
        if deadline is not None and max(deadline, self._not_before) <= now:
            self._not_before = now + TICK_EVERY_S
            self._handle(Tick())
        self.on_turn_end()
