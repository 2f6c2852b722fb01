"""What is said at one end is heard at the other, octet for octet."""

import secrets
import socket
import time
from collections.abc import Callable
from itertools import cycle

import pytest

from edge.flow import Address
from edge.media.sdp import read
from tests.e2e.lab import CALLER, Lab, Route, Trunk
from tests.e2e.running import PATIENCE_S
from tests.e2e.sipp import free_address, free_host
from tests.e2e.wire import Wire
from tests.media.packets import rtp
from tests.support.agent import Agent, CalleePlan, CallerPlan, PlacedCall, Step
from tests.support.sdp import audio

pytestmark = [pytest.mark.sockets, pytest.mark.xdist_group("audio")]

FRAMES = 100
FRAME_S = 0.02
"""Never faster: the edge takes 120 packets per second of a leg (EDGE Q6)."""
SILENCE = b"\xff" * 160
RTP_HEADER = 12
AGENT_RTP_PORT = 30_000
"""Where an agent that is called wants its RTP."""
ANSWERS_AT_ONCE = CalleePlan(steps=(Step(0.0, 100), Step(0.0, 200)))


class Phone:
    """The audio of one end: what it says is made up, what it hears is kept."""

    def __init__(self, host: str, port: int = 0) -> None:
        """Bind a port; `edge` must be set before anything is said."""
        self.edge: Address = ("", 0)
        """The edge's port for this end."""
        self.heard: list[bytes] = []
        self.said: list[bytes] = []
        self._ssrc = secrets.randbits(32)
        self._sequence = secrets.randbelow(1 << 15)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((host, port))
        self._socket.setblocking(False)
        self.address: Address = self._socket.getsockname()

    def say(self, payload: bytes, payload_type: int = 0) -> None:
        """Send the next packet."""
        self._sequence += 1
        packet = rtp(self._sequence, ssrc=self._ssrc, payload=payload, payload_type=payload_type)
        self.said.append(packet)
        self._socket.sendto(packet, self.edge)

    def listen(self) -> None:
        """Take what has come."""
        while True:
            try:
                self.heard.append(self._socket.recv(2_048))
            except BlockingIOError:
                return

    def spoken(self) -> list[bytes]:
        """Return what was heard, without the silence that opened the way."""
        return [packet for packet in self.heard if not packet.endswith(SILENCE)]

    def __enter__(self) -> "Phone":
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()


def agent(at: Address) -> Agent:
    """Return a peer whose identifiers nobody has used before."""
    return Agent(f"peer-{secrets.token_hex(4)}", at, plan_of=lambda _: ANSWERS_AT_ONCE)


def talk(
    phones: tuple[Phone, ...],
    until: Callable[[], object],
    what: str,
    frame: Callable[[], bytes] = lambda: SILENCE,
) -> None:
    """Let every phone say a frame each 20 ms until a condition holds."""
    deadline = time.monotonic() + PATIENCE_S
    while not until():
        assert time.monotonic() < deadline, f"{what}: not within {PATIENCE_S:.0f} s"
        for phone in phones:
            phone.say(frame())
        time.sleep(FRAME_S)
        for phone in phones:
            phone.listen()


def open_the_way(*phones: Phone) -> None:
    """Send silence until everybody hears something.

    Packets that come before the edge has heard of the answer are lost, as with any peer.
    """
    talk(phones, lambda: all(phone.heard for phone in phones), "audio flows")
    for phone in phones:
        phone.said.clear()


def hear_out(*phones: Phone, last: Callable[[], bool]) -> None:
    """Listen until the last packets have come."""
    deadline = time.monotonic() + PATIENCE_S
    while not last():
        assert time.monotonic() < deadline, "the last packets never came"
        time.sleep(FRAME_S)
        for phone in phones:
            phone.listen()


