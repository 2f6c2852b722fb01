"""Recordings as items of the table of nodes (model/tables.py has the keys).

Whoever orders writes the order and whether its end is wanted, the node that holds the call writes
what becomes of it: different attributes of one item, so that neither undoes what the other does.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import NamedTuple

from model.codec import (
    AttributeValue,
    Item,
    Plain,
    encode,
    flag,
    moment,
    moment_text,
    optional_string,
    string,
    whole,
)
from model.recordings import BEGUN_WITHIN, Recording, RecordingOrder, RecordingState
from model.tables import EXPIRES_AT, PARTITION_KEY, RECORDING, SORT_KEY, key

KEPT = timedelta(days=1)
"""After the order; the object in the bucket stays longer."""
_SEPARATOR = "#"
_OUTCOME = ("state", "bucket", "object_key", "size", "reason")


class Change(NamedTuple):
    """The arguments of an UpdateItem."""

    expression: str
    condition: str
    names: Mapping[str, str]
    values: Mapping[str, AttributeValue]


def recording_key(node_id: str, transaction_id: str) -> Item:
    """Return the primary key of a call's recording."""
    return key(RECORDING, node_prefix(node_id) + transaction_id)


def node_prefix(node_id: str) -> str:
    """Return how the sort keys of a node's recordings begin."""
    return node_id + _SEPARATOR


def ordering(order: RecordingOrder) -> Change:
    """Return the order of a recording, unless one of the same call is under way.

    An order that no node took in time is as good as none.
    """
    members: dict[str, Plain] = {
        "seconds": order.seconds,
        "ordered_by": order.ordered_by,
        "ordered_at": moment_text(order.ordered_at),
        EXPIRES_AT: int((order.ordered_at + KEPT).timestamp()),
    }
    over = {f":{it.value}": encode(it.value) for it in RecordingState if it.is_over}
    change = _setting(members, remove=(*_OUTCOME, "end_wanted"))
    free = (
        f"attribute_not_exists(#pk) OR #state IN ({', '.join(over)}) "
        "OR (attribute_not_exists(#state) AND #ordered_at < :stale)"
    )
    stale = encode(moment_text(order.ordered_at - BEGUN_WITHIN))
    names = {**change.names, "#pk": PARTITION_KEY}
    values = {**change.values, **over, ":stale": stale}
    return change._replace(condition=free, names=names, values=values)


def ending(order: RecordingOrder) -> Change:
    """Return the wish that a recording ends."""
    return _of(order, _setting({"end_wanted": True}))


def outcome(recording: Recording) -> Change:
    """Return what the node has to say of a recording."""
    members: dict[str, Plain] = {
        "state": recording.state.value,
        "bucket": recording.bucket,
        "object_key": recording.object_key,
        "size": recording.size,
        "reason": recording.reason,
    }
    return _of(recording.order, _setting({k: v for k, v in members.items() if v is not None}))


def recording_from(item: Item) -> Recording:
    """Return the recording of an item; raises KeyError or ValueError for a damaged one."""
    node_id, _, transaction_id = string(item[SORT_KEY]).partition(_SEPARATOR)
    state = optional_string(item, "state")
    return Recording(
        order=RecordingOrder(
            transaction_id=transaction_id,
            node_id=node_id,
            seconds=whole(item["seconds"]),
            ordered_by=string(item["ordered_by"]),
            ordered_at=moment(item["ordered_at"]),
        ),
        state=RecordingState.ORDERED if state is None else RecordingState(state),
        end_wanted="end_wanted" in item and flag(item["end_wanted"]),
        bucket=optional_string(item, "bucket"),
        object_key=optional_string(item, "object_key"),
        size=whole(item["size"]) if "size" in item else None,
        reason=optional_string(item, "reason"),
    )


def _of(order: RecordingOrder, change: Change) -> Change:
    """Return a change that is made to the item of this very order only."""
    return change._replace(
        condition="#ordered_at = :ordered_at",
        names={**change.names, "#ordered_at": "ordered_at"},
        values={**change.values, ":ordered_at": encode(moment_text(order.ordered_at))},
    )


def _setting(members: Mapping[str, Plain], remove: tuple[str, ...] = ()) -> Change:
    expression = "SET " + ", ".join(f"#{name} = :{name}" for name in members)
    if remove:
        expression += " REMOVE " + ", ".join(f"#{name}" for name in remove)
    return Change(
        expression=expression,
        condition="",
        names={f"#{name}": name for name in (*members, *remove)},
        values={f":{name}": encode(value) for name, value in members.items()},
    )
