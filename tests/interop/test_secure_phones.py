"""baresip and linphonec with TLS and SRTP: each end of a call hears the other one's tone."""

import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import pytest

from edge.flow import Address, Transport
from emulator.audio import TONE
from tests.e2e.audio import FRAME_S, RTP_HEADER, Phone
from tests.e2e.lab import CALLER, Lab, Route, Trunk, eventually
from tests.e2e.running import free_port
from tests.e2e.secure import SECOND_CARRIERS
from tests.e2e.sipp import free_address
from tests.e2e.wire import Wire
from tests.interop import phones
from tests.interop.kamailio import Secure, kamailio
from tests.interop.phones import TONE_HZ, Baresip, Linphone
from tests.interop.tone import SAMPLES_PER_S, linear, share_of
from tests.support.agent import Agent, CalleePlan, CallerPlan, Step
from tests.support.sdp import audio, rtp_of

pytestmark = [pytest.mark.sockets, pytest.mark.interop, pytest.mark.xdist_group("interop")]

OUR_TONE_HZ = 1_000
LOOK_EVERY_FRAMES = 10
A_WHILE = SAMPLES_PER_S * LOOK_EVERY_FRAMES // 50
"""Samples: as many as there are in these frames."""
PURE = 0.9
"""Share of a tone that has come through a phone's jitter buffer and level control."""
Start = Callable[..., phones.Phone]
KINDS: dict[str, Start] = {
    "baresip": partial(Baresip, encrypts=True),
    "linphone-128": partial(Linphone, suite="AES_CM_128_HMAC_SHA1_80"),
    "linphone-256": partial(Linphone, suite="AES_256_CM_HMAC_SHA1_80"),
}


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def callee(lab: Lab) -> Iterator[Phone]:
    with Phone(lab.second_carrier[0]) as phone:
        yield phone


def carrier_at(at: Address, callee: Phone) -> Agent:
    """Return a carrier that answers at once, with a phone of ours."""
    steps = (Step(0.0, 100), Step(0.0, 200, body=audio(*callee.address)))
    return Agent(f"carrier-{secrets.token_hex(4)}", at, plan_of=lambda _: CalleePlan(steps=steps))


def assert_tones_cross(wire: Wire, phone: phones.Phone, ours: Phone) -> None:
    """Send our tone until each end has just heard a while of the other one's, and nothing else."""

    due = [time.monotonic()]

    def is_heard() -> bool | None:
        for _ in range(LOOK_EVERY_FRAMES):
            wire.turn(0.0)
            ours.say(TONE)
            # On time in the long run: a jitter buffer that runs dry makes up sound of its own.
            due[0] += FRAME_S
            time.sleep(max(0.0, due[0] - time.monotonic()))
        ours.listen()
        heard = linear(b"".join(packet[RTP_HEADER:] for packet in ours.heard[-LOOK_EVERY_FRAMES:]))
        return (is_tone(heard, TONE_HZ) and is_tone(phone.heard(A_WHILE), OUR_TONE_HZ)) or None

    eventually(is_heard, "each end hears the other one's tone", look_every_s=0.0)


def is_tone(samples: Sequence[int], hz: int) -> bool:
    return len(samples) == A_WHILE and share_of(samples, hz) > PURE


def assert_completed(trunk: Trunk, disposition: str) -> None:
    """Expect one record, of a call with a normal end."""
    (record,) = eventually(lambda: trunk.records() or None, "the record")
    assert record.members["Disposition"] == disposition
    assert record.members["StatusMessage"] == "Normal Call Clearing"


def test_a_phone_calls(lab: Lab, kind: str, callee: Phone) -> None:
    # EDGE K1, K3, K14, K16, D6, R12: a connector that takes nothing but TLS and SRTP.
    trunk = lab.new_trunk(encrypted=True)
    trunk.permit(CidrAllowedList=[f"{trunk.pbx}/32", "127.0.0.1/32"])
    trunk.await_effect()
    carrier = carrier_at(lab.second_carrier, callee)
    with (
        calling_phone(lab, kind, trunk) as phone,
        Wire(carrier) as wire,
    ):
        phone.dial(f"sip:{SECOND_CARRIERS}@{trunk.host}")
        wire.run_until(lambda: carrier.taken and carrier.taken[0].ack, "the call is up")
        callee.edge = rtp_of(carrier.taken[0].request.body)
        assert_tones_cross(wire, phone, callee)
        heard = carrier.taken[0].reoffers.taken
        phone.hold()
        wire.run_until(lambda: heard and phone.has_said(phone.SAYS_HELD), "a hold")
        phone.resume()
        wire.run_until(lambda: len(heard) == 2, "the call goes on")
        assert_tones_cross(wire, phone, callee)
        phone.hang_up()
        wire.run_until(lambda: carrier.taken[0].hung_up, "the carrier hears of the end")
    assert_completed(trunk, "Termination")


