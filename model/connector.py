"""A voice connector as both planes see it: name, host, origination, termination, credentials."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from ipaddress import IPv4Network, IPv6Network, ip_network

from model.configurations import (
    EmergencyCalling,
    ExternalSystems,
    Logging,
    Streaming,
)

Network = IPv4Network | IPv6Network


class Protocol(Enum):
    """Transport of an origination route (API OR2)."""

    TCP = "TCP"
    UDP = "UDP"


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One SIP host that takes a connector's inbound calls (API OR2, EDGE F1)."""

    host: str
    """FQDN or IP address."""
    port: int = 5060
    """0..65535; 0 asks for an SRV look-up (EDGE W11)."""
    protocol: Protocol = Protocol.UDP
    priority: int = 1
    """1..100, the lowest number is tried first."""
    weight: int = 1
    """1..100, the share of calls inside one priority."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origination:
    """How calls from the PSTN reach the customer (the whitepaper's inbound calls)."""

    routes: tuple[Route, ...] = ()
    disabled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Termination:
    """Who may call the PSTN through a connector (the whitepaper's outbound calls), and how."""

    calling_regions: tuple[str, ...]
    """ISO 3166 alpha-2 codes of the countries that may be dialed."""
    cidr_allowed_list: tuple[str, ...] = ()
    """Networks of the customer's hosts, as the client wrote them; empty admits nobody (TM1)."""
    cps_limit: int = 1
    """INVITEs per second, at least 1."""
    default_phone_number: str | None = None
    """E.164; replaces a caller id that the policy refuses (EDGE O2)."""
    disabled: bool = False

    def networks(self) -> tuple[Network, ...]:
        """Return the allow list as networks; host bits are ignored."""
        return tuple(ip_network(entry, strict=False) for entry in self.cidr_allowed_list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """A SIP user of a connector: hashes of user, realm and password, never the password (A5)."""

    username: str
    ha1_md5: str
    """MD5(username:realm:password) in lower-case hex."""
    ha1_sha256: str

    @classmethod
    def from_password(cls, username: str, password: str, *, realm: str) -> "Credential":
        """Return the stored form; `realm` is the connector host in lower case (EDGE G3)."""
        secret = f"{username}:{realm}:{password}".encode()
        return cls(
            username=username,
            ha1_md5=hashlib.md5(secret, usedforsecurity=False).hexdigest(),
            ha1_sha256=hashlib.sha256(secret).hexdigest(),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Connector:
    """One voice connector with everything that is configured on it."""

    connector_id: str
    """22 lower-case alphanumerics (API VC1)."""
    name: str
    region: str
    require_encryption: bool
    created_at: datetime
    updated_at: datetime
    network_type: str | None = None
    """IPV4_ONLY or DUAL_STACK (API VC6)."""
    integration_type: str | None = None
    origination: Origination | None = None
    termination: Termination | None = None
    credentials: tuple[Credential, ...] = ()
    """In order of user name."""
    logging: Logging = field(default_factory=Logging)
    streaming: Streaming | None = None
    emergency_calling: EmergencyCalling | None = None
    external_systems: ExternalSystems | None = None
    # What follows is not compared: it is no change of how a connector's calls are treated.
    tags: Mapping[str, str] = field(default_factory=dict, compare=False)
    associated_numbers: int = field(default=0, compare=False)
    """How many numbers point at it; they keep it from being deleted (API VC7)."""
    group_memberships: int = field(default=0, compare=False)
    """How many groups it is in; they keep it, too."""


def connector_host(connector_id: str, domain: str) -> str:
    """Return the host name that names a connector in SIP and is its digest realm (API VC3)."""
    return f"{connector_id}.{domain}".lower()
