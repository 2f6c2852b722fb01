"""Where a call can be sent, in the order in which the places are tried (EDGE 5.1, F13)."""

from collections.abc import Iterable, Mapping, Sequence
from ipaddress import ip_address
from typing import NamedTuple, Protocol, TypeVar

from edge.flow import Address, Transport
from edge.ids import Ids
from model.connector import Connector, Route
from model.connector import Protocol as RouteProtocol
from model.settings import Carrier

DEFAULT_PORT = 5060
"""RFC 3261 §19.1.2; also of a route with port 0, whose SRV records are not looked up yet (W11)."""


class Target(NamedTuple):
    """One place to try: an address, and what is written about it."""

    address: Address
    transport: Transport
    uri_host: str
    """host[:port] of the Request-URI when it shows the route (EDGE I1)."""
    label: str
    """For people: the carrier's name or the route as configured."""
    tls_name: str = ""
    """Name that the certificate must show over TLS; none means the address (EDGE W9)."""


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

_TRANSPORTS = {RouteProtocol.UDP: Transport.UDP, RouteProtocol.TCP: Transport.TCP}


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
    connector: Connector,
    addresses: Mapping[str, tuple[str, ...]],
    health: Availability,
    ids: Ids,
    now: float,
) -> list[Target]:
    """Return the places of a call to a connector's PBXs, healthy ones first.

    `addresses` gives the IP addresses of each route host that is a name; a host that it does not
    hold cannot be reached now and is left out.
    """
    routes = () if connector.origination is None else connector.origination.routes
    found = [
        _route_target(route, address)
        for route in order_routes(routes, ids)
        for address in _addresses_of(route.host, addresses)
    ]
    return _healthy_first(found, health, now)


def outbound_targets(
    carriers: Sequence[Carrier], number: str, health: Availability, ids: Ids, now: float
) -> list[Target]:
    """Return the places of a call to a number of the public network, healthy ones first (F13)."""
    taking = [it for it in carriers if not it.prefixes or number.startswith(it.prefixes)]
    found = [carrier_target(carrier) for carrier in order_routes(taking, ids)]
    return _healthy_first(found, health, now)


def carrier_target(carrier: Carrier) -> Target:
    """Return the place where a carrier takes calls."""
    host = f"[{carrier.host}]" if ":" in carrier.host else carrier.host
    return Target(
        address=(carrier.host, carrier.port),
        transport=Transport.UDP,
        uri_host=host if carrier.port == DEFAULT_PORT else f"{host}:{carrier.port}",
        label=carrier.name,
    )


def _drawn(routes: list[R], ids: Ids) -> list[R]:
    left, order = list(routes), []
    while len(left) > 1:
        draw = ids.below(sum([route.weight for route in left])) + 1
        for position, route in enumerate(left):
            draw -= route.weight
            if draw <= 0:
                order.append(left.pop(position))
                break
    return order + left


def _healthy_first(targets: list[Target], health: Availability, now: float) -> list[Target]:
    """Return out targets last, never leave them out (EDGE F9)."""
    return sorted(targets, key=lambda target: health.is_out(target, now))


def _addresses_of(host: str, addresses: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    return (host,) if _is_address(host) else addresses.get(host, ())


def _route_target(route: Route, address: str) -> Target:
    port = route.port or DEFAULT_PORT
    host = f"[{route.host}]" if ":" in route.host else route.host
    return Target(
        address=(address, port),
        transport=_TRANSPORTS[route.protocol],
        uri_host=f"{host}:{port}",
        label=f"{host}:{port}",
    )


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
