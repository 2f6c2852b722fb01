"""Asking the name service: addresses of hosts and SRV records, with the time they may be kept.

Hosts that /etc/hosts names and `localhost` are never asked for. Only IPv4 addresses are: the node
has no IPv6 yet.
"""

from collections.abc import Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

import dns.asyncresolver
import dns.exception
import dns.nameserver
import dns.resolver
from dns.rdtypes.IN.A import A
from dns.rdtypes.IN.SRV import SRV

from edge.directory import Service
from edge.flow import Address

T = TypeVar("T")

TIMEOUT_S = 5.0
HOSTS_FILE = Path("/etc/hosts")
LOCAL_TTL_S = 30.0
"""How long what /etc/hosts says is kept before it is read again."""
MAX_VALUES = 32
"""Of one answer; more than a call could ever try."""


class LookupFailedError(Exception):
    """The name service did not say whether there is such a name."""


class Answer(NamedTuple, Generic[T]):
    """What a name stands for; no values: there is no such name, or nothing of this kind."""

    values: tuple[T, ...]
    ttl_s: float


class DnsClient:
    """Asks the servers of /etc/resolv.conf, or others."""

    def __init__(self, servers: Sequence[Address] = (), *, hosts: Path = HOSTS_FILE) -> None:
        """`servers` replace the system's; `hosts` is a file in the form of /etc/hosts."""
        self._resolver = _resolver_of(servers)
        self._hosts = hosts

    async def addresses(self, name: str) -> Answer[str]:
        """Return the IPv4 addresses of a host; raises LookupFailedError."""
        known = self._known(name)
        if known:
            return Answer(known, LOCAL_TTL_S)
        found = await self._ask(name, "A")
        records = [it.address for it in found.values if isinstance(it, A)]
        return Answer(tuple(records[:MAX_VALUES]), found.ttl_s)

    async def services(self, name: str) -> Answer[Service]:
        """Return the SRV records of a name; raises LookupFailedError.

        A record whose host is empty says that the service is not offered (RFC 2782).
        """
        found = await self._ask(name, "SRV")
        records = [
            Service(it.priority, it.weight, it.target.to_text(omit_final_dot=True), it.port)
            for it in found.values
            if isinstance(it, SRV)
        ]
        fit = [it._replace(host="") if it.host == "." else it for it in records]
        return Answer(tuple(sorted(fit)[:MAX_VALUES]), found.ttl_s)

    async def _ask(self, name: str, kind: str) -> Answer[object]:
        if self._resolver is None:
            raise LookupFailedError("no name server is configured")
        try:
            # A name without a dot is one of the host's own domain.
            found = await self._resolver.resolve(
                name, kind, lifetime=TIMEOUT_S, search="." not in name
            )
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return Answer((), 0.0)
        except (dns.exception.DNSException, OSError, UnicodeError) as error:
            raise LookupFailedError(str(error) or type(error).__name__) from error
        return Answer(tuple(found), float(found.chaining_result.minimum_ttl))

    def _known(self, name: str) -> tuple[str, ...]:
        """Return what needs no name service (RFC 6761 §6.3)."""
        wanted = name.lower().removesuffix(".")
        found = _in_hosts_file(self._hosts, wanted)
        return found or (("127.0.0.1",) if wanted == "localhost" else ())


def _resolver_of(servers: Sequence[Address]) -> dns.asyncresolver.Resolver | None:
    try:
        resolver = dns.asyncresolver.Resolver(configure=not servers)
    except dns.resolver.NoResolverConfiguration:
        return None
    if servers:
        resolver.nameservers = [dns.nameserver.Do53Nameserver(*server) for server in servers]
    return resolver


def _in_hosts_file(path: Path, wanted: str) -> tuple[str, ...]:
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ()
    found = []
    for line in lines:
        address, *names = line.partition("#")[0].split() or [""]
        if wanted in [name.lower() for name in names] and _is_ipv4(address):
            found.append(address)
    return tuple(dict.fromkeys(found))


def _is_ipv4(text: str) -> bool:
    try:
        return ip_address(text).version == 4
    except ValueError:
        return False
