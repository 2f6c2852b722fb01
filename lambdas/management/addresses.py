"""Hosts and networks that clients may name (API OR2, OR5, TM2)."""

import re
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from lambdas.management.errors import BadRequest

LARGEST_HOST_PART = 5
"""Bits: /27 is the widest public IPv4 network (TM2); IPv6 networks are held to the same size."""

_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?", re.ASCII | re.IGNORECASE)
_PREFIX = re.compile(r"[^/%]+/[0-9]{1,3}", re.ASCII)
_HOST_LENGTH = 253


def check_host(host: str, where: str, *, private: bool) -> None:
    """Refuse what is neither an IP address nor a host name; private addresses need the switch."""
    try:
        address = ip_address(host)
    except ValueError:
        labels = host.removesuffix(".").split(".")
        # A name whose last label is all digits is a mistyped address (RFC 1123 §2.1).
        if (
            len(host) > _HOST_LENGTH
            or not all(map(_LABEL.fullmatch, labels))
            or labels[-1].isdigit()
        ):
            raise BadRequest(
                f"{where} is {host[:64]!r}; an IP address or a domain name is wanted"
            ) from None
        return
    if address.is_multicast or address.is_unspecified or getattr(address, "scope_id", None):
        raise BadRequest(f"{where} is {host!r}; no single host has that address")
    if not private and not address.is_global:
        raise BadRequest(f"{where} is {host!r}; a publicly routable address is wanted")


def check_network(entry: str, where: str, *, private: bool, ipv6: bool) -> None:
    """Refuse what is no network in CIDR form, and without the switch what is wide or private."""
    try:
        if not _PREFIX.fullmatch(entry):
            raise ValueError("not of the form address/prefix")
        network = ip_network(entry, strict=False)
    except ValueError as error:
        raise BadRequest(
            f"{where} is {entry[:64]!r}; a network in CIDR form like 50.35.78.0/27 is wanted"
        ) from error
    if network.version == 6 and not ipv6:
        raise BadRequest(f"{where} is {entry!r}; IPv6 needs a Voice Connector of type DUAL_STACK")
    if private:
        return
    narrowest = network.max_prefixlen - LARGEST_HOST_PART
    if network.prefixlen < narrowest:
        raise BadRequest(f"{where} is {entry!r}; a prefix of /{narrowest} or longer is wanted")
    if not _is_public(network.network_address):
        raise BadRequest(f"{where} is {entry!r}; a publicly routable network is wanted")


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    return address.is_global and not address.is_multicast
