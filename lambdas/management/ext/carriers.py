"""GET /ext/carriers: the configured carriers as each live node sees them."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from lambdas.management.context import Context
from lambdas.management.ext.query import Query
from model.node import CarrierState

PARAMETERS: frozenset[str] = frozenset()


def list_carriers(context: Context, query: Query) -> Mapping[str, object]:
    """Return every carrier that a live node has in its settings, by priority, then name (EXT8).

    The nodes tell, not this function's own settings: nodes of two settings may live side by side.
    """
    states: dict[CarrierState, list[Mapping[str, object]]] = {}
    for node in context.repository.nodes.live(context.now):
        for carrier in node.carriers:
            seen = states.setdefault(replace(carrier, out_until=None, registration=None), [])
            seen.append({"NodeId": node.node_id, **_state(carrier, context.now)})
    carriers = sorted(states, key=lambda it: (it.priority, it.name, it.host, it.port))
    return {
        "Carriers": [
            {
                "Name": carrier.name,
                "Host": carrier.host,
                "Port": carrier.port,
                "Priority": carrier.priority,
                "Weight": carrier.weight,
                "States": states[carrier],
            }
            for carrier in carriers
        ]
    }


def _state(carrier: CarrierState, now: datetime) -> Mapping[str, object]:
    out_until, registration = carrier.out_until, carrier.registration
    known = {} if registration is None else {"Registration": registration.upper()}
    if out_until is None or out_until <= now:
        return {"State": "OK", **known}
    return {"State": "OUT", "OutUntilTimestamp": out_until, **known}