def test_a_phone_is_called(lab: Lab, kind: str, callee: Phone) -> None:
    # EDGE K9, K16, W9, W12
    trunk = lab.new_trunk(encrypted=True)
    number = trunk.number()
    with answering(lab, kind, trunk, number) as phone:
        # Behind the phone's route: what is put before has its effect before.
        trunk.permit()
        trunk.await_effect()
        carrier = carrier_at(free_address(lab.second_carrier[0]), callee)
        with Wire(carrier) as wire:
            plan = CallerPlan(body=audio(*callee.address))
            uri = f"sip:{number}@{lab.edge[0]}"
            call = carrier.call(uri, lab.edge, plan, time.monotonic(), caller=CALLER)
            wire.run_until(lambda: call.final, "the call is answered")
            assert call.final is not None and call.final.status == 200
            callee.edge = rtp_of(call.final.body)
            assert_tones_cross(wire, phone, callee)
            call.hang_up(time.monotonic())
            wire.run_until(lambda: call.finals == [200], "the call ends")
    assert_completed(trunk, "Origination")


def test_one_phone_calls_the_other(lab: Lab) -> None:
    # EDGE K16, N1: linphone has AES-256, baresip AES-128.
    near, far = (lab.new_trunk(encrypted=True) for _ in range(2))
    number = far.number()
    far.permit()
    with (
        answering(lab, "baresip", far, number) as callee,
        calling_phone(lab, "linphone-256", near) as caller,
    ):
        # Changes take effect in their order: with this one the other connector's route has.
        near.permit(CidrAllowedList=[f"{near.pbx}/32", "127.0.0.1/32"])
        near.await_effect()
        caller.dial(f"sip:{number}@{near.host}")

        def is_heard() -> bool | None:
            return all(is_tone(it.heard(A_WHILE), TONE_HZ) for it in (caller, callee)) or None

        eventually(is_heard, "each hears the other one's tone", look_every_s=0.2)
        caller.hang_up()
        for trunk, disposition in ((near, "Termination"), (far, "Origination")):
            assert_completed(trunk, disposition)


@contextmanager
def calling_phone(lab: Lab, kind: str, trunk: Trunk) -> Iterator[phones.Phone]:
    """Give a phone that calls over TLS; baresip's media comes from the usual address alone."""
    with KINDS[kind](
        lab.folder,
        at=("127.0.0.1" if kind == "baresip" else trunk.pbx, free_port()),
        edge=lab.tls,
        user=CALLER,
        transport=Transport.TLS,
        authority=lab.ca_file,
    ) as phone:
        yield phone


@contextmanager
def answering(lab: Lab, kind: str, trunk: Trunk, number: str) -> Iterator[phones.Phone]:
    """Give a phone that takes calls over TLS, itself or behind a proxy: linphonec takes none."""
    if kind == "baresip":
        at = ("127.0.0.1", free_port())
        trunk.route(Route((at[0], at[1] + 1)))
        certificate = lab.certificate(at[0])
        with Baresip(
            lab.folder,
            at=at,
            edge=lab.tls,
            user=number,
            transport=Transport.TLS,
            authority=lab.ca_file,
            certificate=certificate,
            encrypts=True,
        ) as phone:
            yield phone
        return
    at, inside_at, proxy_at = ((trunk.pbx, free_port()) for _ in range(3))
    trunk.route(Route(proxy_at))
    secure = Secure(proxy_at, lab.certificate(trunk.pbx), lab.ca_file)
    with (
        kamailio(lab.folder, at=inside_at, edge=lab.tls, behind=at, secure=secure),
        KINDS[kind](lab.folder, at=at, edge=inside_at, user=number) as phone,
    ):
        yield phone
