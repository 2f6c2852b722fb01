"""GET /ext/calls: the calls that are up."""

from collections.abc import Iterator, Mapping

from lambdas.management.call_repository import position_of
from lambdas.management.context import Context
from lambdas.management.ext.pages import BATCH, Paging, take
from lambdas.management.ext.quality import described_quality
from lambdas.management.ext.query import Query
from model.call_items import has_ended, live_call_from
from model.codec import Item, string
from model.node import NodeState
from model.tables import CALLS_OF_CONNECTOR, LIVE_CALLS

PARAMETERS = frozenset({"connector-id", "max-results", "next-token"})

_SEPARATOR = " "


def list_calls(context: Context, query: Query) -> Mapping[str, object]:
    """Return the calls of live nodes, node by node, the newest first (EXT4)."""
    connector_id, size = query.connector_id(), query.page_size()
    paging = Paging(f"calls {connector_id}", context, query)
    nodes = context.repository.nodes.live(context.now)
    batch = size + 1 if connector_id is None else BATCH

    def fits(item: Item) -> bool:
        of = string(item[CALLS_OF_CONNECTOR.partition_key])
        return not has_ended(item) and connector_id in (None, of)

    taken = take(_live_calls(context, nodes, paging.after, batch), most=size, fits=fits)
    return {
        "Calls": [_described(item) for item in taken.items],
        "NextToken": paging.token(taken.position),
    }


def _live_calls(
    context: Context, nodes: list[NodeState], after: str, batch: int
) -> Iterator[tuple[str, Item]]:
    """Yield live calls behind a position, which is a node's id and a place among its calls."""
    last_node, _, place = after.partition(_SEPARATOR)
    for node in nodes:
        if node.node_id < last_node:
            continue
        start = place if node.node_id == last_node else ""
        for item in context.repository.calls.live_calls(node.node_id, after=start, batch=batch):
            yield f"{node.node_id}{_SEPARATOR}{position_of(item)}", item


def _described(item: Item) -> Mapping[str, object]:
    call = live_call_from(item)
    return {
        "TransactionId": call.transaction_id,
        "CallId": call.call_id,
        "VoiceConnectorId": call.connector_id,
        "FromNumber": call.from_number,
        "ToNumber": call.to_number,
        "Disposition": call.disposition.value,
        "SipAuthUser": call.sip_auth_user,
        "StartTimestamp": call.answered_at,
        "NodeId": string(item[LIVE_CALLS.partition_key]),
        "Quality": described_quality(item),
    }
