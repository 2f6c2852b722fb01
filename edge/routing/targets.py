"""Where a call can be sent, in the order in which the places are tried (EDGE 5.1, F13)."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol, TypeVar

from edge.config import transport_of
from edge.directory import Directory, service_name
from edge.flow import Address, Transport
from edge.ids import Ids
from model.checks import is_address
from model.connector import Connector, Route
from model.peers import PeerTransport
from model.settings import Carrier, MeetingBridge

DEFAULT_PORT = 5060
DEFAULT_TLS_PORT = 5061
"""RFC 3261 §19.1.2; also of a route with port 0 whose name has no SRV records (EDGE W11)."""


class Target(NamedTuple):
    """One place to try: an address, and what is written about it."""

    address: Address
    transport: Transport
    uri_host: str
    """host[:port] of the Request-URI when it shows the route (EDGE I1)."""
    label: str
    """For people: the carrier's name or the route as configured."""
    connector_id: str = ""
    """Whose route it is; empty for a carrier and a bridge."""
    tls_name: str = ""
    """Name or address that the peer's certificate must show (EDGE W9); empty without TLS."""
    carrier: str = ""
    """Name of the carrier; empty for all others."""
    encrypted: bool = False
    """Its media has to be encrypted: a route of a connector that requires it (EDGE R12, W12)."""


class Ranked(Protocol):
    """Whatever is chosen by priority and weight."""

    @property
    def priority(self) -> int:
        """The lowest number is tried first."""

    @property
    def weight(self) -> int:
        """Share of calls inside one priority, at least 1."""


class Availability(Protocol):
    """What the order of targets asks about their health."""

    def is_out(self, target: Target, now: float) -> bool:
        """Tell whether a target has failed lately (EDGE F9)."""


R = TypeVar("R", bound=Ranked)

_TRANSPORTS = {
    PeerTransport.UDP: Transport.UDP,
    PeerTransport.TCP: Transport.TCP,
    PeerTransport.TLS: Transport.TLS,
}


def order_routes(routes: Iterable[R], ids: Ids) -> list[R]:
    """Return routes by priority, inside one priority drawn by weight (EDGE F1, F3).

    The draw is without replacement and taken from 1..sum, so that shares are exact; RFC 2782's
    0..sum would favour the first.
    """
    groups: dict[int, list[R]] = {}
    for route in routes:
        groups.setdefault(route.priority, []).append(route)
    return [route for priority in sorted(groups) for route in _drawn(groups[priority], ids)]


def inbound_targets(
    connectors: Sequence[Connector],
    directory: Directory,
    health: Availability,
    ids: Ids,
    now: float,
) -> list[Target]:
    """Return the places of a call to connectors' PBXs, healthy ones first (EDGE F1, F9, F12).

    All routes of a connector come before those of the next. A name that the directory does not
    hold cannot be reached now and is left out.
    """
    found = [
        target
        for connector in connectors
        if connector.origination is not None
        for route in order_routes(connector.origination.routes, ids)
        for target in _route_targets(connector, route, directory, ids)
    ]
    return _healthy_first(found, health, now)


def outbound_targets(
    carriers: Sequence[Carrier],
    number: str,
    directory: Directory,
    health: Availability,
    ids: Ids,
    now: float,
) -> list[Target]:
    """Return the places of a call to a number of the public network, healthy ones first (F13).

    Carriers that name more of the number's beginning come first, whatever their priority.
    """
    by_length: dict[int, list[Carrier]] = {}
    for carrier in carriers:
        length = _matched(carrier, number)
        if length is not None:
            by_length.setdefault(length, []).append(carrier)
    found = [
        target
        for length in sorted(by_length, reverse=True)
        for carrier in order_routes(by_length[length], ids)
        for target in carrier_targets(carrier, directory)
    ]
    return _healthy_first(found, health, now)


def carrier_targets(carrier: Carrier, directory: Directory) -> list[Target]:
    """Return the places where a carrier takes calls: one for each of its addresses."""
    return _peer_targets(carrier, carrier.name, directory, carrier.name)


def bridge_targets(
    bridge: MeetingBridge, directory: Directory, health: Availability, now: float
) -> list[Target]:
    """Return the places of a call to a meeting (EDGE M1)."""
    return _healthy_first(_peer_targets(bridge, "meeting bridge", directory), health, now)


def _matched(carrier: Carrier, number: str) -> int | None:
    """Return how much of a number a carrier's prefixes name, None when it does not take it."""
    if not carrier.prefixes:
        return 0
    fitting = [len(prefix) for prefix in carrier.prefixes if number.startswith(prefix)]
    return max(fitting, default=None)


def _peer_targets(
    peer: Carrier | MeetingBridge, label: str, directory: Directory, carrier: str = ""
) -> list[Target]:
    transport = _TRANSPORTS[peer.transport]
    usual = peer.port == _default_port(transport)
    host = _in_uri(peer.host)
    return [
        Target(
            address=(address, peer.port),
            transport=transport,
            uri_host=host if usual else f"{host}:{peer.port}",
            label=label,
            tls_name=peer.host if transport is Transport.TLS else "",
            carrier=carrier,
        )
        for address in directory.addresses_of(peer.host)
    ]


def _drawn(routes: list[R], ids: Ids) -> list[R]:
    left, order = list(routes), []
    while len(left) > 1:
        total = sum([route.weight for route in left])
        if total == 0:  # SRV records alone may have weights of 0: they share equally.
            order.append(left.pop(ids.below(len(left))))
            continue
        draw = ids.below(total) + 1
        for position, route in enumerate(left):
            draw -= route.weight
            if draw <= 0:
                order.append(left.pop(position))
                break
    return order + left


def _healthy_first(targets: list[Target], health: Availability, now: float) -> list[Target]:
    """Return out targets last, never leave them out (EDGE F9)."""
    return sorted(targets, key=lambda target: health.is_out(target, now))


def _route_targets(
    connector: Connector, route: Route, directory: Directory, ids: Ids
) -> list[Target]:
    transport = transport_of(connector, route)
    host = _in_uri(route.host)
    places = _service_places(route, transport, directory, ids)
    if places is None:
        port = _port(route, transport)
        host += f":{port}"
        places = [(address, port) for address in directory.addresses_of(route.host)]
    return [
        Target(
            address=place,
            transport=transport,
            uri_host=host,
            label=host,
            connector_id=connector.connector_id,
            tls_name=route.host if transport is Transport.TLS else "",
            encrypted=connector.require_encryption,
        )
        for place in places
    ]


def _service_places(
    route: Route, transport: Transport, directory: Directory, ids: Ids
) -> list[Address] | None:
    """Return where SRV records send a call, None when they have no say (RFC 3263 §4.2)."""
    if route.port or is_address(route.host):
        return None
    records = directory.services.get(service_name(route.host, transport))
    if records is None:
        return None
    return [
        (address, record.port)
        for record in order_routes(records, ids)
        for address in directory.addresses_of(record.host)
    ]


def _port(route: Route, transport: Transport) -> int:
    """Return a route's port; 5060 is what the API fills in, so with TLS it counts as none (W12)."""
    if route.port == 0 or (transport is Transport.TLS and route.port == DEFAULT_PORT):
        return _default_port(transport)
    return route.port


def _default_port(transport: Transport) -> int:
    return DEFAULT_TLS_PORT if transport is Transport.TLS else DEFAULT_PORT


def _in_uri(host: str) -> str:
    return f"[{host}]" if ":" in host else host
