"""What is said at one end is heard at the other, octet for octet."""

import secrets
import time

import pytest

from edge.flow import Address
from edge.media.sdp import read
from tests.e2e.audio import (
    FRAMES,
    RTP_HEADER,
    Phone,
    assert_each_hears_the_other,
    hear_out,
    open_the_way,
    talk,
)
from tests.e2e.lab import CALLER, Lab, Route, Trunk
from tests.e2e.sipp import free_address, free_host
from tests.e2e.wire import Wire
from tests.support.agent import Agent, CalleePlan, CallerPlan, PlacedCall, Step
from tests.support.sdp import audio

pytestmark = [pytest.mark.sockets, pytest.mark.xdist_group("media")]

AGENT_RTP_PORT = 30_000
"""Where an agent that is called wants its RTP."""
ANSWERS_AT_ONCE = CalleePlan(steps=(Step(0.0, 100), Step(0.0, 200)))


def agent(at: Address) -> Agent:
    """Return a peer whose identifiers nobody has used before."""
    return Agent(f"peer-{secrets.token_hex(4)}", at, plan_of=lambda _: ANSWERS_AT_ONCE)


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
