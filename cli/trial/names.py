"""Where the host name of a connector leads."""

import socket
from collections.abc import Sequence

from cli.trial.report import Told, Unfit

MOST_ANSWERED = 8
"""Route 53 puts so many addresses into one answer, another choice each time."""
LOCAL = ".localhost"
"""Such names mean this machine and need no record (RFC 6761 §6.3)."""


def addresses_of(host: str) -> list[str]:
    """Return what the resolver of this machine says; raises OSError."""
    found = socket.getaddrinfo(host, None, socket.AF_INET, socket.SOCK_DGRAM)
    return sorted({str(entry[4][0]) for entry in found})


def leads_to(host: str, nodes: Sequence[str], found: Sequence[str]) -> Told[Sequence[str]]:
    """Judge an answer by the addresses of the nodes that take calls; raises Unfit."""
    _, _, zone = host.partition(".")
    strangers = [it for it in found if it not in nodes]
    if strangers:
        raise Unfit(
            f"{host} leads to {', '.join(strangers)}, which is no node that takes calls",
            f"remove it from the record *.{zone}, or wait for its time to live after a change",
        )
    missing = [it for it in nodes if it not in found]
    if missing and len(found) < min(MOST_ANSWERED, len(nodes)):
        raise Unfit(
            f"{host} does not lead to {', '.join(missing)}",
            f"*.{zone}, type A, lacks this node; with ovc:hosted_zone_id the function edge_dns "
            "adds it within a minute",
        )
    return Told(f"{host} leads to {', '.join(found)}", found)
