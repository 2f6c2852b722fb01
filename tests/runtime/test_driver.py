"""The shell round the Core: order, one timer, faults that end nothing."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from itertools import pairwise

import uvloop

from edge.flow import Flow, Transport
from edge.media.session import CloseSession, MediaCommand, SessionId
from edge.runtime.aws_messages import JournalEntry
from edge.runtime.driver import FAULT_PAUSE_S, TICK_EVERY_S, Driver
from edge.seam import (
    CloseFlow,
    CommandMedia,
    Count,
    Drain,
    FlowClosed,
    FlowIdle,
    ForgetCall,
    Input,
    JournalCall,
    Log,
    MediaLost,
    NoteQuality,
    Output,
    PutMetrics,
    Received,
    RecordingGrew,
    RecordingStep,
    Send,
    Tick,
    Unreachable,
    WriteLog,
    WriteRecord,
)
from model.connector_logs import ConnectorLog
from tests.runtime.records import STARTED_AT, a_live_call, a_quality, a_record
from tests.runtime.scripted import Lines, ScriptedCore, until

LOCAL, REMOTE = ("127.0.0.1", 5060), ("127.0.0.2", 5080)
FLOW = Flow(Transport.UDP, LOCAL, REMOTE)


class World:
    """A driver with a scripted core and everything it carries out, in order."""

    def __init__(self, core: ScriptedCore) -> None:
        self.core, self.log = core, Lines()
        self.sent: list[tuple[bytes, Flow]] = []
        self.closed: list[tuple[Flow, float]] = []
        self.commands: list[tuple[int, MediaCommand]] = []
        self.records: list[WriteRecord] = []
        self.counts: list[Count] = []
        self.logs: list[WriteLog] = []
        self.metrics: list[PutMetrics] = []
        self.journal: list[JournalEntry] = []
        self.recording: list[RecordingStep] = []
        self.driver = Driver(
            core,
            loop=asyncio.get_running_loop(),
            log=self.log,
            command_media=lambda worker, command: self.commands.append((worker, command)),
            write_record=self.records.append,
            write_log=self.logs.append,
            put_metrics=self.metrics.append,
            journal=self.journal.append,
            record=self.recording.append,
            count=self.counts.append,
        )
        self.driver.add_transport(Transport.UDP, self)
        self.driver.set_closer(self)

    def send(self, data: bytes, flow: Flow) -> None:
        self.sent.append((data, flow))

    def close_flow(self, flow: Flow, ban_s: float) -> None:
        self.closed.append((flow, ban_s))


def in_world(core: ScriptedCore, test: Callable[[World], Coroutine[None, None, None]]) -> None:
    async def run() -> None:
        world = World(core)
        await test(world)
        world.driver.close()

    uvloop.run(run())


def test_every_output_goes_its_way() -> None:
    record = WriteRecord("bucket", a_record())
    close = CloseSession(SessionId(7))
    noted, forgotten = JournalCall(a_live_call()), ForgetCall("1")
    quality = NoteQuality(a_record(), a_quality())
    line = WriteLog(ConnectorLog.MEDIA_METRICS, "connector", STARTED_AT, {"call_id": "1"})
    metrics = PutMetrics({"Region": "us-east-1"}, {"CustomerToVcRtpPackets": 1})
    grew = RecordingGrew("1", b"records")
    outputs: list[Output] = [
        Send(b"bytes", FLOW),
        CommandMedia(2, close),
        noted,
        record,
        forgotten,
        quality,
        line,
        metrics,
        grew,
        CloseFlow(FLOW, 60.0),
        Count("connector", 10, 1, 0.5, 0.5),
        Log("call-started", {"n": 1}),
    ]

    async def test(world: World) -> None:
        world.driver.on_datagram(b"INVITE", FLOW)
        assert world.sent == []
        world.driver.on_turn_end()
        assert world.core.inputs == [Received(b"INVITE", FLOW)]
        assert world.sent == [(b"bytes", FLOW)]
        assert world.closed == [(FLOW, 60.0)]
        assert world.commands == [(2, close)]
        assert world.records == [record]
        assert world.journal == [noted, forgotten, quality]
        assert (world.logs, world.metrics) == ([line], [metrics])
        assert world.recording == [grew]
        assert world.counts == [Count("connector", 10, 1, 0.5, 0.5)]
        assert world.log.written == [("call-started", {"n": 1})]

    in_world(ScriptedCore(lambda happened: outputs), test)


def test_a_transport_that_is_not_there_is_an_unreachable_peer() -> None:
    def script(happened: Input) -> list[Output]:
        over_tcp = FLOW._replace(transport=Transport.TCP)
        return [Send(b"x", over_tcp)] if isinstance(happened, Drain) else []

    async def test(world: World) -> None:
        world.driver.feed(Drain())
        assert world.core.inputs == [Drain(), Unreachable(REMOTE, Transport.TCP)]

    in_world(ScriptedCore(script), test)


def test_what_happens_to_streams_reaches_the_core() -> None:
    stream = FLOW._replace(transport=Transport.TCP, connection=7)

    async def test(world: World) -> None:
        world.driver.on_stream_message(b"INVITE", stream, broken=False)
        world.driver.on_stream_message(b"GET", stream, broken=True)
        world.driver.on_unreachable(REMOTE, Transport.TLS)
        world.driver.on_idle(stream)
        world.driver.on_closed(stream)
        assert world.core.inputs == [
            Received(b"INVITE", stream),
            Received(b"GET", stream, broken=True),
            Unreachable(REMOTE, Transport.TLS),
            FlowIdle(stream),
            FlowClosed(stream),
        ]
        world.core.known.add(REMOTE)
        assert world.driver.knows(REMOTE) and not world.driver.knows(LOCAL)

    in_world(ScriptedCore(), test)


def test_a_tick_comes_at_the_deadline_and_not_before() -> None:
    async def test(world: World) -> None:
        at = world.core.at = time.monotonic() + 0.05

        def no_more(happened: Input) -> list[Output]:
            world.core.at = None
            return []

        world.driver.on_turn_end()
        world.core.script = no_more
        await until(lambda: world.core.inputs)
        assert world.core.inputs == [Tick()]
        assert world.core.times[0] >= at

    in_world(ScriptedCore(), test)


def test_deadlines_that_follow_each_other_closely_share_a_tick() -> None:
    async def test(world: World) -> None:
        def always_due(happened: Input) -> list[Output]:
            world.core.at = time.monotonic()
            return []

        world.core.script = always_due
        world.core.at = time.monotonic()
        world.driver.on_turn_end()
        await until(lambda: len(world.core.times) >= 4)
        gaps = [later - at for at, later in pairwise(world.core.times)]
        assert min(gaps) >= TICK_EVERY_S

    in_world(ScriptedCore(), test)


def test_an_earlier_deadline_replaces_a_later_one_and_a_later_one_waits() -> None:
    async def test(world: World) -> None:
        start = time.monotonic()
        world.core.at = start + 30.0
        world.driver.on_turn_end()
        world.core.at = start + 0.03
        world.driver.on_turn_end()
        # Put off after the timer was set: it fires, finds nothing due, and is set anew.
        world.core.at = due = start + 0.08

        def no_more(happened: Input) -> list[Output]:
            world.core.at = None
            return []

        world.core.script = no_more
        await until(lambda: world.core.inputs)
        assert world.core.inputs == [Tick()] and world.core.times[0] >= due

    in_world(ScriptedCore(), test)


def test_a_fault_is_logged_counted_and_survived() -> None:
    # EDGE R33
    def script(happened: Input) -> list[Output]:
        if isinstance(happened, MediaLost):
            raise LookupError("a bug \x1b[31m")
        return [Send(b"alive", FLOW)]

    async def test(world: World) -> None:
        world.driver.feed(MediaLost(0), Drain())
        assert world.sent == [(b"alive", FLOW)]
        assert world.driver.faults == 1
        (fault,) = world.log.of("fault")
        assert fault["input"] == "MediaLost" and fault["faults"] == 1
        assert "LookupError: a bug" in str(fault["error"])
        assert "in script" in str(fault["traceback"])

    in_world(ScriptedCore(script), test)


def test_a_timer_that_always_fails_does_not_eat_the_cpu() -> None:
    def script(happened: Input) -> list[Output]:
        raise LookupError("again")

    async def test(world: World) -> None:
        world.core.at = time.monotonic()
        world.driver.on_turn_end()
        await until(lambda: world.driver.faults == 3)
        gaps = [b - a for a, b in zip(world.core.times, world.core.times[1:], strict=False)]
        assert min(gaps) >= FAULT_PAUSE_S

    in_world(ScriptedCore(script), test)
