"""Who is at an address when several entries claim it (EDGE I5, S1)."""

from dataclasses import replace
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.config import Snapshot, SourceIndex
from edge.policy.verdict import AdmitCall, AnswerOptions, Verdict
from model.connector import Connector
from model.settings import Carrier
from tests.policy.world import (
    CARRIER,
    CONNECTOR_ID,
    EDGE,
    HOST,
    OTHER_HOST,
    OWNED,
    PBX,
    SETTINGS,
    World,
    connector,
    datagram,
)

INBOUND = f"sip:{OWNED}@{EDGE[0]}"
WIDE = Carrier(name="wide", host="192.0.2.1", sources=("192.0.2.0/24",))


def carrier_of(verdict: Verdict) -> str | None:
    assert isinstance(verdict, AdmitCall)
    return None if verdict.carrier is None else verdict.carrier.name


def world_with(*carriers: Carrier, pbx: Connector | None = None) -> World:
    settings = replace(SETTINGS, carriers=carriers)
    return World(connector() if pbx is None else pbx, settings=settings)


def test_the_closest_of_overlapping_carrier_networks_wins() -> None:  # EDGE I5
    exact = Carrier(name="exact", host=CARRIER[0])
    around = Carrier(name="around", host="203.0.113.1", sources=("203.0.113.0/24",))
    for carriers in ((exact, around), (around, exact)):
        world = world_with(*carriers)
        assert carrier_of(world.judge(datagram(uri=INBOUND), CARRIER)) == "exact"
        assert carrier_of(world.judge(datagram(uri=INBOUND), ("203.0.113.6", 5060))) == "around"


def test_a_pbx_inside_a_carriers_network_calls_by_its_connector() -> None:  # EDGE I5
    world = world_with(WIDE)
    assert carrier_of(world.judge(datagram(), PBX)) is None
    assert carrier_of(world.judge(datagram(uri=INBOUND), PBX)) == "wide"
    options = world.judge(datagram("OPTIONS", f"sip:{HOST}"), PBX)
    assert isinstance(options, AnswerOptions) and options.connector is not None


def test_no_connector_takes_a_carriers_calls_by_listing_its_address() -> None:  # EDGE I5, S16
    for sources in ((), ("192.0.2.7/32",), ("192.0.2.0/24",)):
        world = world_with(Carrier(name="acme", host=PBX[0], sources=sources))
        assert carrier_of(world.judge(datagram(uri=INBOUND), PBX)) == "acme"


def test_a_wider_allow_list_than_the_carriers_entry_counts_for_nothing() -> None:  # EDGE I5
    world = world_with(Carrier(name="acme", host=PBX[0]), pbx=connector(pbx="192.0.2.0/27"))
    verdict = world.judge(datagram(uri=f"sip:{OWNED}@{HOST}"), PBX)
    assert carrier_of(verdict) == "acme"


def test_a_pbx_inside_a_carriers_network_has_no_other_connector() -> None:  # EDGE S16
    world = world_with(WIDE)
    verdict = world.judge(datagram(uri=f"sip:{OWNED}@{OTHER_HOST}"), PBX)
    assert carrier_of(verdict) == "wide"


@pytest.mark.parametrize("address", ["192.0.2.7", "203.0.113.70", "203.0.113.5", "192.0.2.80"])
def test_the_addresses_of_carriers_are_known_whatever_the_port(address: str) -> None:  # EDGE S10
    carriers = (
        Carrier(name="a", host="192.0.2.7", sources=("192.0.2.80:5070",)),
        Carrier(name="b", host="203.0.113.5", sources=("203.0.113.64/28",)),
    )
    snapshot = Snapshot.build(replace(SETTINGS, carriers=carriers), (), (), None)
    assert snapshot.is_carrier(address)
    assert not snapshot.is_carrier("192.0.2.8") and not snapshot.is_carrier("carrier.example")


def test_what_an_index_finds() -> None:
    wide, narrow = "10.0.0.0/8", "10.1.0.0/16"
    settings = replace(SETTINGS, carriers=(Carrier(name=wide, host="10.0.0.1", sources=(wide,)),))
    index = Snapshot.build(settings, (connector(pbx=narrow),), (), None)
    assert index.carrier_networks.closest("10.1.2.3") == (8, frozenset({wide}))
    assert index.sources.labels("10.1.2.3") == frozenset({CONNECTOR_ID})
    assert index.sources.labels("10.1.2.3", longer_than=16) == frozenset()
    assert SourceIndex(()).closest("10.1.2.3") == (-1, frozenset())
    assert index.sources.closest("pbx.example") == (-1, frozenset())


@given(st.ip_addresses().map(str) | st.from_regex(r"[0-9.]{1,16}", fullmatch=True))
def test_the_quick_reading_of_ipv4_is_that_of_the_library(address: str) -> None:
    index = SourceIndex([(ip_network("0.0.0.0/0"), "4"), (ip_network("::/0"), "6")])
    try:
        version = str(ip_address(address).version)
    except ValueError:
        assert index.labels(address) == frozenset()
    else:
        assert index.labels(address) == {version}
        exact = SourceIndex([(ip_network(address), "it")])
        assert exact.labels(address) == {"it"}
