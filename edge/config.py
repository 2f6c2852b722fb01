"""What the edge knows of the world: connectors, numbers, carriers, indexed for the message path.

A Snapshot is held in memory; a new one replaces it (A9), and only that may change its indexes
(edge/config_change.py). Nothing on the message path asks a database.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import NamedTuple

from edge.directory import service_name
from edge.flow import Transport
from model.checks import is_address
from model.connector import Connector, Network, Protocol, Route, connector_host
from model.connector_group import ConnectorGroup, Distribution
from model.numbers import InventoryNumber
from model.settings import Carrier, MeetingBridge, Settings

_NOBODY: frozenset[str] = frozenset()
_SOCKET_BITS = 129
"""An address with a port is more than all 128 bits of an IPv6 address."""

_OCTET = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IPV4 = re.compile(rf"{_OCTET}\.{_OCTET}\.{_OCTET}\.{_OCTET}")
"""What the ipaddress module takes for IPv4, three times as fast: a flood from invented addresses is
looked up address by address (EDGE S3)."""


class SourceIndex:
    """Which labels claim an address: for every prefix length in use one dictionary (EDGE S1)."""

    __slots__ = ("_lengths",)

    def __init__(self, entries: Iterable[tuple[Network, str]]) -> None:
        grown: dict[tuple[int, int], dict[int, set[str]]] = {}
        for network, label in entries:
            version, shift, value = _place(network)
            grown.setdefault((version, shift), {}).setdefault(value, set()).add(label)
        self._lengths = tuple(
            (version, shift, {value: frozenset(labels) for value, labels in table.items()})
            for (version, shift), table in grown.items()
        )

    def change(self, changes: Mapping[str, tuple[Iterable[Network], Iterable[Network]]]) -> None:
        """Take the first networks of each label out and put the second ones in."""
        moves: dict[tuple[int, int, int], dict[str, bool]] = {}
        for label, (removed, added) in changes.items():
            for networks, is_in in ((removed, False), (added, True)):
                for network in networks:
                    moves.setdefault(_place(network), {})[label] = is_in
        indexes = {(version, shift): index for version, shift, index in self._lengths}
        # Each set of labels once: very many connectors may list the same address.
        for (version, shift, value), moved in moves.items():
            index = indexes.setdefault((version, shift), {})
            kept = index.get(value, _NOBODY).difference(moved)
            labels = kept.union(label for label, is_in in moved.items() if is_in)
            if labels:
                index[value] = labels
            else:
                index.pop(value, None)
        self._lengths = tuple([(*length, index) for length, index in indexes.items() if index])

    def labels(self, address: str, *, longer_than: int = -1) -> frozenset[str]:
        """Return all labels whose networks hold an address, none for a text that is no address.

        `longer_than` leaves out networks whose prefix is not longer than so many bits.
        """
        found = _NOBODY
        for bits, labels in self._matches(address):
            if bits > longer_than:
                # The usual one match is not copied: a PBX may be listed by very many connectors.
                found = found | labels if found else labels
        return found

    def closest(self, address: str) -> tuple[int, frozenset[str]]:
        """Return the longest prefix that holds an address and its labels; (-1, none) for none."""
        return max(self._matches(address), default=(-1, _NOBODY), key=lambda match: match[0])

    def _matches(self, address: str) -> list[tuple[int, frozenset[str]]]:
        quad = _IPV4.fullmatch(address)
        if quad is not None:
            a, b, c, d = quad.groups()
            value = int(a) << 24 | int(b) << 16 | int(c) << 8 | int(d)
            version, length = 4, 32
        else:
            try:
                parsed = ip_address(address)
            except ValueError:
                return []
            value, version, length = int(parsed), parsed.version, parsed.max_prefixlen
        return [
            (length - shift, table[value >> shift])
            for of_version, shift, table in self._lengths
            if of_version == version and value >> shift in table
        ]


def _place(network: Network) -> tuple[int, int, int]:
    """Return where an index has a network: IP version, bits that do not count, the others."""
    shift = network.max_prefixlen - network.prefixlen
    return network.version, shift, int(network.network_address) >> shift


class Takers(NamedTuple):
    """The connectors that a number's calls are tried on (EDGE I4, F12)."""

    connectors: tuple[Connector, ...] = ()
    """In order of priority; none for a number that is assigned to nobody."""
    share_equally: bool = False
    """Each call draws their order anew, whatever their priorities."""


