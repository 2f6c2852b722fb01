"""The life of a node: ready when it can take calls, gone when the last call and record are."""

import asyncio
import os
import signal
import socket
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import uvloop

from edge.flow import Flow, Transport
from edge.meter import Figures
from edge.runtime import lifecycle, stream_listener
from edge.runtime.aws_messages import Begin
from edge.runtime.certificates import TlsFiles
from edge.runtime.draining import DrainTimes
from edge.runtime.lifecycle import LOOK_EVERY_S, Node, NodePlan
from edge.runtime.stream_node import StreamPlan
from edge.runtime.udp import bind
from edge.seam import (
    ConfigLoaded,
    Drain,
    HangUp,
    Input,
    NoteQuality,
    Output,
    Received,
    Send,
    Tick,
    WriteRecord,
)
from model.quality import optional_quality
from model.settings import MediaSettings, Settings
from model.tables import CALLS, NODES
from tests.runtime.local_aws import Deployment
from tests.runtime.records import NODE, a_quality, a_quality_record, a_record
from tests.runtime.scripted import Lines, ScriptedCore, until, within
from tests.runtime.stream_stand import MESSAGE, free_port
from tests.support.tls import TestCa

pytestmark = pytest.mark.sockets


class World:
    """A node round a scripted core, in this process."""

    def __init__(
        self,
        core: ScriptedCore,
        deployment: Deployment,
        drain_s: float,
        certificate: Path | None,
        agent_uri: str | None = None,
    ) -> None:
        self.core, self.log = core, Lines()
        sip_socket = bind(("127.0.0.1", 0))
        self.address = sip_socket.getsockname()
        self.tls = free_port()
        media = MediaSettings(first_port=self.address[1] - 200, last_port=self.address[1])
        plan = NodePlan(
            begin=Begin(
                Settings(lab_mode=True, media=media),
                deployment.prefix,
                0.1,
                NODE,
                deployment.plan,
                agent_uri,
            ),
            sip_socket=sip_socket,
            streams=StreamPlan(
                tcp_socket=stream_listener.bind(("127.0.0.1", 0)),
                sip_address=self.address,
                tls_listen=self.tls,
                files=TlsFiles(certificate=certificate),
            ),
            sip_address=self.address,
            media_address="127.0.0.1",
            media_workers=1,
            drain_s=drain_s,
            drain_times=DrainTimes(unlisted_s=0.5, unnoted_s=2.0, longest_s=5.0),
        )
        self.life = asyncio.get_running_loop().create_task(Node(core, plan, self.log).run())

    def heard(self, kind: type[Input]) -> list[Input]:
        return [happened for happened in self.core.inputs if isinstance(happened, kind)]

    def stop(self) -> None:
        os.kill(os.getpid(), signal.SIGTERM)


def live(
    core: ScriptedCore,
    deployment: Deployment,
    test: Callable[[World], Awaitable[None]],
    drain_s: float = 0.0,
    certificate: Path | None = None,
    agent_uri: str | None = None,
) -> None:
    async def run() -> None:
        world = World(core, deployment, drain_s, certificate, agent_uri)
        await until(lambda: world.log.of("ready"), 10.0)
        await test(world)
        await asyncio.wait_for(world.life, 10.0)
        assert world.log.events()[-1] == "stopped"

    uvloop.run(run())


def test_it_knows_the_configuration_before_it_hears_a_datagram(deployment: Deployment) -> None:
    async def test(world: World) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
            phone.sendto(b"x", world.address)
            await until(lambda: world.heard(Received))
        kinds = [type(happened) for happened in world.core.inputs]
        assert kinds.index(ConfigLoaded) < kinds.index(Received)
        world.stop()

    live(ScriptedCore(), deployment, test)


def test_it_shows_itself_from_ready_to_stop(deployment: Deployment) -> None:
    async def test(world: World) -> None:
        world.core.active_calls = 1
        await until(lambda: deployment.rows(NODES))
        (row,) = deployment.rows(NODES)
        assert (row["sip_address"], row["draining"]) == (NODE.sip_address, False)
        world.stop()
        await until(lambda: deployment.rows(NODES)[0]["draining"])
        assert deployment.rows(NODES)[0]["active_calls"] == 1
        world.core.active_calls = 0
        await world.life
        assert deployment.rows(NODES) == []

    live(ScriptedCore(), deployment, test, drain_s=30.0)


