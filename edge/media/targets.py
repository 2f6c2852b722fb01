"""Which addresses media may be sent to or latched from (EDGE S11); pure, no address is resolved."""

from collections.abc import Container, Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TypeAlias

from edge.flow import Address

_IpAddress: TypeAlias = IPv4Address | IPv6Address
_IpNetwork: TypeAlias = IPv4Network | IPv6Network

LOWEST_PORT = 1024

_NEVER = tuple(
    ip_network(text)
    for text in (
        # "This" network, link-local (cloud metadata lives there), multicast, reserved, broadcast.
        *("0.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "240.0.0.0/4"),
        *("::/128", "fe80::/10", "fd00:ec2::/32", "ff00::/8"),
    )
)
_LOOPBACK = (ip_network("127.0.0.0/8"),)
_PRIVATE = tuple(
    ip_network(text) for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10")
)
_IPV6_IMAGES = tuple(
    # 6to4, Teredo and NAT64: each carries an IPv4 address that it would be reached through.
    ip_network(text)
    for text in ("2002::/16", "2001::/32", "64:ff9b::/96", "64:ff9b:1::/48")
)


def permitted(
    address: Address,
    *,
    lab_mode: bool,
    private_media: bool,
    own: frozenset[str],
    own_ports: Container[int] = frozenset(),
    peer_networks: tuple[str, ...] = (),
) -> bool:
    """Tell whether RTP or RTCP may be sent to an address and port of a peer's SDP.

    `own` are our addresses and networks, `own_ports` the ports bound at them: what would send us
    our own packets is refused even in lab mode. `peer_networks` are those that the operator gave
    a carrier or bridge.
    """
    host, port = address
    if port < LOWEST_PORT or (port in own_ports and _is_own(host, own)):
        return False
    return permitted_source(
        host,
        lab_mode=lab_mode,
        private_media=private_media,
        own=own,
        peer_networks=peer_networks,
    )


@lru_cache(maxsize=4_096)
def permitted_source(
    host: str,
    *,
    lab_mode: bool,
    private_media: bool,
    own: frozenset[str],
    peer_networks: tuple[str, ...] = (),
) -> bool:
    """Tell whether packets from an IP address may latch a leg; anything but an address may not.

    Remembered: peers are few, and each call asks for the same ones again.
    """
    ip = _parsed(host)
    if ip is None or _within(ip, _NEVER):
        return False
    if isinstance(ip, IPv6Address) and (_within(ip, _IPV6_IMAGES) or not ip.is_global):
        return False
    if lab_mode or _within(ip, _networks(peer_networks)):
        return True
    if _within(ip, _LOOPBACK) or _within(ip, _networks(tuple(own))):
        return False
    return private_media or not _within(ip, _PRIVATE)


@lru_cache(maxsize=4_096)
def is_never_contacted(host: str) -> bool:
    """Tell whether an address is none of a peer's in any mode: metadata, multicast, broadcast and
    their like (EDGE S12); a text that is no address is not told here."""
    ip = _parsed(host)
    return ip is not None and _within(ip, _NEVER)


@lru_cache(maxsize=4_096)
def _is_own(host: str, own: frozenset[str]) -> bool:
    ip = _parsed(host)
    # Every loopback address reaches sockets that are bound to all addresses.
    return ip is not None and (_within(ip, _LOOPBACK) or _within(ip, _networks(tuple(own))))


def _parsed(host: str) -> _IpAddress | None:
    try:
        ip = ip_address(host)
    except ValueError:
        return None
    if isinstance(ip, IPv6Address) and ip.ipv4_mapped is not None:
        return ip.ipv4_mapped
    return ip


def _within(ip: _IpAddress, networks: Iterable[_IpNetwork]) -> bool:
    return any(ip in network for network in networks)


@lru_cache(maxsize=256)
def _networks(texts: tuple[str, ...]) -> tuple[_IpNetwork, ...]:
    return tuple(ip_network(text, strict=False) for text in texts)
