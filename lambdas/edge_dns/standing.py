"""What a node is to callers, by its lease, its order to drain and what ECS says of its task (A11).

A lease that does not change proves little, as for the call_reaper Lambda: its node may be well, and
the database away from it. It counts as silent only through runs that could read and write the table
and followed each other: a run that failed lets the silence start from nothing. A minute without the
database between two runs does not suffice either: a node needs some seconds to renew its lease.
"""

from collections.abc import Container
from datetime import datetime, timedelta
from ipaddress import AddressValueError, IPv4Address

from lambdas.call_reaper.judgement import Watch
from lambdas.edge_dns.ecs_service import Phase
from lambdas.edge_dns.records import NodeSeen, Standing
from model.node import NodeState

SILENT_FOR = timedelta(seconds=90)
"""Between the first and the last run that saw a lease unchanged: of runs each minute, three."""
LONGEST_GAP = timedelta(seconds=90)
"""Between two runs that follow each other."""


class AddressDamagedError(ValueError):
    """A node's address that cannot be an A record."""


def node_seen(
    node: NodeState, *, watch: Watch, marked: Container[str], phase: Phase, now: datetime
) -> NodeSeen:
    """Return what a node is to callers; raises AddressDamagedError."""
    if phase is Phase.GONE or watch.at - watch.silences[node.node_id].since >= SILENT_FOR:
        return NodeSeen(Standing.DEAD)
    if node.draining or node.node_id in marked or phase is Phase.STOPPING:
        return NodeSeen(Standing.LEAVING)
    if not node.is_live(now):
        return NodeSeen(Standing.UNSURE)
    return NodeSeen(Standing.SERVING, _address_of(node))


def _address_of(node: NodeState) -> str:
    host = node.sip_address.rpartition(":")[0]
    try:
        return str(IPv4Address(host))
    except AddressValueError as error:
        message = f"node {node.node_id} has the address {node.sip_address!r}, no IPv4 with a port"
        raise AddressDamagedError(message) from error