def test_it_tells_figures_every_minute_and_at_its_end(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:  # EDGE X1, X7
    monkeypatch.setattr("edge.runtime.lifecycle.MEASURED_EVERY_S", 0.1)
    core = ScriptedCore()
    core.counted += [
        Figures({"Reason": "foreign"}, {"PacketsDropped": 3}),
        Figures({"VoiceConnectorId": "one"}, {"Throttles": 1}, is_of_connector=True),
    ]
    whole = {"Deployment": deployment.prefix, "Region": "us-east-1"}

    async def test(world: World) -> None:
        await until(lambda: len(world.log.figures) >= 6)
        told = world.log.figures[:3]
        assert told == [
            Figures(whole, {"PortsFree": 7, "CdrBacklog": 0, "TlsOpen": 0}),
            Figures(whole | {"Reason": "foreign"}, {"PacketsDropped": 3}),
            Figures({"VoiceConnectorId": "one"}, {"Throttles": 1}),
        ]
        world.core.counted = [Figures({}, {"PortsFree": 1})]
        world.stop()
        await world.life
        assert world.log.figures[-1].figures["PortsFree"] == 1

    live(core, deployment, test)


def test_it_shows_itself_again_and_again(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.runtime.lifecycle.RENEWED_EVERY_S", 0.2)

    async def test(world: World) -> None:
        for _ in range(3):
            seen = [row["renewed_at"] for row in deployment.rows(NODES)]
            await until(lambda: [row["renewed_at"] for row in deployment.rows(NODES)] != seen)  # noqa: B023
        world.stop()

    live(ScriptedCore(), deployment, test)


def test_sighup_takes_a_new_certificate_and_tls_is_told(
    deployment: Deployment, tmp_path: Path
) -> None:  # EDGE W8
    ca = TestCa(tmp_path)
    certificate = ca.issue("one.example.com", file="server.pem")

    async def test(world: World) -> None:
        (ready,) = world.log.of("ready")
        assert ready["tls_port"] == world.tls[1]
        ca.issue("two.example.com", file="server.pem")
        os.kill(os.getpid(), signal.SIGHUP)
        await until(lambda: world.log.events().count("certificate-loaded") == 2, 1.0)
        _, writer = await asyncio.open_connection(
            *world.tls, ssl=ca.client(), server_hostname="two.example.com"
        )
        writer.write(MESSAGE)
        await until(lambda: world.heard(Received))
        world.stop()

    live(ScriptedCore(), deployment, test, certificate=certificate)


def test_without_calls_it_stops_at_once(deployment: Deployment) -> None:
    async def test(world: World) -> None:
        started = time.monotonic()
        world.stop()
        await world.life
        assert time.monotonic() - started < 0.5
        told = world.heard(Drain) + world.heard(HangUp)
        assert told == [Drain(), HangUp("Service shutdown")]

    live(ScriptedCore(), deployment, test, drain_s=30.0)


def test_draining_waits_for_the_last_call(deployment: Deployment) -> None:
    # EDGE C9, R31
    async def test(world: World) -> None:
        world.core.active_calls = 1
        world.stop()
        await until(lambda: world.heard(Drain))
        await asyncio.sleep(0.2)
        assert not world.heard(HangUp)
        world.core.active_calls = 0
        await until(lambda: world.heard(HangUp))

    live(ScriptedCore(), deployment, test, drain_s=30.0)


def test_a_second_signal_ends_the_draining(deployment: Deployment) -> None:
    async def test(world: World) -> None:
        world.core.active_calls = 1
        world.stop()
        await until(lambda: world.heard(Drain))
        world.stop()
        await until(lambda: world.heard(HangUp), 0.5)

    live(ScriptedCore(), deployment, test, drain_s=30.0)


def test_sigusr1_asks_what_the_node_holds(deployment: Deployment) -> None:
    async def test(world: World) -> None:
        world.core.active_calls = 7
        os.kill(os.getpid(), signal.SIGUSR1)
        await until(lambda: world.log.of("pending"))
        assert world.log.of("pending") == [
            {"calls": 7, "dialogs": 0, "recordings": 0, "records": 0, "faults": 0}
        ]
        assert not world.heard(Drain)
        world.core.active_calls = 0
        world.stop()

    live(ScriptedCore(), deployment, test)


def test_calls_that_are_left_are_hung_up_their_byes_repeated_and_records_stored(
    deployment: Deployment,
) -> None:
    # EDGE C9: StatusMessage "Service shutdown".
    record = a_record()

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
        phone.bind(("127.0.0.1", 0))
        phone.setblocking(False)
        bye = Send(b"BYE", Flow(Transport.UDP, ("127.0.0.1", 0), phone.getsockname()))

        def script(happened: Input) -> list[Output]:
            match happened:
                case HangUp():
                    core.active_calls, core.dialogs = 0, 1
                    core.at = time.monotonic() + 0.5
                    return [bye, WriteRecord(deployment.bucket, record)]
                case Tick():
                    core.at = time.monotonic() + 0.9
                    return [bye]
            return []

        core = ScriptedCore(script)

        async def test(world: World) -> None:
            core.active_calls = 1
            started = time.monotonic()
            world.stop()
            await world.life
            assert time.monotonic() - started < 2.0
            received = [phone.recv(100) for _ in range(3)]
            assert received == [b"BYE"] * 3
            assert deployment.objects() == {record.key(): record.body()}
            assert world.log.of("stopped")[0]["records_lost"] == 0

        live(core, deployment, test)


def test_what_is_measured_of_the_last_calls_is_stored(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    # EDGE C9, X10: the last words of the media workers come a moment after the end of the calls.
    for patience in ("LAST_MEASURES_S", "LAST_WORK_S"):
        monkeypatch.setattr(lifecycle, patience, 30.0)
    record = a_record()
    of_quality = a_quality_record(record)

    def script(happened: Input) -> list[Output]:
        match happened:
            case HangUp():
                core.at = time.monotonic() + 0.1
                return [WriteRecord(deployment.bucket, record, is_journalled=True)]
            case Tick():
                core.active_calls, core.at = 0, None
                quality = NoteQuality(record, a_quality())
                return [quality, WriteRecord(deployment.bucket, of_quality)]
        return []

    core = ScriptedCore(script)

    async def test(world: World) -> None:
        core.active_calls = 1
        world.stop()
        await world.life
        assert deployment.objects() == {it.key(): it.body() for it in (record, of_quality)}
        assert optional_quality(deployment.items(CALLS)[0]) == a_quality()

    live(core, deployment, test)


def test_answered_byes_hold_nobody_up(deployment: Deployment) -> None:
    async def test(world: World) -> None:
        world.core.active_calls = world.core.dialogs = 1
        world.stop()
        await until(lambda: world.heard(HangUp))
        world.core.active_calls = 0
        await asyncio.sleep(2 * LOOK_EVERY_S)
        assert not world.life.done()
        world.core.dialogs = 0
        with within(1.0):  # LAST_WORK_S is longer
            await world.life

    live(ScriptedCore(), deployment, test)
