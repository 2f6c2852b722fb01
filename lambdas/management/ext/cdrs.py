"""GET /ext/cdrs: the detail records of a connector or a number."""

from collections.abc import Mapping

from lambdas.management.call_repository import CallList, position_of
from lambdas.management.context import Context
from lambdas.management.errors import BadRequest
from lambdas.management.ext.pages import BATCH, Paging, take
from lambdas.management.ext.quality import described_quality
from lambdas.management.ext.query import Query
from model.call_items import has_ended, record_from
from model.cdr import CallStatus
from model.codec import Item, optional_string, string
from model.tables import CALLS_OF_CONNECTOR, CALLS_OF_NUMBER

PARAMETERS = frozenset(
    {"connector-id", "number", "from", "to", "status", "max-results", "next-token"}
)


def list_records(context: Context, query: Query) -> Mapping[str, object]:
    """Return records, by start time, the newest first (EXT5)."""
    connector_id, number = query.connector_id(), query.number()
    since, before = query.span()
    status = query.choice("status", [it.value for it in CallStatus])
    size = query.page_size()
    if connector_id is None and number is None:
        raise BadRequest("connector-id or number is required")
    wanted = CallList(
        index=CALLS_OF_CONNECTOR if number is None else CALLS_OF_NUMBER,
        of=number or connector_id or "",
        since=since,
        before=before,
    )
    listing = f"cdrs {connector_id} {number} {since} {before} {status}"
    paging = Paging(listing, context, query)

    def fits(item: Item) -> bool:
        return (
            has_ended(item)
            and status in (None, string(item["status"]))
            and connector_id in (None, string(item["connector_id"]))
        )

    filtered = status is not None or (number is not None and connector_id is not None)
    rows = context.repository.calls.calls(
        wanted, after=paging.after, batch=BATCH if filtered else size + 1
    )
    taken = take(((position_of(item), item) for item in rows), most=size, fits=fits)
    account_id = context.settings.account_id
    return {
        "CallDetailRecords": [_described(item, account_id) for item in taken.items],
        "NextToken": paging.token(taken.position),
    }


def _described(item: Item, account_id: str) -> Mapping[str, object]:
    """Return the record's members as the whitepaper has them, whatever the object's form (EXT5),
    the object's key, and how the call's media was."""
    return {
        **record_from(item, account_id).seed_members(),
        "ObjectKey": optional_string(item, "object_key"),
        "Quality": described_quality(item),
    }
