"""The first step, before anything is parsed (EDGE S1-S3, S5)."""

from dataclasses import replace

import pytest

import edge.policy.sources
from edge.policy.sources import OTHER_STRANGER_RATE, STRANGER_RATES
from model.settings import AdmissionSettings
from tests.policy.world import (
    CARRIER,
    PBX,
    SETTINGS,
    STRANGER,
    World,
    datagram,
    with_termination,
)


def spent(world: World, data: bytes, times: int, now: float = 0.0) -> int:
    flow = World.flow(STRANGER)
    return sum(world.admission.may_spend(data, flow, now) for _ in range(times))


def test_known_sources_are_never_limited_here() -> None:
    world = World()
    for remote in (PBX, CARRIER):
        assert world.admission.is_known(World.flow(remote))
        for _ in range(500):
            assert world.admission.may_spend(datagram(), World.flow(remote), 0.0)
    assert not world.admission.is_known(World.flow(STRANGER))


def test_remembered_sources_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edge.policy.sources, "_KNOWN_ADDRESSES", 3)
    world = World(with_termination(cidr_allowed_list=("192.0.2.0/27",)))
    for number in range(32):
        assert world.admission.is_known(world.flow((f"192.0.2.{number}", 5060)))
        assert not world.admission.is_known(world.flow((f"192.0.2.{number + 100}", 5060)))
    assert len(world.admission._sources._known) <= 3


def test_the_far_end_of_a_call_is_never_limited() -> None:
    world = World()
    world.calls.legs_at = {STRANGER[0]}
    assert spent(world, datagram(), 500) == 500


def test_a_stranger_has_a_rate_for_each_kind_of_request() -> None:
    world = World()
    assert spent(world, datagram(), 500) == STRANGER_RATES[b"INVITE"][1]
    assert spent(world, datagram("OPTIONS"), 500) == STRANGER_RATES[b"OPTIONS"][1]
    assert spent(world, datagram("REGISTER"), 500) == OTHER_STRANGER_RATE[1]
    assert spent(world, b"\x00" * 20, 500, now=0.5) == 10, "noise shares the bucket of the others"
    assert spent(world, datagram(), 500, now=1.0) == STRANGER_RATES[b"INVITE"][0]


def test_what_belongs_to_calls_is_never_counted() -> None:
    world = World()
    for data in (datagram("ACK"), datagram("CANCEL"), datagram("BYE"), b"SIP/2.0 200 OK\r\n"):
        assert spent(world, data, 500) == 500


def test_all_strangers_together_have_a_rate() -> None:  # EDGE S3
    world = World()
    data, crowd = datagram(), [(f"10.0.{n >> 8}.{n & 255}", 5060) for n in range(5_000)]

    def read(data: bytes) -> int:
        return sum(world.admission.may_spend(data, World.flow(it), 0.0) for it in crowd)

    assert read(data) == world.settings.admission.unknown_requests_per_node
    assert read(datagram("BYE")) == 4_000, "what may belong to a call has a rate of its own"
    assert world.admission.may_spend(data, World.flow(PBX), 0.0)
    none = replace(SETTINGS, admission=AdmissionSettings(unknown_requests_per_node=0))
    assert not World(settings=none).admission.may_spend(data, World.flow(STRANGER), 0.0)
