"""What a node says of itself from time to time."""

from edge.call.b2bua import B2bua
from edge.clock import Clock
from edge.seam import NodeReport
from model.node import CarrierState


def node_report(calls: B2bua, clock: Clock, now: float, *, by_connector: bool) -> NodeReport:
    """Return the report of the monotonic time `now`; `by_connector` tells calls apart (R16)."""
    return NodeReport(
        active_calls=calls.active_calls(),
        draining=calls.is_draining,
        carriers=tuple(
            CarrierState(
                name=carrier.name,
                host=carrier.host,
                port=carrier.port,
                priority=carrier.priority,
                weight=carrier.weight,
                out_until=None if until is None else clock.utc_at(until),
            )
            for carrier, until in calls.carrier_outages(now)
        ),
        connector_calls=calls.calls_by_connector() if by_connector else {},
    )
