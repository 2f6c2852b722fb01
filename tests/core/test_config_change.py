"""A Snapshot after changes is the Snapshot that would be built anew (A9)."""

from dataclasses import replace
from typing import TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.config import Snapshot
from edge.config_change import (
    PART_WEIGHT,
    ConfigChange,
    Existing,
    difference,
    everything_in,
)
from edge.seam import ConfigChanged, ConfigLoaded
from model.connector import Connector
from model.numbers import InventoryNumber
from tests.core.stand import EPOCH, PBX, SETTINGS, Node, connector, number
from tests.core.test_shared_call_rate import invite

ADDRESSES = ("192.0.2.7", "192.0.2.200", "198.51.100.9", "2001:db8::1")
networks = st.lists(
    st.sampled_from(
        ("192.0.2.7/32", "192.0.2.0/24", "192.0.2.9/24", "198.51.100.9/32", "2001:db8::/64")
    ),
    max_size=3,
).map(tuple)


@st.composite
def connectors(draw: st.DrawFn) -> dict[str, Connector]:
    found = {}
    for name in draw(st.sets(st.sampled_from("abc"))):
        usual = replace(connector(), connector_id=name)
        assert usual.termination is not None
        allowed = draw(st.none() | networks)
        termination = (
            None if allowed is None else replace(usual.termination, cidr_allowed_list=allowed)
        )
        found[name] = replace(usual, termination=termination)
    return found


@st.composite
def numbers(draw: st.DrawFn) -> dict[str, InventoryNumber]:
    found = {}
    for e164 in draw(st.sets(st.sampled_from(("+12065550101", "+12065550102")))):
        deleted_at = draw(st.none() | st.just(EPOCH))
        found[e164] = replace(number(e164), connector_id="a", deleted_at=deleted_at)
    return found


State: TypeAlias = tuple[dict[str, Connector], dict[str, InventoryNumber], str | None]

states = st.tuples(connectors(), numbers(), st.sampled_from((None, "one", "two")))


@settings(max_examples=150, deadline=None)
@given(st.lists(states, min_size=2, max_size=5))
def test_changes_lead_where_building_leads(
    found: list[State],
) -> None:
    (first_connectors, first_numbers, bucket), *later = found
    snapshot = Snapshot.build(SETTINGS, first_connectors.values(), first_numbers.values(), bucket)
    before = (first_connectors, first_numbers)
    for now_connectors, now_numbers, bucket in later:
        change = ConfigChange(
            difference(before[0], now_connectors), difference(before[1], now_numbers), bucket
        )
        snapshot = change.made_to(snapshot, SETTINGS.domain)
        before = (now_connectors, now_numbers)
    built = Snapshot.build(SETTINGS, before[0].values(), before[1].values(), bucket)
    assert snapshot.connectors == built.connectors
    assert snapshot.hosts == built.hosts
    assert snapshot.numbers == built.numbers
    assert snapshot.cdr_bucket == built.cdr_bucket
    assert snapshot.host_names() == built.host_names()
    for address in ADDRESSES:
        assert snapshot.sources.labels(address) == built.sources.labels(address)
        assert snapshot.sources.closest(address) == built.sources.closest(address)


@settings(max_examples=100, deadline=None)
@given(states, states)
def test_parts_and_names_lead_there_from_anywhere(
    before: State,
    after: State,
) -> None:
    # A worker that has been started again tells everything to a node that knows something else.
    def built(state: State) -> Snapshot:
        return Snapshot.build(SETTINGS, state[0].values(), state[1].values(), state[2])

    snapshot, wanted = built(before), built(after)
    with pytest.MonkeyPatch.context() as small:
        small.setattr("edge.config_change.PART_WEIGHT", 2)
        parts = list(everything_in(wanted).parts())
    for part in parts:
        snapshot = part.news_for(snapshot).made_to(snapshot, SETTINGS.domain)
    gone = Existing.of(wanted).without_others(snapshot)
    snapshot = gone.made_to(snapshot, SETTINGS.domain)
    assert snapshot == replace(
        wanted, sources=snapshot.sources, carrier_networks=snapshot.carrier_networks
    )
    for address in ADDRESSES:
        assert snapshot.sources.labels(address) == wanted.sources.labels(address)
    assert not everything_in(wanted).news_for(snapshot).differs_from(snapshot)


def test_no_part_is_heavy_and_small_changes_are_not_parted() -> None:
    usual = connector()
    assert usual.termination is not None
    long = tuple(f"192.0.2.{n}/32" for n in range(PART_WEIGHT - 1))
    listing = replace(usual, termination=replace(usual.termination, cidr_allowed_list=long))
    many = {f"+1206555{n:04d}": number(f"+1206555{n:04d}") for n in range(PART_WEIGHT + 1)}
    parts = list(ConfigChange({"a": listing, "b": usual, "c": None}, many, "bucket").parts())
    assert [(list(it.connectors), len(it.numbers)) for it in parts] == [
        (["a"], 0),
        (["b", "c"], 0),
        ([], PART_WEIGHT),
        ([], 1),
    ]
    assert {it.cdr_bucket for it in parts} == {"bucket"}
    for change in (ConfigChange({}, {}, "other"), ConfigChange({"b": usual}, {}, None)):
        assert list(change.parts()) == [change]


def test_a_configuration_that_is_told_again_changes_nothing() -> None:
    # A9: the sources that the node has classified are remembered, for one thing.
    node = Node()
    node.ask(invite(1), PBX, 0.0)
    sources = node.core._admission._sources
    node.load(connector())
    assert node.core._admission._sources is sources
    node.load(replace(connector(), require_encryption=True))
    assert node.core._admission._sources is not sources


def test_routes_are_looked_after_when_all_of_them_are_known() -> None:
    # EDGE F10, R32: each part would have all routes looked at anew.
    routing = replace(SETTINGS.routing, probe_routes=True)
    node = Node(settings=replace(SETTINGS, routing=routing), configured=False)
    known = Snapshot.build(SETTINGS, (connector(),), (number(),), None)
    node.hear(ConfigChanged(everything_in(known)), 0.0)
    assert node.core.deadline() is None
    node.hear(ConfigLoaded(Existing.of(known)), 0.0)
    assert node.core.deadline() is not None


def test_the_node_goes_by_a_change_at_once() -> None:
    # A source that was known becomes a stranger, and another one is known.
    node = Node()
    assert node.ask(invite(1), PBX, 0.0)
    usual = connector()
    assert usual.termination is not None
    moved = replace(
        usual, termination=replace(usual.termination, cidr_allowed_list=("192.0.2.77/32",))
    )
    change = ConfigChange({usual.connector_id: moved}, {}, None)
    node.hear(ConfigChanged(change), 1.0)
    assert b"SIP/2.0 403" in node.ask(invite(2), PBX, 1.0)[0].data
    assert b"SIP/2.0 100" in node.ask(invite(3), ("192.0.2.77", 5060), 1.0)[0].data
