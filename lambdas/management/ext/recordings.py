"""/ext/calls/{TransactionId}/recording: a call that is to be recorded, for debugging."""

from collections.abc import Mapping

from lambdas.management import recordings
from lambdas.management.context import Context
from lambdas.management.ext.query import Query
from model.recordings import Recording

ORDER_PARAMETERS = frozenset({"seconds"})
NO_PARAMETERS: frozenset[str] = frozenset()


def order(context: Context, query: Query) -> Mapping[str, object]:
    """Order a recording (EXT9)."""
    return _described(
        recordings.order(
            context.repository,
            query.label,
            seconds=query.seconds(),
            ordered_by=context.access_key_id,
            now=context.now,
        )
    )


def show(context: Context, query: Query) -> Mapping[str, object]:
    """Return how a recording stands (EXT10)."""
    return _described(recordings.recording(context.repository, query.label, context.now))


def end(context: Context, query: Query) -> Mapping[str, object]:
    """Want the end of a recording (EXT11)."""
    return _described(recordings.end(context.repository, query.label, context.now))


def _described(recording: Recording) -> Mapping[str, object]:
    order = recording.order
    return {
        "Recording": {
            "TransactionId": order.transaction_id,
            "NodeId": order.node_id,
            "State": recording.state.value,
            "Seconds": order.seconds,
            "OrderedBy": order.ordered_by,
            "OrderedTimestamp": order.ordered_at,
            "Bucket": recording.bucket,
            "ObjectKey": recording.object_key,
            "Bytes": recording.size,
            "Reason": recording.reason,
        }
    }
