"""Two media workers, one of which is killed in the middle of its calls (A8)."""

import json
import os
import secrets
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import pytest

from edge.flow import Address
from edge.sip.message import Request
from emulator.probe import admits
from tests.e2e.audio import Phone, assert_each_hears_the_other, hear_out, open_the_way, talk
from tests.e2e.lab import UNHURRIED, udp_ports
from tests.e2e.running import free_port
from tests.e2e.sipp import free_address, free_host
from tests.e2e.wire import Wire
from tests.runtime.local_aws import Deployment, LocalAws, a_connector
from tests.runtime.processes import children_of
from tests.runtime.scripted import wait_for
from tests.runtime.test_main import CONNECTOR, HOST, Edge, edge, environment
from tests.support.agent import Agent, CalleePlan, CallerPlan, Step, user_of
from tests.support.sdp import audio, rtp_of

pytestmark = [pytest.mark.sockets, pytest.mark.xdist_group("media-workers")]

CALLS = 4
FEW_FRAMES = 25
MEDIA_LOST = "Q.850;cause=41"


class Talk:
    """A call between two phones."""

    def __init__(self, ground: "Ground", number: str) -> None:
        self.number = number
        self.near, self.far = (ground.phone(it) for it in (ground.pbx, ground.carrier))
        plan = CallerPlan(body=audio(*self.near.address))
        self.call = ground.pbx.call(f"sip:{number}@{HOST}", ground.at, plan, time.monotonic())

    def is_up(self, carrier: Agent) -> bool:
        """Tell whether both ends have heard of the answer."""
        assert self.call.final is None or self.call.answered, self.call.final.status
        return self.call.answered and bool(carrier.taken) and carrier.taken[-1].ack is not None

    def begin(self, carrier: Agent) -> None:
        """Tell the phones where the edge wants their audio."""
        (self.taken,) = [it for it in carrier.taken if user_of(it.request) == self.number]
        assert self.call.final is not None
        self.near.edge = rtp_of(self.call.final.body)
        self.far.edge = rtp_of(self.taken.request.body)

    @property
    def phones(self) -> tuple[Phone, Phone]:
        """Return both ends."""
        return self.near, self.far

    @property
    def is_over(self) -> bool:
        """Tell whether both ends have hung up, or been hung up on."""
        return self.call.hung_up and self.taken.hung_up


class Ground:
    """An edge with two workers, its PBX and its carrier."""

    def __init__(self, opened: ExitStack, pbx: str, carrier: Address) -> None:
        self._opened = opened
        self.talks: list[Talk] = []
        self.at: Address
        self.process: Edge
        self.pbx = Agent(f"pbx-{secrets.token_hex(4)}", free_address(pbx))
        self.carrier = Agent("carrier", carrier, plan_of=self._plan_of)
        self.wire = opened.enter_context(Wire(self.pbx, self.carrier))

    def phone(self, agent: Agent) -> Phone:
        """Return a new phone at an agent's address."""
        return self._opened.enter_context(Phone(agent.address[0]))

    def call(self, number: int) -> Talk:
        """Place a call and wait until it is up."""
        made = Talk(self, f"+12125550{number}")
        self.talks.append(made)
        self.wire.run_until(lambda: made.is_up(self.carrier), "the call is up")
        made.begin(self.carrier)
        return made

    def workers(self) -> list[int]:
        """Return the process ids of the media workers."""
        children = children_of(self.process.process.pid)
        return [it for it in children if b"media_worker" in _command_line(it)]

    def of_worker(self, pid: int) -> list[Talk]:
        """Return the calls whose ports a worker has."""
        ports = set(udp_ports(pid))
        return [it for it in self.talks if it.near.edge[1] in ports and not it.is_over]

    def pending(self) -> dict[str, Any]:
        """Return what the edge holds (EDGE X9)."""
        before = len(self.process.of("pending"))
        os.kill(self.process.process.pid, signal.SIGUSR1)
        wait_for(lambda: len(self.process.of("pending")) > before, 5.0)
        line = self.process.of("pending")[-1]
        return {name: it for name, it in line.items() if isinstance(it, int)}

    def _plan_of(self, request: Request) -> CalleePlan:
        (called,) = [it for it in self.talks if it.number == user_of(request)]
        return CalleePlan(steps=(Step(0.0, 100), Step(0.0, 200, body=audio(*called.far.address))))


def _command_line(pid: int) -> bytes:
    with open(f"/proc/{pid}/cmdline", "rb") as file:
        return file.read()


