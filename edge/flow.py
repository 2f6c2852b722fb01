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

    @property
    def default_port(self) -> int:
        """Return the port that goes without saying (RFC 3261 §19.1.2)."""
        return 5061 if self is Transport.TLS else 5060


class Flow(NamedTuple):
    """One path between a local socket and a peer; made per datagram, hence no dataclass."""

    transport: Transport
    local: Address
    """What the node calls itself there, in Via too (EDGE W14)."""
    remote: Address
    connection: int = 0
    """The stream connection it is; 0 for none: UDP, or a stream yet to be opened."""
    reconnect: Address | None = None
    """Where a new connection goes when this one is gone; None means to `remote` (EDGE W5, W6)."""
    tls_name: str = ""
    """Name that the peer's certificate must show; none means its address (EDGE W9)."""
