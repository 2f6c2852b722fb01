"""GET /ext/nodes: where the edge can be reached now."""

from collections.abc import Mapping

from lambdas.management.context import Context
from lambdas.management.ext.query import Query
from model.node import TlsState

PARAMETERS: frozenset[str] = frozenset()


def list_nodes(context: Context, query: Query) -> Mapping[str, object]:
    """Return the live nodes (EXT7)."""
    return {
        "Nodes": [
            {
                "NodeId": node.node_id,
                "SipAddress": node.sip_address,
                "StartedTimestamp": node.started_at,
                "RenewedTimestamp": node.renewed_at,
                "ActiveCalls": node.active_calls,
                "Draining": node.draining,
                **({} if node.tls is None else {"Tls": _tls(node.tls)}),
            }
            for node in context.repository.nodes.live(context.now)
        ]
    }


def _tls(tls: TlsState) -> Mapping[str, object]:
    told = {"Open": tls.is_open, "CoversHosts": tls.covers_hosts}
    return told if tls.ends_at is None else {**told, "EndsTimestamp": tls.ends_at}