@pytest.fixture
def deployment() -> Iterator[Deployment]:
    aws = LocalAws()
    yield Deployment(aws, f"t{secrets.token_hex(6)}")
    aws.stop()


@pytest.fixture
def ground(deployment: Deployment) -> Iterator[Ground]:
    pbx, carrier = free_host(), free_address(free_host())
    connector = a_connector(CONNECTOR, sources=(f"{pbx}/32", "127.0.0.1/32"))
    assert connector.termination is not None
    many = replace(connector.termination, cps_limit=100)
    deployment.put_connector(replace(connector, termination=many))
    deployment.use_bucket()
    port = free_port()
    variables = environment(deployment, port, OVC_MEDIA_WORKERS="2")
    settings = json.loads(variables["OVC_SETTINGS"])
    settings["carriers"] = [{"name": "pstn", "host": carrier[0], "port": carrier[1]}]
    settings["media"]["port_rest_s"] = 0.5
    settings["admission"] = UNHURRIED
    variables["OVC_SETTINGS"] = json.dumps(settings)
    with ExitStack() as opened:
        made = Ground(opened, pbx, carrier)
        made.at = ("127.0.0.1", port)
        made.process = opened.enter_context(edge(variables, port))
        wait_for(lambda: admits(made.at, HOST, 0.2), 15.0)
        yield made


def test_a_killed_worker_ends_its_own_calls_and_no_other(
    ground: Ground, deployment: Deployment
) -> None:
    for number in range(CALLS):
        ground.call(100 + number)
    victim, survivor = ground.workers()
    lost, kept = ground.of_worker(victim), ground.of_worker(survivor)
    assert lost and kept, "the calls are spread over both"
    everybody = [phone for it in ground.talks for phone in it.phones]
    open_the_way(*everybody)
    living = tuple(phone for it in kept for phone in it.phones)

    os.kill(victim, signal.SIGKILL)
    talk(
        living,
        lambda: has_ended(ground, lost) and len(living[0].said) >= FEW_FRAMES,
        "the calls of the dead worker end",
        new_frame,
    )
    ends = [pair for it in kept for pair in (it.phones, it.phones[::-1])]
    hear_out(*living, last=lambda: all(one.heard[-1] == other.said[-1] for one, other in ends))
    for it in lost:
        for end in (it.call, it.taken):
            assert end.bye is not None and end.bye.get("reason") == MEDIA_LOST
    assert all(one.spoken() == other.said for one, other in ends)
    assert not any(it.call.hung_up for it in kept)

    ground.process.until("media-worker-lost")
    wait_for(lambda: len(ground.workers()) == 2, 10.0)
    (newcomer,) = set(ground.workers()) - {survivor}
    wait_for(lambda: udp_ports(newcomer), 10.0)
    for number in range(CALLS):
        later = ground.call(200 + number)
        if later in ground.of_worker(newcomer):
            break
    assert later in ground.of_worker(newcomer), "the new worker takes calls"
    assert_each_hears_the_other(*later.phones, FEW_FRAMES)
    end_all(ground)
    assert_records(ground, deployment, lost)
    wait_for(lambda: is_idle(ground), 20.0)


def new_frame() -> bytes:
    return secrets.token_bytes(160)


def has_ended(ground: Ground, lost: list[Talk]) -> bool:
    ground.wire.turn()
    return all(it.is_over for it in lost)


def end_all(ground: Ground) -> None:
    """Let the PBX end what is still up."""
    for it in ground.talks:
        it.call.hang_up(time.monotonic())
    ground.wire.run_until(lambda: all(it.is_over for it in ground.talks), "every call ends")


def assert_records(ground: Ground, deployment: Deployment, lost: list[Talk]) -> None:
    """Expect one record for each call, which says what has become of it (EDGE C7)."""
    wait_for(lambda: len(deployment.objects()) >= len(ground.talks), 10.0)
    told = sorted(
        (record["CallId"], record["Status"], record["StatusMessage"])
        for record in map(json.loads, deployment.objects().values())
    )
    assert told == sorted(
        (
            it.call.invite.call_id,
            "Completed",
            "Media lost" if it in lost else "Normal Call Clearing",
        )
        for it in ground.talks
    )


def is_idle(ground: Ground) -> bool:
    """Tell whether nothing is held but what late messages need, and free ports (EDGE Q1, X9)."""
    held = ground.pending()
    sockets = sum(len(udp_ports(pid)) for pid in ground.workers())
    is_empty = not any(held[kind] for kind in ("calls", "dialogs", "records", "faults"))
    return is_empty and sockets == 2 * held["free_ports"]
