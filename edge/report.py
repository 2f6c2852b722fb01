"""What a node says of itself from time to time."""

from edge.call.b2bua import B2bua
from edge.seam import NodeReport
from model.node import CarrierState


def node_report(
    calls: B2bua, carriers: tuple[CarrierState, ...], *, by_connector: bool
) -> NodeReport:
    """Return the report; `by_connector` tells calls apart (EDGE R16)."""
    return NodeReport(
        active_calls=calls.active_calls(),
        draining=calls.is_draining,
        carriers=carriers,
        connector_calls=calls.calls_by_connector() if by_connector else {},
    )
