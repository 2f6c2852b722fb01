"""The order of targets (EDGE F1-F3, F9, F13, W11)."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.directory import Directory
from edge.flow import Transport
from edge.routing.health import Health
from edge.routing.targets import Target, inbound_targets, order_routes, outbound_targets
from model.connector import Connector, Origination, Protocol, Route
from model.settings import Carrier, RoutingSettings, SettingsError
from tests.policy.world import CONNECTOR_ID, SeededIds, connector


def health() -> Health:
    return Health(RoutingSettings())


def taking(*routes: Route) -> Connector:
    return replace(connector(), origination=Origination(routes=routes))


def places(targets: list[Target]) -> list[tuple[str, int]]:
    return [target.address for target in targets]


def test_weights_give_exact_shares() -> None:  # EDGE F2
    light, heavy = Route(host="a", weight=1), Route(host="b", weight=9)
    ids, draws = SeededIds(seed=42), 10_000
    first = [order_routes((light, heavy), ids)[0].host for _ in range(draws)]
    sigma = math.sqrt(draws * 0.1 * 0.9)
    assert abs(first.count("a") - draws * 0.1) < 4 * sigma


def test_every_value_of_the_draw_belongs_to_one_route() -> None:  # EDGE F1
    routes = [Route(host=name, weight=weight) for name, weight in (("a", 1), ("b", 2), ("c", 7))]

    class OneDraw(SeededIds):
        value = 0

        def below(self, bound: int) -> int:
            return self.value % bound

    ids, firsts = OneDraw(), []
    for value in range(10):
        ids.value = value
        firsts.append(order_routes(routes, ids)[0].host)
    assert firsts == ["a"] + ["b"] * 2 + ["c"] * 7


@given(
    st.lists(st.tuples(st.integers(1, 5), st.integers(1, 100)), max_size=20),
    st.integers(0, 1000),
)
def test_every_route_comes_once_and_in_order_of_priority(
    ranks: list[tuple[int, int]], seed: int
) -> None:  # EDGE F1
    routes = [
        Route(host=f"h{n}", priority=priority, weight=weight)
        for n, (priority, weight) in enumerate(ranks)
    ]
    ordered = order_routes(routes, SeededIds(seed))
    assert sorted(route.host for route in ordered) == sorted(route.host for route in routes)
    priorities = [route.priority for route in ordered]
    assert priorities == sorted(priorities)


def test_every_call_draws_anew() -> None:  # EDGE F3
    routes, ids = (Route(host="a"), Route(host="b")), SeededIds()
    assert {order_routes(routes, ids)[0].host for _ in range(50)} == {"a", "b"}


def test_a_route_becomes_a_target() -> None:
    route = Route(host="192.0.2.20", port=5080, protocol=Protocol.TCP)
    (target,) = inbound_targets((taking(route),), Directory(), health(), SeededIds(), 0.0)
    assert target == Target(
        address=("192.0.2.20", 5080),
        transport=Transport.TCP,
        uri_host="192.0.2.20:5080",
        label="192.0.2.20:5080",
        connector_id=CONNECTOR_ID,
    )


def test_all_addresses_of_a_name_are_tried_in_order() -> None:  # EDGE W11
    route = Route(host="pbx.example", port=0)
    known = {"pbx.example": ("192.0.2.2", "192.0.2.1")}
    targets = inbound_targets((taking(route),), Directory(known), health(), SeededIds(), 0.0)
    assert places(targets) == [("192.0.2.2", 5060), ("192.0.2.1", 5060)]
    assert {target.uri_host for target in targets} == {"pbx.example:5060"}


def test_an_ipv6_route_is_written_in_brackets() -> None:
    (target,) = inbound_targets(
        (taking(Route(host="2001:db8::1")),), Directory(), health(), SeededIds(), 0.0
    )
    assert target.address == ("2001:db8::1", 5060)
    assert target.uri_host == "[2001:db8::1]:5060"


def test_a_name_without_address_and_a_connector_without_routes_give_nothing() -> None:
    ids = SeededIds()
    assert (
        inbound_targets((taking(Route(host="nowhere.example")),), Directory(), health(), ids, 0.0)
        == []
    )
    bare = replace(connector(), origination=None)
    assert inbound_targets((bare,), Directory(), health(), ids, 0.0) == []


def test_a_failed_target_is_tried_last_but_tried() -> None:  # EDGE F9
    first = Route(host="192.0.2.1", priority=1)
    second = Route(host="192.0.2.2", priority=2)
    third = Route(host="192.0.2.3", priority=3)
    ill, pbx = health(), taking(first, second, third)
    target = inbound_targets((pbx,), Directory(), ill, SeededIds(), 0.0)[0]
    ill.failed(target, 0.0)
    order = places(inbound_targets((pbx,), Directory(), ill, SeededIds(), 29.9))
    assert [host for host, _ in order] == ["192.0.2.2", "192.0.2.3", "192.0.2.1"]
    order = places(inbound_targets((pbx,), Directory(), ill, SeededIds(), 30.0))
    assert [host for host, _ in order] == ["192.0.2.1", "192.0.2.2", "192.0.2.3"]


def test_carriers_are_ordered_like_routes() -> None:  # EDGE F13
    carriers = (
        Carrier(name="backup", host="203.0.113.2", priority=2),
        Carrier(name="main", host="203.0.113.1", port=5070, priority=1),
    )
    targets = outbound_targets(carriers, "+13125550142", Directory(), health(), SeededIds(), 0.0)
    assert [target.label for target in targets] == ["main", "backup"]
    assert [target.uri_host for target in targets] == ["203.0.113.1:5070", "203.0.113.2"]
    assert {target.transport for target in targets} == {Transport.UDP}


@pytest.mark.parametrize(
    ("number", "labels"),
    [
        ("+442071234567", ["britain", "everywhere"]),
        ("+4915112345678", ["everywhere"]),
        ("+13125550142", ["america", "everywhere"]),
        ("+18765551234", ["everywhere"]),
    ],
)
def test_a_carrier_gets_the_numbers_it_takes(number: str, labels: list[str]) -> None:  # EDGE F13
    carriers = (
        Carrier(name="everywhere", host="203.0.113.3", priority=3),
        Carrier(name="america", host="203.0.113.1", priority=1, prefixes=("+1312", "+1206")),
        Carrier(name="britain", host="203.0.113.2", priority=2, prefixes=("+44",)),
    )
    targets = outbound_targets(carriers, number, Directory(), health(), SeededIds(), 0.0)
    assert [target.label for target in targets] == labels


@pytest.mark.parametrize("prefix", ["44", "+", "", "+4a", "+\N{SUPERSCRIPT TWO}"])
def test_a_prefix_that_matches_no_number_is_refused(prefix: str) -> None:  # EDGE F13
    with pytest.raises(SettingsError, match="prefixes is"):
        Carrier(name="x", host="203.0.113.1", prefixes=(prefix,))
