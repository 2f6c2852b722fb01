"""Where a message came from or goes to: transport and both socket addresses."""

from enum import StrEnum
from typing import NamedTuple

Address = tuple[str, int]
"""An IP address as text and a port, as the socket gives it."""


class Transport(StrEnum):
    """A SIP transport, spelled as in Via."""

    UDP = "UDP"
    TCP = "TCP"
    TLS = "TLS"


class Flow(NamedTuple):
    """One path between a local socket and a peer; made per datagram, hence no dataclass."""

    transport: Transport
    local: Address
    remote: Address