def assert_each_hears_the_other(caller: Phone, callee: Phone) -> None:
    """Say random frames of several lengths, then a digit; the other end gets whole packets."""
    open_the_way(caller, callee)
    lengths = cycle((80, 80, 160, 160, 240, 240))
    talk(
        (caller, callee),
        lambda: len(caller.said) >= FRAMES,
        "the frames are said",
        lambda: secrets.token_bytes(next(lengths)),
    )
    for end in range(2):
        # RFC 4733 §2.3: event 5, its end bit, volume 10, duration.
        digit = bytes((5, (0x80 if end else 0) | 10, 1, 64 * (end + 1)))
        for phone in (caller, callee):
            phone.say(digit, payload_type=101)
        time.sleep(FRAME_S)
    hear_out(
        caller,
        callee,
        last=lambda: caller.heard[-1] == callee.said[-1] and callee.heard[-1] == caller.said[-1],
    )
    assert callee.spoken() == caller.said
    assert caller.spoken() == callee.said
    assert len(caller.said) == len(callee.said) == FRAMES + 2


def call_and_compare(lab: Lab, calling: Agent, called: Agent, uri: str) -> PlacedCall:
    """Let one agent call the other through the edge, compare the audio, hang up."""
    with (
        Wire(calling, called) as wire,
        Phone(calling.address[0]) as caller,
        Phone(called.address[0], AGENT_RTP_PORT) as callee,
    ):
        plan = CallerPlan(body=audio(*caller.address))
        call = calling.call(uri, lab.edge, plan, time.monotonic(), caller=CALLER)
        wire.run_until(lambda: call.answered and called.taken[0].ack, "the call is up")
        assert call.final is not None
        caller.edge = read(call.final.body).rtp
        callee.edge = read(called.taken[0].request.body).rtp
        assert_each_hears_the_other(caller, callee)
        call.hang_up(time.monotonic())
        wire.run_until(lambda: call.finals and called.taken[0].hung_up, "both ends hang up")
        assert call.finals == [200]
    return call


@pytest.fixture(scope="module")
def trunk(lab: Lab) -> Trunk:
    made = lab.new_trunk()
    made.permit()
    made.await_effect()
    return made


def test_outbound_audio_arrives_octet_for_octet_at_both_ends(lab: Lab, trunk: Trunk) -> None:
    # EDGE SD5, V1. 0106 fails in the simulated network, so the carrier that we play is called.
    pbx, carrier = agent(free_address(trunk.pbx)), agent(lab.second_carrier)
    call = call_and_compare(lab, pbx, carrier, f"sip:+12125550106@{trunk.host}")
    record = trunk.record_of(call.invite.call_id)
    assert (record.members["Status"], record.members["BillableDuration"]) == ("Completed", 6)


def test_inbound_audio_arrives_octet_for_octet_at_both_ends(lab: Lab) -> None:
    # EDGE SD5, V1
    pbx = agent(free_address(free_host()))
    trunk = lab.new_trunk()
    trunk.route(Route(pbx.address))
    number = trunk.number()
    trunk.permit()
    trunk.await_effect()
    carrier = agent(free_address(lab.second_carrier[0]))
    call_and_compare(lab, carrier, pbx, f"sip:{number}@{lab.edge[0]}")


def test_the_simulated_network_echoes_every_octet_in_order(lab: Lab, trunk: Trunk) -> None:
    pbx = agent(free_address(trunk.pbx))
    with Wire(pbx) as wire, Phone(trunk.pbx) as phone:
        plan = CallerPlan(body=audio(*phone.address))
        uri = f"sip:+12125550100@{trunk.host}"
        call = pbx.call(uri, lab.edge, plan, time.monotonic(), caller=CALLER)
        wire.run_until(lambda: call.answered, "the call is up")
        assert call.final is not None
        phone.edge = read(call.final.body).rtp
        open_the_way(phone)
        talk(
            (phone,),
            lambda: len(phone.said) >= FRAMES,
            "the frames are said",
            lambda: secrets.token_bytes(160),
        )
        said = [packet[RTP_HEADER:] for packet in phone.said]
        hear_out(phone, last=lambda: phone.heard[-1][RTP_HEADER:] == said[-1])
        call.hang_up(time.monotonic())
        wire.run_until(lambda: call.finals, "the call ends")
    # An echo has a header of its own.
    assert [packet[RTP_HEADER:] for packet in phone.spoken()] == said
