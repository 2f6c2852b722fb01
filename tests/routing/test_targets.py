"""The order of targets (EDGE F1-F3, F9, F13, W11)."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.directory import Directory, Service
from edge.flow import Transport
from edge.routing.health import Health
from edge.routing.targets import (
    Target,
    bridge_targets,
    carrier_targets,
    inbound_targets,
    order_routes,
    outbound_targets,
)
from model.connector import Connector, Origination, Protocol, Route
from model.peers import PeerTransport
from model.settings import Carrier, MeetingBridge, RoutingSettings, SettingsError
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


def encrypted(*routes: Route) -> Connector:
    return replace(taking(*routes), require_encryption=True)


@pytest.mark.parametrize("protocol", list(Protocol))
@pytest.mark.parametrize(("port", "reached"), [(0, 5061), (5060, 5061), (5061, 5061), (5099, 5099)])
def test_an_encrypted_connector_is_called_over_tls_alone(
    protocol: Protocol, port: int, reached: int
) -> None:  # EDGE W12: 5060 is what the API fills in when no port is given
    route = Route(host="192.0.2.20", port=port, protocol=protocol)
    (target,) = inbound_targets((encrypted(route),), Directory(), health(), SeededIds(), 0.0)
    assert (target.transport, target.address) == (Transport.TLS, ("192.0.2.20", reached))
    assert target.tls_name == "192.0.2.20"


SERVICES = (
    Service(2, 1, "backup.example", 5070),
    Service(1, 1, "main.example", 5080),
    Service(1, 1, "gone.example", 5090),
)
ADDRESSES = {"main.example": ("192.0.2.1", "192.0.2.2"), "backup.example": ("192.0.2.3",)}


@pytest.mark.parametrize(
    ("service", "protocol", "is_encrypted", "transport"),
    [
        ("_sip._udp.pbx.example", Protocol.UDP, False, Transport.UDP),
        ("_sip._tcp.pbx.example", Protocol.TCP, False, Transport.TCP),
        ("_sips._tcp.pbx.example", Protocol.UDP, True, Transport.TLS),
    ],
)
def test_a_route_without_port_goes_where_srv_records_say(
    service: str, protocol: Protocol, is_encrypted: bool, transport: Transport
) -> None:  # EDGE W11, RFC 3263 §4.2
    route = Route(host="pbx.example", port=0, protocol=protocol)
    pbx = encrypted(route) if is_encrypted else taking(route)
    directory = Directory({**ADDRESSES, "pbx.example": ("192.0.2.9",)}, {service: SERVICES})
    targets = inbound_targets((pbx,), directory, health(), SeededIds(), 0.0)
    assert places(targets) == [("192.0.2.1", 5080), ("192.0.2.2", 5080), ("192.0.2.3", 5070)]
    assert {target.transport for target in targets} == {transport}
    assert {target.uri_host for target in targets} == {"pbx.example"}
    # The name that was asked for is the one that is proved, not that of the record (RFC 5922 §4).
    assert {target.tls_name for target in targets} == {"pbx.example" if is_encrypted else ""}


def test_a_service_that_is_not_offered_is_not_called_elsewhere() -> None:  # EDGE W11
    known = {"pbx.example": ("192.0.2.9",)}
    pbx = taking(Route(host="pbx.example", port=0))
    for records in ((), (Service(0, 0, "", 0),)):
        directory = Directory(known, {"_sip._udp.pbx.example": records})
        assert inbound_targets((pbx,), directory, health(), SeededIds(), 0.0) == []


def test_srv_weights_of_nothing_share_equally() -> None:  # EDGE F1, RFC 2782
    records = [Service(1, 0, name, 5060) for name in "ab"]
    ids = SeededIds()
    first = [order_routes(records, ids)[0].host for _ in range(1_000)]
    assert abs(first.count("a") - 500) < 4 * math.sqrt(250)
    mixed = [Service(1, 0, "a", 5060), Service(1, 5, "b", 5060)]
    assert {order_routes(mixed, ids)[0].host for _ in range(50)} == {"b"}


def test_the_routes_of_one_connector_come_before_those_of_the_next() -> None:  # EDGE F12
    first = taking(Route(host="192.0.2.1", priority=9), Route(host="192.0.2.2", priority=5))
    second = replace(taking(Route(host="192.0.2.3", priority=1)), connector_id="second")
    found = inbound_targets((first, second), Directory(), health(), SeededIds(), 0.0)
    assert [host for host, _ in places(found)] == ["192.0.2.2", "192.0.2.1", "192.0.2.3"]
    assert [target.connector_id for target in found] == [CONNECTOR_ID] * 2 + ["second"]
    # A failed place is tried last, whoever's it is (F9).
    ill = health()
    ill.failed(found[0], 0.0)
    order = inbound_targets((first, second), Directory(), ill, SeededIds(), 1.0)
    assert [host for host, _ in places(order)] == ["192.0.2.1", "192.0.2.3", "192.0.2.2"]


def test_the_longest_prefix_comes_before_any_priority() -> None:  # EDGE F13
    carriers = (
        Carrier(name="all", host="203.0.113.1", priority=1),
        Carrier(name="uk", host="203.0.113.2", priority=2, prefixes=("+44",)),
        Carrier(name="london", host="203.0.113.3", priority=3, prefixes=("+4420", "+44")),
        Carrier(name="london too", host="203.0.113.4", priority=2, prefixes=("+4420",)),
    )
    found = outbound_targets(carriers, "+442071234567", Directory(), health(), SeededIds(), 0.0)
    assert [target.carrier for target in found] == ["london too", "london", "uk", "all"]


def test_a_carrier_may_be_a_name_and_speak_tls() -> None:  # EDGE F13, W9
    carrier = Carrier(
        name="first",
        host="sip.carrier.example",
        port=5061,
        transport=PeerTransport.TLS,
        sources=("203.0.113.0/24",),
    )
    assert carrier_targets(carrier, Directory()) == []
    directory = Directory({"sip.carrier.example": ("203.0.113.1", "203.0.113.2")})
    found = carrier_targets(carrier, directory)
    assert places(found) == [("203.0.113.1", 5061), ("203.0.113.2", 5061)]
    assert {(it.uri_host, it.tls_name) for it in found} == {("sip.carrier.example",) * 2}


def test_a_bridge_is_a_place_like_any_other() -> None:  # EDGE M1
    bridge = MeetingBridge(numbers=("+17035550122",), host="192.0.2.50", port=5080)
    (target,) = bridge_targets(bridge, Directory(), health(), 0.0)
    assert (target.address, target.uri_host) == (("192.0.2.50", 5080), "192.0.2.50:5080")
    assert (target.connector_id, target.carrier) == ("", "")
