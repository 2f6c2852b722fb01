"""What names resolve to: the addresses of hosts, and the hosts behind a service (EDGE W11).

Filled ahead of any call by the resolver; whoever routes a call only looks.
"""

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple

from edge.flow import Transport
from model.checks import is_address

_is_address = lru_cache(4_096)(is_address)
"""Remembered: every call asks for its targets' hosts, of which there are few."""
_NOTHING: Mapping[str, tuple[str, ...]] = MappingProxyType({})
_NO_SERVICES: "Mapping[str, tuple[Service, ...]]" = MappingProxyType({})

_SERVICES = {
    Transport.UDP: "_sip._udp.",
    Transport.TCP: "_sip._tcp.",
    Transport.TLS: "_sips._tcp.",
}


class Service(NamedTuple):
    """One SRV record (RFC 2782)."""

    priority: int
    weight: int
    host: str
    port: int


class Directory(NamedTuple):
    """The names of the configuration as they resolve now."""

    addresses: Mapping[str, tuple[str, ...]] = _NOTHING
    """IP addresses by host name."""
    services: Mapping[str, tuple[Service, ...]] = _NO_SERVICES
    """By the name of the SRV records; an empty entry says that the service is not offered."""

    def addresses_of(self, host: str) -> tuple[str, ...]:
        """Return the addresses of a host: itself when it is one, none when it is not known."""
        return (host,) if _is_address(host) else self.addresses.get(host, ())


def service_name(host: str, transport: Transport) -> str:
    """Return the name of the SRV records of a host (RFC 3263 §4.1, RFC 3261 §26)."""
    return _SERVICES[transport] + host