_NO_TAKERS = Takers()


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """One state of the configuration."""

    connectors: Mapping[str, Connector] = field(default_factory=dict)
    """By connector id."""
    hosts: Mapping[str, Connector] = field(default_factory=dict)
    """By connector host in lower case."""
    numbers: Mapping[str, InventoryNumber] = field(default_factory=dict)
    """By E.164 number."""
    groups: Mapping[str, ConnectorGroup] = field(default_factory=dict)
    """By group id."""
    sources: SourceIndex = field(default_factory=lambda: SourceIndex(()))
    """Connector ids by allowed source network."""
    carriers: tuple[Carrier, ...] = ()
    carrier_networks: SourceIndex = field(default_factory=lambda: SourceIndex(()))
    carrier_sockets: Mapping[tuple[str, int], str] = field(default_factory=dict)
    """Carrier names by (address, port): the most specific kind of entry (EDGE I5)."""
    bridges: Mapping[str, MeetingBridge] = field(default_factory=dict)
    """By the E.164 numbers that are dialed to join (EDGE M1)."""
    cdr_bucket: str | None = None
    """None: nothing is stored (EDGE C11)."""

    @classmethod
    def build(
        cls,
        settings: Settings,
        connectors: Iterable[Connector],
        numbers: Iterable[InventoryNumber],
        cdr_bucket: str | None,
        groups: Iterable[ConnectorGroup] = (),
    ) -> "Snapshot":
        """Index connectors, groups, numbers and the peers of the settings."""
        by_id = {connector.connector_id: connector for connector in connectors}
        networks, sockets = _carrier_sources(settings.carriers)
        return cls(
            connectors=by_id,
            hosts={connector_host(name, settings.domain): it for name, it in by_id.items()},
            numbers={it.e164: it for it in numbers if it.deleted_at is None},
            groups={it.group_id: it for it in groups},
            sources=SourceIndex(
                (network, name)
                for name, it in by_id.items()
                if it.termination is not None
                for network in it.termination.networks()
            ),
            carriers=settings.carriers,
            carrier_networks=SourceIndex(networks),
            carrier_sockets=sockets,
            bridges={e164: bridge for bridge in settings.meetings for e164 in bridge.numbers},
            cdr_bucket=cdr_bucket,
        )

    def host_names(self) -> frozenset[str]:
        """Return the hosts that are names and so need resolving (EDGE W11)."""
        hosts = [route.host for _, route in self._routes()]
        hosts += [carrier.host for carrier in self.carriers]
        hosts += [bridge.host for bridge in self.bridges.values()]
        return frozenset(host for host in hosts if not is_address(host))

    def service_names(self) -> frozenset[str]:
        """Return the names of the SRV records of routes that leave the port to them (EDGE W11)."""
        return frozenset(
            service_name(route.host, transport_of(connector, route))
            for connector, route in self._routes()
            if route.port == 0 and not is_address(route.host)
        )

    def _routes(self) -> list[tuple[Connector, Route]]:
        return [
            (connector, route)
            for connector in self.connectors.values()
            if connector.origination is not None
            for route in connector.origination.routes
        ]

    def route_hosts(self, connector_id: str) -> frozenset[str]:
        """Return the route hosts of a connector, addresses and names."""
        connector = self.connectors.get(connector_id)
        if connector is None or connector.origination is None:
            return frozenset()
        return frozenset(route.host for route in connector.origination.routes)

    def is_carrier(self, address: str) -> bool:
        """Tell whether some carrier is or may be at an address, whatever the port (EDGE S10)."""
        return (
            any(address == carrier.host for carrier in self.carriers)
            or any(address == host for host, _ in self.carrier_sockets)
            or bool(self.carrier_networks.labels(address))
        )

    def carrier_of(self, address: str, port: int) -> tuple[Carrier | None, int]:
        """Return the carrier that a source address belongs to and how many bits of it say so.

        The most specific entry wins; address and port together count more than any network (I5).
        """
        name = self.carrier_sockets.get((address, port))
        if name is not None:
            return self._carrier_among(frozenset({name})), _SOCKET_BITS
        bits, names = self.carrier_networks.closest(address)
        return self._carrier_among(names), bits

    def _carrier_among(self, names: frozenset[str]) -> Carrier | None:
        return next((carrier for carrier in self.carriers if carrier.name in names), None)

    def takers_of(self, e164: str) -> Takers:
        """Return the connectors that take a number's calls (EDGE I4, F12)."""
        number = self.numbers.get(e164)
        if number is None:
            return _NO_TAKERS
        group = self.groups.get(number.group_id or "")
        if group is None:
            owner = self.connectors.get(number.connector_id or "")
            return _NO_TAKERS if owner is None else Takers((owner,))
        ranked = sorted(group.members, key=lambda member: member.priority)
        return Takers(
            tuple(self.connectors[it.connector_id] for it in ranked if self._has(it.connector_id)),
            group.distribution is Distribution.LOAD_BALANCED,
        )

    def _has(self, connector_id: str) -> bool:
        return connector_id in self.connectors


def transport_of(connector: Connector, route: Route) -> Transport:
    """Return what a route is reached by: TLS alone where encryption is required (EDGE W12)."""
    if connector.require_encryption:
        return Transport.TLS
    return Transport.TCP if route.protocol is Protocol.TCP else Transport.UDP


def _carrier_sources(
    carriers: tuple[Carrier, ...],
) -> tuple[list[tuple[Network, str]], dict[tuple[str, int], str]]:
    networks: list[tuple[Network, str]] = []
    sockets: dict[tuple[str, int], str] = {}
    for carrier in carriers:
        for entry in carrier.sources or (carrier.host,):
            host, colon, port = entry.rpartition(":")
            if colon and ":" not in host:
                sockets[(host, int(port))] = carrier.name
            else:
                networks.append((ip_network(entry, strict=False), carrier.name))
    return networks, sockets
